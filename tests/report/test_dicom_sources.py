"""Segmentations and reports of every kind of source, by the validators of the field."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import Geometry
from lvt_track.core.response.assessment import Assessment
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.segmentation.voxels import read_segments
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.measure.axes import measure_lesion
from lvt_track.report.dicom.references import Author, SourceImages
from lvt_track.report.dicom.seg_type import SegSeries
from lvt_track.report.dicom.segmentation import Kind, Segment, write_segmentation
from lvt_track.report.dicom.structured_report.content import ReportedLesion, VisitReport
from lvt_track.report.dicom.structured_report.document import write_structured_report
from tests.io.test_enhanced_ct import write_enhanced

SHAPE = (6, 24, 32)
AUTHOR = Author("1.5", dt.datetime(2026, 11, 30, 4, 5, 6), "default")
FLIPS = {
    f"{x}{y}{z}".replace("-1", "-").replace("1", "+"): np.diag([x, y, z]).astype(float)
    for x, y, z in itertools.product((1, -1), repeat=3)
}
ORIENTATIONS = FLIPS | {
    "oblique": Rotation.from_euler("xyz", (5, -4, 12), degrees=True).as_matrix(),
    "prone": Rotation.from_euler("z", 180, degrees=True).as_matrix(),
}
PLANTED = "PLANTED"
MAY_STAY = {"PatientID", "PatientName", "AccessionNumber", "StudyID", "ReferringPhysicianName"}


def grid(direction: NDArray[np.float64]) -> Geometry:
    return Geometry(SHAPE, (3.0, 0.8, 0.9), (-101.5, -87.25, -640.0), direction)


def slices(folder: Path, geometry: Geometry) -> SourceImages:
    hu = np.zeros(geometry.shape, np.int16)
    files = write_ct_series(
        Volume(hu, geometry),
        folder,
        SeriesHeader(
            patient_id="P1",
            patient_name="Doe^Jo",
            date=dt.date(2025, 3, 1),
            study_uid="1.2.3",
            series_uid="1.2.3.4",
            series_number=7,
            description="Abdomen",
        ),
    )
    return SourceImages(tuple(files), geometry)


def frames(path: Path, geometry: Geometry) -> SourceImages:
    """A multi-frame source whose frames are in no order."""
    order = [3, 0, 5, 1, 4, 2]
    write_enhanced(path, Volume(np.zeros(SHAPE, np.int16), geometry), order)
    return SourceImages((path,), geometry, tuple((path, order.index(k) + 1) for k in range(6)))


def write_results(
    source: SourceImages, folder: Path, series: SegSeries = SegSeries.WHOLE
) -> tuple[list[Segment], Path, Path]:
    liver, tumour = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    liver[1:5, 5:15, 6:20] = True
    tumour[2:4, 6:9, 7:13] = True
    drawn = [
        Segment("Liver", Kind.LIVER, liver, (1,), "default"),
        Segment("Tumour 1", Kind.LESION, tumour, (1,), "default", "1.2.3.4.5"),
    ]
    seg, sr = folder / "seg.dcm", folder / "sr.dcm"
    write_segmentation(drawn, source, seg, AUTHOR, series)
    size = measure_lesion(tumour, source.geometry)
    row = Assessment(
        dt.date(2025, 3, 1), "Tumour 1", long_axis_mm=size.long_axis.length_mm, volume_ml=1.0
    )
    content = VisitReport((ReportedLesion(row, "1.2.3.4.5", size, 2),), ())
    write_structured_report(content, source, seg, sr, AUTHOR)
    return drawn, seg, sr


def check_by_validators(seg: Path, sr: Path, scan: Path) -> None:
    """0 errors by dciodvfy of each, and by dcentvfy with the scan, where they are installed."""
    if shutil.which("dciodvfy") is None:
        return
    for path in (seg, sr):
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert "Error" not in done.stderr, f"{path.name}: {done.stderr}"
    done = subprocess.run(["dcentvfy", seg, sr, scan], capture_output=True, text=True, check=False)
    assert "Error" not in done.stderr + done.stdout, done.stderr


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize("kind", [slices, frames], ids=["slices", "frames"])
def test_every_orientation_of_every_kind_of_source(tmp_path: Path, name: str, kind: object) -> None:
    direction = ORIENTATIONS[name]
    if np.linalg.det(direction) < 0 and kind is slices:
        direction = direction * [1, 1, -1]  # slices have no order of their own
    geometry = grid(direction)
    source = (
        slices(tmp_path / "ct", geometry)
        if kind is slices
        else frames(tmp_path / "ct.dcm", geometry)
    )
    drawn, seg, sr = write_results(source, tmp_path)
    read = dict(read_segments(seg, geometry))
    for segment in drawn:
        np.testing.assert_array_equal(read[segment.label], segment.mask())
    segmentation = highdicom.seg.segread(seg)
    assert all("RecommendedDisplayCIELabValue" in item for item in segmentation.SegmentSequence)
    assert "ContentCreatorName" in segmentation  # may be empty, not left out
    check_by_validators(seg, sr, source.files[0])


def test_the_report_names_the_frame_and_not_the_slice(tmp_path: Path) -> None:
    source = frames(tmp_path / "ct.dcm", grid(np.eye(3)))
    _, _, sr = write_results(source, tmp_path)
    numbers = {
        element.value
        for element in pydicom.dcmread(sr).iterall()
        if element.keyword == "ReferencedFrameNumber"
    }
    assert numbers == {source.frames[2][1]}


def plant(path: Path) -> None:
    """A value in every element that may hold text, at the root, in a sequence and in private."""
    dataset = pydicom.dcmread(path)
    for number, entry in pydicom.datadict.DicomDictionary.items():
        is_text = entry[0] in ("LO", "SH", "PN", "ST", "LT", "UT", "UC") and not entry[3]
        if is_text and 0x0008 <= number >> 16 <= 0x4010 and number not in dataset:
            dataset.add_new(number, entry[0], PLANTED)
    for keyword in (*MAY_STAY, "SeriesDescription"):
        setattr(dataset, keyword, PLANTED)
    other = Dataset()
    other.PatientID = PLANTED
    dataset.OtherPatientIDsSequence = [other]
    dataset.private_block(0x0011, "MAKER", create=True).add_new(1, "LO", PLANTED)
    dataset.save_as(path)


def test_results_carry_no_more_of_a_patient_than_their_study_needs(tmp_path: Path) -> None:
    source = slices(tmp_path / "ct", grid(np.eye(3)))
    for path in source.files:
        plant(path)
    _, seg, sr = write_results(source, tmp_path)
    for path in (seg, sr):
        holding = {
            element.keyword
            for element in pydicom.dcmread(path).iterall()
            if PLANTED in str(element.value) and element.VR != "SQ"
        }
        assert holding == MAY_STAY
    check_by_validators(seg, sr, source.files[0])
