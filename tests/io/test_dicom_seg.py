from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits
from pydicom.uid import generate_uid

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.header import read_slice_headers
from lvt_track.io.dicom.segmentation.frames import read_frames
from lvt_track.io.dicom.segmentation.header import read_segmentation_header, slices_drawn_on
from lvt_track.io.dicom.segmentation.voxels import read_segments
from lvt_track.io.layouts.drawings.segment_classes import classes_of_segments
from tests.io.drawn import LIVER, Piece, write_drawing

SHAPE = (6, 24, 32)
COSINE, SINE = np.cos(0.1), np.sin(0.1)
OBLIQUE = np.array([[COSINE, -SINE, 0], [SINE, COSINE, 0], [0, 0, 1]])

WriteSeries = Callable[..., list[Path]]


def ct(direction: NDArray[np.float64] | None = None) -> Volume:
    hu = np.full(SHAPE, -1000, np.int16)
    hu[:, 4:20, 4:28] = np.random.default_rng(0).integers(-120, 180, (6, 16, 24))
    axes = np.eye(3) if direction is None else direction
    return Volume(hu, Geometry(SHAPE, (3.0, 0.8, 0.9), (-101.5, -87.25, -640.0), axes))


def masks() -> dict[str, BoolArray]:
    """Two segments that overlap, with no two axes or directions alike; some slices are empty."""
    liver, tumor = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    liver[1:5, 5:15, 6:9] = liver[2, 5:7, 6:20] = True
    tumor[2:4, 6:8, 7:9] = True
    return {"Liver": liver, "Tumor_1": tumor}


def write_segmentation(path: Path, files: list[Path], kind: str = "BINARY") -> None:
    write_drawing(path, files, [Piece(label, mask, LIVER) for label, mask in masks().items()], kind)


def turn_frames(path: Path, is_transposed: bool) -> None:
    """Store the same segments with rows running up, or with rows and columns exchanged."""
    dataset = pydicom.dcmread(path)
    frames = dataset.pixel_array
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = shared.PlaneOrientationSequence[0]
    row = np.array(orientation.ImageOrientationPatient[:3], float)
    column = np.array(orientation.ImageOrientationPatient[3:], float)
    height, width = shared.PixelMeasuresSequence[0].PixelSpacing
    if is_transposed:
        frames, new = frames.transpose(0, 2, 1), [*column, *row]
        shared.PixelMeasuresSequence[0].PixelSpacing = [width, height]
        dataset.Rows, dataset.Columns = dataset.Columns, dataset.Rows
    else:
        frames, new = frames[:, ::-1], [*row, *-column]
        for group in dataset.PerFrameFunctionalGroupsSequence:
            place = group.PlanePositionSequence[0]
            last_mm = (dataset.Rows - 1) * float(height) * column
            corner = np.array(place.ImagePositionPatient, float) + last_mm
            place.ImagePositionPatient = [f"{value:.6f}" for value in corner]
    orientation.ImageOrientationPatient = [f"{value:.8f}" for value in new]
    dataset.PixelData = pack_bits(np.ascontiguousarray(frames))
    dataset.save_as(path)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
@pytest.mark.parametrize("direction", [None, OBLIQUE])
def test_segments_lie_on_the_ct_they_were_drawn_on(
    tmp_path: Path, write_series: WriteSeries, kind: str, direction: NDArray[np.float64] | None
) -> None:
    volume = ct(direction)
    write_segmentation(tmp_path / "seg.dcm", write_series(tmp_path / "ct", volume), kind)
    read = dict(read_segments(tmp_path / "seg.dcm", volume.geometry))
    assert list(read) == ["Liver", "Tumor_1"]
    for name, mask in masks().items():
        assert np.array_equal(read[name], mask)


@pytest.mark.parametrize("is_transposed", [False, True])
def test_frames_stored_in_other_directions_are_turned(
    tmp_path: Path, write_series: WriteSeries, is_transposed: bool
) -> None:
    write_segmentation(tmp_path / "seg.dcm", write_series(tmp_path / "ct", ct()))
    turn_frames(tmp_path / "seg.dcm", is_transposed)
    read = dict(read_segments(tmp_path / "seg.dcm", ct().geometry))
    for name, mask in masks().items():
        assert np.array_equal(read[name], mask)


def test_header_names_the_series_and_its_images(tmp_path: Path, write_series: WriteSeries) -> None:
    files = write_series(tmp_path / "ct", ct(), series_uid="1.2.3.9")
    write_segmentation(tmp_path / "seg.dcm", files)
    header = read_segmentation_header(tmp_path / "seg.dcm")
    assert (header.patient_id, header.source_series_uids) == ("P1", ("1.2.3.9",))
    slices, _ = read_slice_headers(files)
    assert header.image_uids <= {one.sop_uid for one in slices}
    assert slices_drawn_on(header, slices) == slices


def test_of_two_acquisitions_the_one_drawn_on_is_taken_whole(
    tmp_path: Path, write_series: WriteSeries
) -> None:
    def second(image: Dataset, number: int) -> None:
        image.AcquisitionNumber = 2
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()

    first = write_series(tmp_path / "a", ct())
    drawn_on = write_series(tmp_path / "b", ct(), spoil=second)
    write_segmentation(tmp_path / "seg.dcm", drawn_on)
    slices, _ = read_slice_headers([*first, *drawn_on])
    chosen = slices_drawn_on(read_segmentation_header(tmp_path / "seg.dcm"), slices)
    assert [one.path for one in chosen] == drawn_on


def test_another_grid_is_refused(tmp_path: Path, write_series: WriteSeries) -> None:
    write_segmentation(tmp_path / "seg.dcm", write_series(tmp_path / "ct", ct()))
    geometry = ct().geometry
    for other in (
        Geometry(SHAPE, (3.0, 0.8, 0.8), geometry.origin_mm, geometry.direction),
        Geometry(SHAPE, geometry.spacing_mm, (-101.5, -87.0, -640.0), geometry.direction),
        Geometry((2, 24, 32), geometry.spacing_mm, geometry.origin_mm, geometry.direction),
        Geometry(SHAPE, geometry.spacing_mm, geometry.origin_mm, OBLIQUE),
    ):
        with pytest.raises(InputError, match="do not lie on the voxels"):
            list(read_segments(tmp_path / "seg.dcm", other))


@pytest.mark.parametrize("name", ["liver_1frame.dcm", "liver_expb_1frame.dcm"])
def test_one_that_dcmqi_wrote(name: str) -> None:
    """In either order of bytes; pydicom keeps one frame of it and the groups of three."""
    path = Path(pydicom.__file__).parent / "data" / "test_files" / name
    header = read_segmentation_header(path)
    assert classes_of_segments(header).by_class == {"liver": (1,)}
    assert len(header.image_uids) == 3
    with pytest.raises(InputError, match="1 frames, but groups for 3"):
        read_frames(path)


def test_what_is_no_segmentation_is_refused(tmp_path: Path, write_series: WriteSeries) -> None:
    slices = write_series(tmp_path / "ct", ct())
    with pytest.raises(InputError, match="not a DICOM segmentation"):
        list(read_segments(slices[0], ct().geometry))
    (tmp_path / "text.dcm").write_text("no DICOM")
    with pytest.raises(InputError, match=r"text\.dcm: cannot be read as DICOM"):
        read_segmentation_header(tmp_path / "text.dcm")
