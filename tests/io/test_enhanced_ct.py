"""Enhanced (multi-frame) CT, written as the standard's functional groups demand."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless, generate_uid
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.slice_planes import read_planes
from lvt_track.io.dicom.volumes import read_series
from lvt_track.io.discover import discover, read_scan

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def item(**values: Any) -> list[Dataset]:
    dataset = Dataset()
    for name, value in values.items():
        setattr(dataset, name, value)
    return [dataset]


def frame_of(ct: Volume, k: int) -> Dataset:
    frame = Dataset()
    position = [f"{v:.6f}" for v in ct.geometry.to_world((k, 0, 0))]
    frame.PlanePositionSequence = item(ImagePositionPatient=position)
    frame.FrameContentSequence = item(StackID="1", InStackPositionNumber=k + 1)
    # Every frame has an intercept of its own, as each slice may.
    frame.PixelValueTransformationSequence = item(
        RescaleSlope="1", RescaleIntercept=str(-1024 - k), RescaleType="HU"
    )
    return frame


def write_enhanced(
    path: Path,
    ct: Volume,
    order: list[int] | None = None,
    spoil: Callable[[FileDataset], None] | None = None,
) -> Path:
    """A volume as one file, its frames in any order."""
    order = order or list(range(len(ct.hu)))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ENHANCED_CT
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID = ENHANCED_CT, meta.MediaStorageSOPInstanceUID
    image.Modality, image.PatientID, image.PatientName = "CT", "P1", "Doe^Jo"
    image.StudyDate, image.StudyInstanceUID = "20240301", "1.2.3"
    image.SeriesInstanceUID, image.SeriesNumber = "1.2.3.4", 4
    image.SeriesDescription = "Abdomen portalvenös"
    image.SpecificCharacterSet = "ISO_IR 192"
    image.FrameOfReferenceUID = "1.2.3.9"
    image.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 1
    image.NumberOfFrames, image.Rows, image.Columns = ct.hu.shape
    geometry = ct.geometry
    shared = Dataset()
    orientation = [f"{v:.9f}" for v in geometry.direction[:, :2].T.ravel()]
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=orientation)
    shared.PixelMeasuresSequence = item(
        PixelSpacing=[str(v) for v in geometry.spacing_mm[1:]],
        SliceThickness=str(geometry.spacing_mm[0]),
    )
    shared.CTImageFrameTypeSequence = item(
        FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], VolumeBasedCalculationTechnique="NONE"
    )
    shared.CTReconstructionSequence = item(ConvolutionKernel=["B30f"])
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = [frame_of(ct, k) for k in order]
    stored = [ct.hu[k].astype(np.int32) + 1024 + k for k in order]
    image.PixelData = np.stack(stored).astype("<i2").tobytes()
    if spoil is not None:
        spoil(image)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("angles", [(0, 0, 0), (5, -4, 12), (180, 0, 0)])
def test_hu_and_grid_come_back_from_frames_in_any_order(
    tmp_path: Path, ct: Volume, angles: tuple[int, int, int]
) -> None:
    turn = Rotation.from_euler("xyz", angles, True).as_matrix()
    geometry = Geometry(ct.geometry.shape, (2.5, 0.7, 0.9), (-93.1, 47.7, -1203.4), turn)
    order = random.Random(1).sample(range(len(ct.hu)), len(ct.hu))
    read = read_series([write_enhanced(tmp_path / "ct", Volume(ct.hu, geometry), order)])
    np.testing.assert_array_equal(read.hu, ct.hu)
    assert read.hu.dtype == np.int16
    assert read.geometry.is_close(geometry, 1e-4)


def test_the_grid_is_the_one_itk_sees(tmp_path: Path, ct: Volume) -> None:
    path = write_enhanced(tmp_path / "ct.dcm", ct)
    image, read = sitk.ReadImage(str(path)), read_series([path])
    assert image.GetSize() == read.geometry.shape[::-1]
    assert np.allclose(image.GetOrigin(), read.geometry.origin_mm, atol=1e-4)
    assert np.allclose(image.GetSpacing(), read.geometry.spacing_mm[::-1], atol=1e-6)


def test_it_is_discovered_and_read(tmp_path: Path, ct: Volume) -> None:
    path = write_enhanced(tmp_path / "study" / "IM1", ct)
    found = discover(tmp_path)
    (visit,) = found.visits
    series = visit.tracked_series
    assert found.left_out == ()
    assert (found.patient, visit.name, series.phase) == ("P1", "2024-03-01", Phase.PORTAL)
    assert (series.files, series.shape) == ((path,), ct.geometry.shape)
    assert series.slice_thickness_mm == ct.geometry.spacing_mm[0]
    np.testing.assert_array_equal(read_scan(series).hu, ct.hu)
    planes = read_planes(series)
    assert [plane.number for plane in planes.slices] == list(range(1, len(ct.hu) + 1))
    place = planes.slices[3].place(5, 7)
    assert place == pytest.approx(ct.geometry.to_world((3, 7, 5)), abs=1e-4)
    assert planes.slices[3].is_image(planes.slices[0].sop_uid, 4)
    assert not planes.slices[3].is_image(planes.slices[0].sop_uid, None)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_frames(tmp_path: Path, ct: Volume, syntax: str) -> None:
    path = write_enhanced(
        tmp_path / "ct",
        ct,
        spoil=lambda image: image.compress(syntax, generate_instance_uid=False),
    )
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(read_series([path]).hu, ct.hu)


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("parts", [1, 2], ids=["whole", "in fragments"])
def test_frames_compressed_by_gdcm(tmp_path: Path, ct: Volume, compressor: str, parts: int) -> None:
    """JPEG lossless and JPEG 2000; a frame may lie in several fragments."""
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(tmp_path / "one.dcm"))
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    frames = []
    for k, plane in enumerate(ct.hu.astype(np.int32)):
        writer.Execute(sitk.GetImageFromArray((plane + 1024 + k).astype(np.int16)[None]))
        one = pydicom.dcmread(tmp_path / "one.dcm")
        frames.append(b"".join(generate_fragments(one.PixelData)))

    def packed(image: FileDataset) -> None:
        image.PixelData = encapsulate(frames, fragments_per_frame=parts)
        image["PixelData"].is_undefined_length = True
        image.file_meta.TransferSyntaxUID = one.file_meta.TransferSyntaxUID

    path = write_enhanced(tmp_path / "ct", ct, spoil=packed)
    np.testing.assert_array_equal(read_series([path]).hu, ct.hu)


def scout(image: FileDataset) -> None:
    kinds = ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]
    image.SharedFunctionalGroupsSequence[0].CTImageFrameTypeSequence[0].FrameType = kinds


def missing_groups(image: FileDataset) -> None:
    del image.PerFrameFunctionalGroupsSequence[-1]


@pytest.mark.parametrize(
    ("spoil", "reason", "is_failure"),
    [
        (scout, "a scout", False),
        (missing_groups, "groups for 11", True),
    ],
)
def test_what_is_left_out(
    tmp_path: Path, ct: Volume, write_series: Any, spoil: Any, reason: str, is_failure: bool
) -> None:
    write_series(tmp_path / "slices")
    write_enhanced(tmp_path / "frames", ct, spoil=spoil)
    (item,) = discover(tmp_path).left_out
    assert reason in item.reason
    assert item.is_failure is is_failure


def test_a_file_cut_short_is_named(tmp_path: Path, ct: Volume) -> None:
    path = write_enhanced(tmp_path / "ct", ct)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="cut short"):
        read_series([path])
