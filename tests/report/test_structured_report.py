from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Caliper, Point
from lvt_track.core.lesion.lesion import Measurement
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.response.response import Response
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.structured_report.content import ImagePlace
from lvt_track.io.dicom.structured_report.read import read_report
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.report.dicom.references import Author, SourceImages
from lvt_track.report.dicom.seg_type import SegSeries
from lvt_track.report.dicom.segmentation import Kind, Segment, write_segmentation
from lvt_track.report.dicom.structured_report.content import ReportedLesion, VisitReport
from lvt_track.report.dicom.structured_report.document import write_structured_report

SHAPE = (6, 24, 32)
DAY = dt.date(2025, 3, 1)
SIZES = {"long_axis_mm": 4.5, "short_axis_mm": 2.4, "volume_ml": 1.23456789}
AUTHOR = Author("0.2.0", dt.datetime(2026, 11, 30, 4, 5, 6), "default", ("Doe^Jane", "A. Reader"))
COSINE, SINE = np.cos(0.1), np.sin(0.1)
DIRECTIONS = [
    np.eye(3),
    np.diag([-1.0, -1.0, 1.0]),
    np.diag([1.0, -1.0, -1.0]),
    np.array([[COSINE, -SINE, 0], [SINE, COSINE, 0], [0, 0, 1]]),
]


LINK = "2024-12-01 lesion 2: same, automatic, confidence 0.97"


def scan(folder: Path, direction: NDArray[np.float64]) -> SourceImages:
    geometry = Geometry(SHAPE, (3.0, 0.8, 0.9), (-101.5, -87.25, -640.0), direction)
    hu = np.random.default_rng(0).integers(-900, 180, SHAPE).astype(np.int16)
    files = write_ct_series(
        Volume(hu, geometry),
        folder,
        SeriesHeader(
            patient_id="P1",
            patient_name="Doe^Jo",
            date=DAY,
            study_uid="1.2.3",
            series_uid="1.2.3.4",
            series_number=7,
            description="Abdomen",
        ),
    )
    return SourceImages(tuple(files), geometry)


def measured(geometry: Geometry) -> Measurement:
    """Both axes in slice 2: from column 7 to 12 of row 6, from row 5 to 8 of column 9."""

    def at(row: float, column: float) -> Point:
        x, y, z = geometry.to_world((2, row, column))
        return float(x), float(y), float(z)

    long_axis = Caliper(at(6, 7), at(6, 12), 4.5)
    return Measurement(1.23456789, long_axis, Caliper(at(5, 9), at(8, 9), 2.4), 2, 61.23)


def content(geometry: Geometry) -> VisitReport:
    def at(k: int) -> Point:
        x, y, z = geometry.to_world((k, 10, 12))
        return float(x), float(y), float(z)

    target = Assessment(DAY, "T1", role=Role.TARGET, **SIZES)
    piece = Assessment(DAY, "T3.1", derived_from=("T3",), **SIZES)
    lesions = (
        ReportedLesion(target, "2.25.11", measured(geometry), 2, (5, 8), "persistent", (LINK,)),
        ReportedLesion(piece, "2.25.13", measured(geometry)),
        ReportedLesion(Assessment(DAY, "T2", status=Status.ABSENT, position_mm=at(4)), "2.25.12"),
        ReportedLesion(
            Assessment(DAY, "T4.1", role=Role.TARGET, status=Status.NOT_DONE, derived_from=("T4",)),
            "2.25.14",
        ),
    )
    response = Response(
        date=DAY,
        criterion="RECIST 1.1",
        unit="mm",
        total=45.6,
        nadir=40.0,
        change_from_baseline_percent=14.0,
        change_from_nadir_percent=14.0,
        target="SD",
        non_target="",
        new_lesion=True,
        category="PD",
        reason="new lesion T7, 27.4 mm",
    )
    return VisitReport(lesions, (response,))


@pytest.fixture(params=range(len(DIRECTIONS)))
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[SourceImages, Path]:
    source = scan(tmp_path / "ct", DIRECTIONS[request.param])
    liver, tumor = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    liver[1:5, 5:15, 5:20], tumor[2:4, 5:9, 7:13] = True, True
    segments = [
        Segment("Liver", Kind.LIVER, liver, (1,), "default"),
        Segment("Tumour 1", Kind.LESION, tumor, (1,), "default", "2.25.11"),
    ]
    write_segmentation(segments, source, tmp_path / "seg.dcm", AUTHOR)
    path = tmp_path / "sr.dcm"
    write_structured_report(content(source.geometry), source, tmp_path / "seg.dcm", path, AUTHOR)
    return source, path


