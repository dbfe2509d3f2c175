"""Tiny replicas of public datasets, written in the layouts they are downloaded in."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.images.volumes import write_labels, write_mask, write_volume
from lvt_track.pipeline.prepare import PrepareResult, PrepareSettings, prepare_dataset
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from tests.io.drawn import LIVER, Piece, write_drawing

SHAPE = (12, 40, 48)
SPACING_MM = (3.0, 1.5, 2.0)
BODY = np.s_[:, 4:36, 4:44]
"""Where a replica is not air; what is prepared ends there."""
RAS = np.diag([-1.0, -1.0, 1.0])
UPSIDE_DOWN = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, eq=False)
class Patient:
    """What a replica shows, along the patient's axes; no two axes or directions look alike.

    The vessel runs on for a few voxels outside the liver.
    """

    hu: NDArray[np.int16]
    liver: BoolArray
    vessels: BoolArray
    tumors: BoolArray


def draw(seed: int = 0) -> Patient:
    """A body in air with a liver on its right, one vessel and two tumours."""
    rng = np.random.default_rng(seed)
    liver, vessels, tumors = (np.zeros(SHAPE, bool) for _ in range(3))
    hu = np.full(SHAPE, -1000, np.int16)
    hu[BODY] = -90
    hu[:, 7:33, 8:40] = 45
    liver[3:10, 9:24, 9:26] = True
    vessels[5, 12:30, 14:16] = True
    tumors[4:8, 18:21, 19:23] = tumors[8, 10:12, 10 + seed % 3] = True
    for mask, value in ((liver, 110), (vessels, 170), (tumors, 60)):
        hu[mask] = value
    hu += rng.integers(-9, 10, SHAPE).astype(np.int16)
    return Patient(hu, liver, vessels, tumors)


def values(patient: Patient, **numbers: int) -> NDArray[np.int32]:
    """A label map: each class has its number, later ones over earlier ones."""
    labels = np.zeros(SHAPE, np.int32)
    for name, number in numbers.items():
        labels[getattr(patient, name)] = number
    return labels


def stored(
    array: NDArray[np.generic], direction: NDArray[np.float64] = RAS
) -> tuple[NDArray[np.generic], Geometry]:
    """An array as it is stored with axes in these directions, and its grid."""
    signs = np.diag(direction)
    origin = np.array([-120.0, -80.0, 300.0])
    last_mm = (np.array(SHAPE[::-1]) - 1) * np.array(SPACING_MM[::-1])
    corner = np.where(signs < 0, origin + last_mm, origin)
    flips = tuple(axis for axis in range(3) if signs[2 - axis] < 0)
    geometry = Geometry(SHAPE, SPACING_MM, tuple(corner), direction)
    return np.ascontiguousarray(np.flip(array, flips)), geometry


def write_scan(path: Path, patient: Patient, direction: NDArray[np.float64] = RAS) -> None:
    """The scan as an image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(Volume(*stored(patient.hu, direction)), path)  # type: ignore[arg-type]


def write_map(path: Path, labels: NDArray[np.int32], direction: NDArray[np.float64] = RAS) -> None:
    """A label map as an image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_labels(*stored(labels, direction), path)  # type: ignore[arg-type]


def write_structure(path: Path, mask: BoolArray) -> None:
    """One structure as an image file of 0 and 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(*stored(mask), path)  # type: ignore[arg-type]


def write_pairs(
    folder: Path,
    image: str,
    labels: str,
    numbers: Mapping[str, int],
    cases: tuple[int, ...] = (0, 1),
) -> None:
    """Scans and label maps; `{}` in the names stands for the number of the case."""
    for case in cases:
        patient = draw(case)
        write_scan(folder / image.format(case), patient)
        write_map(folder / labels.format(case), values(patient, **numbers))


def write_series(
    folder: Path, patient: Patient, *, patient_id: str = "", acquisition: int = 1, seed: int = 0
) -> list[Path]:
    """The scan as a DICOM series, from the feet up."""
    series = f"1.2.826.0.1.{seed}"
    files = write_ct_series(
        Volume(patient.hu, Geometry.axial(SHAPE, SPACING_MM, (-30.0, -20.0, 100.0))),
        folder,
        SeriesHeader(
            patient_id=patient_id,
            patient_name="",
            date=dt.date(2010, 1, 1),
            study_uid=f"{series}.1",
            series_uid=f"{series}.2",
            series_number=2,
            description="",
        ),
    )
    for path in files:
        image = pydicom.dcmread(path)
        image.AcquisitionNumber = acquisition
        image.SOPInstanceUID = generate_uid(entropy_srcs=[image.SOPInstanceUID, str(acquisition)])
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(path)
    return files


def write_ircadb_patient(folder: Path, patient: Patient, masks: Mapping[str, BoolArray]) -> None:
    """3D-IRCADb-01: PATIENT_DICOM/image_0 … and MASKS_DICOM/<structure>/image_0 …, feet first."""
    scan = folder / "PATIENT_DICOM"
    for k, path in enumerate(write_series(scan, patient)):
        path.rename(scan / f"image_{k}")
    (scan / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    for name, mask in masks.items():
        place = folder / "MASKS_DICOM" / name
        place.mkdir(parents=True)
        for k, plane in enumerate(mask):
            _write_mask_slice(place / f"image_{k}", plane)


def zip_inner(folder: Path) -> None:
    """Pack the folders of a case of 3D-IRCADb-01 as they come."""
    for name in ("PATIENT_DICOM", "MASKS_DICOM"):
        shutil.make_archive(str(folder / name), "zip", folder, name)
        shutil.rmtree(folder / name)


def write_chaos_patient(folder: Path, patient: Patient) -> None:
    """CHAOS: DICOM_anon/i0000,0000b.dcm … and Ground/liver_GT_000.png …, head first."""
    scan = folder / "DICOM_anon"
    for k, path in enumerate(reversed(write_series(scan, patient))):
        path.rename(scan / f"i{k:04d},0000b.dcm")
    (folder / "Ground").mkdir()
    for k, plane in enumerate(patient.liver[::-1]):
        image = sitk.GetImageFromArray(plane.astype(np.uint8) * 255)
        sitk.WriteImage(image, str(folder / "Ground" / f"liver_GT_{k:03d}.png"))


def write_segmentation(path: Path, files: list[Path], masks: Mapping[str, BoolArray]) -> None:
    """A DICOM segmentation drawn on a series; slices without any of it are left out, as on TCIA."""
    write_drawing(path, files, [Piece(label, mask, LIVER) for label, mask in masks.items()])


def prepare(
    name: str | Path, source: Path, parent: Path, existing: Existing = Existing.REFUSE
) -> PrepareResult:
    """Prepare a replica."""
    settings = PrepareSettings(jobs=1)
    return prepare_dataset(str(name), source, parent, settings, existing, Silent())


def _write_mask_slice(path: Path, plane: BoolArray) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID = meta.MediaStorageSOPClassUID
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.Modality = "OT"
    image.Rows, image.Columns = plane.shape
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.RescaleSlope, image.RescaleIntercept = 1, -1024  # as if it were a CT, which it is not
    image.PixelData = (plane.astype(np.uint8) * 255).tobytes()
    image.save_as(path, enforce_file_format=True)
