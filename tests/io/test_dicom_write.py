from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.volumes import read_series

# Types 1 and 2 of the CT Image IOD's mandatory modules (DICOM PS3.3, A.3.3).
NEEDS_VALUE = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "ImageType",
    "FrameOfReferenceUID",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RescaleIntercept",
    "RescaleSlope",
    "PixelData",
]
MAY_BE_EMPTY = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "ReferringPhysicianName",
    "AccessionNumber",
    "SeriesNumber",
    "PositionReferenceIndicator",
    "InstanceNumber",
    "SliceThickness",
    "KVP",
    "AcquisitionNumber",
    "PatientPosition",
    "Manufacturer",
]


def test_images_hold_what_the_standard_wants(tmp_path: Path, write_series: Any) -> None:
    for path in write_series(tmp_path, kernel="Br40d", phase=Phase.PORTAL):
        dataset = pydicom.dcmread(path)
        assert dataset.file_meta.MediaStorageSOPClassUID == CTImageStorage
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        for name in NEEDS_VALUE:
            assert dataset.get(name) not in (None, ""), name
        for name in MAY_BE_EMPTY:
            assert name in dataset, name
        assert dataset.ContrastBolusAgent


def test_uids_are_unique_within_and_equal_between_runs(tmp_path: Path, write_series: Any) -> None:
    first = write_series(tmp_path / "a")
    second = write_series(tmp_path / "b")
    other = write_series(tmp_path / "c", series_number=2)
    uids = [[pydicom.dcmread(path).SOPInstanceUID for path in files] for files in (first, other)]
    assert len({uid for files in uids for uid in files}) == len(first) + len(other)
    for one, again in zip(first, second, strict=True):
        assert one.read_bytes() == again.read_bytes()


def test_fractions_are_rounded(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    noisy = Volume(ct.hu.astype(np.float32) + 0.4, ct.geometry)
    np.testing.assert_array_equal(read_series(write_series(tmp_path, noisy)).hu, ct.hu)


def test_values_beyond_16_bits_are_refused(tmp_path: Path, write_series: Any) -> None:
    hu = np.zeros((5, 4, 4), np.float32)
    hu[0, 0, 0] = 40_000
    volume = Volume(hu, Geometry.axial((5, 4, 4), (1.0, 1.0, 1.0)))
    with pytest.raises(ValueError, match="16 bits"):
        write_series(tmp_path, volume)