def test_what_is_sent_is_what_is_read(written: tuple[SourceImages, Path]) -> None:
    source, path = written
    target, piece, gone, unseen = read_report(path)
    assert (target.lesion, target.tracking_uid, target.role) == ("T1", "2.25.11", "target")
    assert (target.long_axis_mm, target.short_axis_mm) == (4.5, 2.4)
    assert target.volume_ml == pytest.approx(1.23456789, rel=1e-5)
    image = pydicom.dcmread(source.files[2], stop_before_pixels=True).SOPInstanceUID
    # The middle of the long axis; (0, 0) is the corner of the first pixel.
    assert target.places == (ImagePlace(image, None, pytest.approx(10.0), pytest.approx(6.5)),)
    assert piece.derived_from == ("T3",)
    assert (gone.lesion, gone.status, gone.long_axis_mm) == ("T2", "absent", None)
    assert (unseen.lesion, unseen.status, unseen.role) == ("T4.1", "not done", "target")
    assert (unseen.tracking_uid, unseen.derived_from) == ("2.25.14", ("T4",))
    assert gone.places == unseen.places == ()


def test_no_measurement_group_is_without_coordinates(written: tuple[SourceImages, Path]) -> None:
    """OHIF 3.12 and 3.13 show nothing of a report with such a group."""
    report = highdicom.sr.srread(written[1]).content
    groups = [
        *report.get_volumetric_roi_measurement_groups(),
        *report.get_image_measurement_groups(),
        *report.get_planar_roi_measurement_groups(),
    ]
    assert [str(group.tracking_identifier) for group in groups] == ["T1", "T3.1", "T2"]
    for group in groups:
        below = [item for item in group[0].ContentSequence if item.ValueType == "SCOORD"]
        drawn = [item for item in group[0].ContentSequence if item.ValueType == "NUM"]
        alone = [item.get("ContentSequence", ()) for item in drawn]
        assert below or any(len(one) == 1 and one[0].ValueType == "SCOORD" for one in alone)
    assert groups[-1].roi.value.tolist() == [pytest.approx([12.5, 10.5])]


def test_a_visit_without_lesions_has_its_response(tmp_path: Path) -> None:
    source, path = scan(tmp_path / "ct", DIRECTIONS[0]), tmp_path / "sr.dcm"
    bare = replace(content(source.geometry), lesions=())
    write_structured_report(bare, source, None, path, AUTHOR)
    assert read_report(path) == ()
    names = {str(item.value) for item in pydicom.dcmread(path).iterall() if item.tag == 0x00080104}
    assert "Progressive Disease" in names and "Imaging Measurements" not in names


def test_the_segment_the_study_and_the_authors_are_named(
    written: tuple[SourceImages, Path],
) -> None:
    report = pydicom.dcmread(written[1])
    segmentation = pydicom.dcmread(written[1].with_name("seg.dcm"))
    text = "\n".join(str(element.value) for element in report.iterall())
    assert str(segmentation.SOPInstanceUID) in text
    assert report.StudyInstanceUID == "1.2.3" and report.PatientID == "P1"
    assert report.VerificationFlag == "UNVERIFIED"
    for words in (
        "Doe^Jane",
        "A. Reader^",
        "RECIST 1.1",
        "Progressive Disease",
        "new lesion T7, 27.4 mm",
    ):
        assert words in text
    assert LINK in text
    (state,) = (
        item.ConceptCodeSequence[0].CodeValue
        for group in report.iterall()
        if group.keyword == "ContentSequence"
        for item in group.value
        if item.ValueType == "CODE" and item.ConceptNameCodeSequence[0].CodeValue == "lesion-state"
    )
    assert state == "persistent"
    assert "Couinaud hepatic segment VIII" in text


def test_a_segment_of_a_label_map_is_referred_to(tmp_path: Path) -> None:
    source, seg, path = scan(tmp_path / "ct", DIRECTIONS[0]), tmp_path / "seg.dcm", tmp_path / "sr"
    tumor = np.zeros(SHAPE, bool)
    tumor[2:4, 5:9, 7:13] = True
    drawn = [Segment(f"Tumour {k}", Kind.LESION, tumor, (1,), "default") for k in (1, 2)]
    write_segmentation(drawn, source, seg, AUTHOR, SegSeries.LABELS)
    write_structured_report(content(source.geometry), source, seg, path, AUTHOR)
    said = pydicom.dcmread(path)
    uids = {str(e.value) for e in said.iterall() if e.keyword == "ReferencedSOPClassUID"}
    assert "1.2.840.10008.5.1.4.1.1.66.7" in uids
    assert read_report(path)[0].long_axis_mm == 4.5


def test_the_same_content_is_the_same_file_and_another_is_another_instance(
    written: tuple[SourceImages, Path], tmp_path: Path
) -> None:
    source, path = written
    said, seg = content(source.geometry), tmp_path / "seg.dcm"
    again, other = tmp_path / "again.dcm", tmp_path / "other.dcm"
    write_structured_report(said, source, seg, again, AUTHOR)
    assert again.read_bytes() == path.read_bytes()
    later = replace(AUTHOR, made=AUTHOR.made + dt.timedelta(seconds=1))
    write_structured_report(replace(said, responses=()), source, seg, other, later)
    first, second = pydicom.dcmread(path), pydicom.dcmread(other)
    assert first.InstanceNumber < second.InstanceNumber, "of a series, viewers show the highest"
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_the_standard_is_kept(written: tuple[SourceImages, Path]) -> None:
    told = subprocess.run(["dciodvfy", str(written[1])], capture_output=True, text=True)
    assert "Error" not in told.stdout + told.stderr
