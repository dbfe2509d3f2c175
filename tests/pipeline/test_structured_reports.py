"""A radiologist's measurements as DICOM SR: written as highdicom and as older software do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian, generate_uid

from lvt_track.core.course import Course, VisitFindings
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Lesion, Measurement, Track, TrackState
from lvt_track.core.series import Visit
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.structured_report.read import read_report
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.discover import discover
from lvt_track.pipeline.radiologist.comparison import compare_with_readers
from lvt_track.pipeline.radiologist.readings import read_readings
from lvt_track.pipeline.respond import respond_to_table

DATES = (dt.date(2024, 1, 15), dt.date(2024, 4, 20))
FRAME_OF_REFERENCE = "1.2.3.4"
TURN = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]])
GEOMETRY = Geometry((12, 40, 50), (3.0, 0.8, 0.9), (-20.0, 15.0, 300.0), TURN)
T1_UID, T2_UID = generate_uid(), generate_uid()
MM, CM = Code("mm", "UCUM", "millimeter"), Code("cm", "UCUM", "centimeter")
LIVER = Code("10200004", "SCT", "Liver")


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies of one series."""
    folder = tmp_path_factory.mktemp("patient")
    rng = np.random.default_rng(0)
    for date in DATES:
        hu = np.full(GEOMETRY.shape, -1000, np.int16)
        hu[:, 4:-4, 4:-4] = rng.integers(-120, 180, (12, 32, 42))
        write_ct_series(
            Volume(hu, GEOMETRY),
            folder / f"{date}",
            SeriesHeader(
                patient_id="P1",
                patient_name="Doe^Jo",
                date=date,
                study_uid=f"1.2.{date:%Y%m%d}",
                series_uid=f"1.2.{date:%Y%m%d}.4",
                series_number=4,
                description="Abdomen",
                frame_of_reference_uid=FRAME_OF_REFERENCE,
            ),
        )
    return folder


@pytest.fixture(scope="module")
def visits(patient: Path) -> Sequence[Visit]:
    return discover(patient).visits


def image(patient: Path, date: dt.date, index: int) -> Dataset:
    return pydicom.dcmread(sorted((patient / f"{date}").iterdir())[index])


def source(image: Dataset) -> Any:
    return hd.sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID)


def line(image: Dataset, *points: tuple[float, float]) -> Any:
    return hd.sr.CoordinatesForMeasurement("POLYLINE", np.array(points), source(image))


def number(name: Code, value: float, unit: Code = MM, **more: Any) -> Any:
    return hd.sr.Measurement(name=name, value=value, unit=unit, **more)


def lesion(name: str, uid: str, measurements: Sequence[Any], **more: Any) -> Any:
    """TID 1501."""
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid, name),
        measurements=measurements,
        **({"finding_sites": [hd.sr.FindingSite(LIVER)]} | more),
    )


def write_report(path: Path, evidence: Sequence[Dataset], groups: Sequence[Any]) -> Path:
    """TID 1500 by highdicom."""
    observer = hd.sr.ObserverContext(
        codes.DCM.Person, hd.sr.PersonObserverIdentifyingAttributes(name="Reader^One")
    )
    content = hd.sr.MeasurementReport(
        hd.sr.ObservationContext(observer_person_context=observer),
        procedure_reported=Code("77477000", "SCT", "Computed tomography"),
        imaging_measurements=groups,
    )
    report = hd.sr.Comprehensive3DSR(
        evidence, content, generate_uid(), 900, generate_uid(), 1, manufacturer="replica"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    report.save_as(path)
    return path


def at(index: int, column: float, row: float) -> np.ndarray[Any, Any]:
    """LPS of a place in a slice, counted as reports do: from the corner of the first pixel."""
    return GEOMETRY.to_world((index, row - 0.5, column - 0.5))


def test_axes_volume_site_and_place(tmp_path: Path, patient: Path, visits: Any) -> None:
    scan = image(patient, DATES[0], 5)
    group = lesion(
        "T1",
        T1_UID,
        [
            number(codes.SCT.LongAxis, 2.31, CM, referenced_coordinates=[
                line(scan, (10.0, 20.0), (30.0, 24.0))
            ]),
            number(codes.SCT.ShortAxis, 12.5),
            number(codes.SCT.Volume, 4200.0, Code("mm3", "UCUM", "cubic millimetre")),
            number(codes.SCT.Area, 300.0, Code("mm2", "UCUM", "square millimetre")),
        ],
    )  # fmt: skip
    report = write_report(tmp_path / "sr.dcm", [scan], [group])
    (row,) = read_readings(report, visits=visits).rows
    assert (row.patient, row.date, row.lesion, row.site) == ("P1", DATES[0], "T1", "liver")
    assert row.long_axis_mm == pytest.approx(23.1)
    assert row.short_axis_mm == pytest.approx(12.5)
    assert row.volume_ml == pytest.approx(4.2)
    assert row.position_mm == pytest.approx(at(5, 20.0, 22.0), abs=1e-3)


def test_without_scans_sizes_are_read_and_places_left(tmp_path: Path, patient: Path) -> None:
    scan = image(patient, DATES[0], 5)
    axis = number(codes.SCT.Diameter, 20.0, referenced_coordinates=[line(scan, (1, 1), (9, 9))])
    report = write_report(tmp_path / "sr", [scan], [lesion("T1", T1_UID, [axis])])
    (row,) = read_readings(report).rows
    assert row.long_axis_mm == 20
    assert row.position_mm is None


def test_planar_roi_in_space(tmp_path: Path, patient: Path, visits: Any) -> None:
    """TID 1410 with SCOORD3D."""
    scan = image(patient, DATES[0], 5)
    corners = np.array([[0.0, 10, 280], [6, 10, 280], [6, 2, 280], [0, 2, 280], [0, 10, 280]])

    def group(frame_of_reference: str) -> Any:
        return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=hd.sr.TrackingIdentifier(T1_UID, "T1"),
            referenced_region=hd.sr.ImageRegion3D("POLYGON", corners, frame_of_reference),
            measurements=[number(codes.SCT.MajorAxis, 8.0), number(codes.SCT.MinorAxis, 6.0)],
        )

    report = write_report(tmp_path / "a.dcm", [scan], [group(FRAME_OF_REFERENCE)])
    (row,) = read_readings(report, visits=visits).rows
    assert row.position_mm == pytest.approx((3.0, 6.0, 280.0))
    assert (row.long_axis_mm, row.short_axis_mm) == (8, 6)

    other = write_report(tmp_path / "b.dcm", [scan], [group("1.9.9")])
    readings = read_readings(other, visits=visits)
    assert readings.rows[0].position_mm is None, "another frame of reference is another space"
    assert "places are not known" in readings.remarks[0]


def test_volumetric_roi(tmp_path: Path, patient: Path, visits: Any) -> None:
    """TID 1411: a contour in each of three slices; the place is their middle."""
    scans = [image(patient, DATES[1], k) for k in (4, 5, 6)]
    square = np.array([[10.0, 10], [14, 10], [14, 14], [10, 14], [10, 10]])
    regions = [hd.sr.ImageRegion("POLYLINE", square, source(scan)) for scan in scans]
    group = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(T1_UID, "T1"),
        referenced_regions=regions,
        measurements=[number(codes.SCT.Volume, 1.5, Code("mL", "UCUM", "millilitre"))],
    )
    (row,) = read_readings(write_report(tmp_path / "sr.dcm", scans, [group]), visits=visits).rows
    assert row.volume_ml == 1.5
    assert row.position_mm == pytest.approx(at(5, 12.0, 12.0), abs=1e-3)


def test_an_image_without_coordinates_gives_the_slice(
    tmp_path: Path, patient: Path, visits: Any
) -> None:
    scan = image(patient, DATES[0], 7)
    where = hd.sr.SourceImageForMeasurement(scan.SOPClassUID, scan.SOPInstanceUID)
    axis = number(codes.SCT.LongAxis, 20.0, referenced_images=[where])
    report = write_report(tmp_path / "sr.dcm", [scan], [lesion("T1", T1_UID, [axis])])
    (row,) = read_readings(report, visits=visits).rows
    assert row.position_mm is None
    assert row.height_mm == pytest.approx(300.0 - 7 * 3.0)


def course(folder: Path, patient: Path) -> Path:
    """A report per study: T1 grows from 20 to 26 mm, T2 is there at the first only."""
    sizes = ({"T1": 20.0, "T2": 15.0}, {"T1": 26.0})
    for date, lesions in zip(DATES, sizes, strict=True):
        scan = image(patient, date, 5)
        groups = [
            lesion(name, {"T1": T1_UID, "T2": T2_UID}[name], [number(codes.SCT.LongAxis, size)])
            for name, size in lesions.items()
        ]
        write_report(folder / f"{date}" / "report", [scan], groups)
    return folder


def test_a_folder_of_reports_is_one_table(tmp_path: Path, patient: Path) -> None:
    folder = course(tmp_path, patient)
    (folder / "notes.txt").write_text("not DICOM")
    image(patient, DATES[0], 0).save_as(folder / "a scan.dcm")
    rows = read_readings(folder).rows
    assert [(row.date, row.lesion, row.long_axis_mm) for row in rows] == [
        (DATES[0], "T1", 20),
        (DATES[0], "T2", 15),
        (DATES[1], "T1", 26),
    ]


def test_reports_that_later_ones_replace_are_left_out(tmp_path: Path, patient: Path) -> None:
    """A lesion that a corrected report no longer has is gone, though the archive keeps both."""
    folder = course(tmp_path, patient)
    scan = image(patient, DATES[0], 5)
    old = folder / f"{DATES[0]}" / "report"
    group = lesion("T1", T1_UID, [number(codes.SCT.LongAxis, 20.0)])
    new = write_report(folder / "corrected", [scan], [group])
    assert len(read_readings(folder).rows) == 3, "of others' reports each may hold lesions"

    def change(path: Path, **facts: Any) -> Dataset:
        report = pydicom.dcmread(path)
        for name, value in facts.items():
            setattr(report, name, value)
        report.save_as(path)
        return report

    for path, time in ((old, "080000"), (new, "090000.5")):
        model = {"ManufacturerModelName": "lvt-track", "ContentDate": "20240301"}
        change(path, **model, ContentTime=time)
    readings = read_readings(folder)
    assert {(row.lesion, row.long_axis_mm) for row in readings.rows} == {("T1", 20), ("T1", 26)}
    assert "1 of 3 reports are left out" in " ".join(readings.remarks)

    first = change(old, ManufacturerModelName="other")
    reference, series, study = Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID = first.SOPClassUID
    reference.ReferencedSOPInstanceUID = first.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedSOPSequence = first.SeriesInstanceUID, [reference]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = first.StudyInstanceUID, [series]
    change(new, PredecessorDocumentsSequence=[study])
    assert len(read_readings(folder).rows) == 2


def test_respond_takes_reports(tmp_path: Path, patient: Path) -> None:
    for date, size in zip(DATES, (20.0, 13.0), strict=True):
        axis = number(codes.SCT.LongAxis, size)
        group = lesion("T1", T1_UID, [axis])
        write_report(tmp_path / f"{date}.dcm", [image(patient, date, 5)], [group])
    result = respond_to_table(tmp_path, "recist1.1")
    assert [response.category for response in result.responses["P1"]] == ["Baseline", "PR"]


def test_the_uid_says_which_lesion_is_which(tmp_path: Path, patient: Path) -> None:
    for date, name in zip(DATES, ("liver met", "Liver met, segment 7"), strict=True):
        group = lesion(name, T1_UID, [number(codes.SCT.LongAxis, 20.0)])
        write_report(tmp_path / f"{date}.dcm", [image(patient, date, 5)], [group])
    assert {row.lesion for row in read_readings(tmp_path).rows} == {"liver met"}


def test_a_tool_named_in_place_of_the_lesion(tmp_path: Path, patient: Path) -> None:
    for date in DATES:
        groups = [
            lesion("tool:Bidirectional", uid, [number(codes.SCT.LongAxis, 20.0)])
            for uid in (T1_UID, T2_UID)
        ]
        write_report(tmp_path / f"{date}.dcm", [image(patient, date, 5)], groups)
    readings = read_readings(tmp_path)
    assert {row.lesion for row in readings.rows} == {
        "tool:Bidirectional 1",
        "tool:Bidirectional 2",
    }
    assert "told apart by their UIDs" in readings.remarks[0]


def test_lesions_that_nothing_tells_apart_are_refused(tmp_path: Path, patient: Path) -> None:
    for date in DATES:
        groups = [
            lesion("tool", generate_uid(), [number(codes.SCT.LongAxis, 20.0)]) for _ in range(2)
        ]
        write_report(tmp_path / f"{date}.dcm", [image(patient, date, 5)], groups)
    with pytest.raises(InputError, match="which of them is which") as caught:
        read_readings(tmp_path)
    assert "Label each lesion" in caught.value.remedy


def test_groups_that_complete_each_other_are_one_row(tmp_path: Path, patient: Path) -> None:
    scan = image(patient, DATES[0], 5)
    groups = [
        lesion("T1", T1_UID, [number(codes.SCT.LongAxis, 20.0)]),
        lesion("T1", T1_UID, [number(codes.SCT.Volume, 3.0, Code("cm3", "UCUM", "cm3"))]),
    ]
    (row,) = read_readings(write_report(tmp_path / "sr.dcm", [scan], groups)).rows
    assert (row.long_axis_mm, row.volume_ml) == (20, 3)


def test_two_sizes_of_one_lesion_are_refused(tmp_path: Path, patient: Path) -> None:
    scan = image(patient, DATES[0], 5)
    groups = [lesion("T1", T1_UID, [number(codes.SCT.LongAxis, size)]) for size in (20.0, 24.0)]
    with pytest.raises(InputError, match="stands twice") as caught:
        read_readings(write_report(tmp_path / "sr.dcm", [scan], groups))
    assert "measurement group" in caught.value.remedy


def test_lesions_are_paired_by_the_place_in_the_report(
    tmp_path: Path, patient: Path, visits: Sequence[Visit]
) -> None:
    """Two lesions of one size, which only their places tell apart."""
    visit = visits[0]
    places = {"A": (10.0, 12.0), "B": (40.0, 30.0)}
    scan = image(patient, DATES[0], 5)
    groups = [
        lesion(name, uid, [number(codes.SCT.LongAxis, 9.0, referenced_coordinates=[
            line(scan, (column - 4, row), (column + 4, row))
        ])])
        for (name, (column, row)), uid in zip(places.items(), (T1_UID, T2_UID), strict=True)
    ]  # fmt: skip
    report = write_report(tmp_path / "sr.dcm", [scan], groups)

    caliper = Caliper((0.0, 0.0, 0.0), (9.0, 0.0, 0.0), 9.0)
    size = Measurement(0.4, caliper, caliper, 5)
    own = tuple(
        Lesion(0, label, tuple(at(5, *places[name])), size) for label, name in ((1, "B"), (2, "A"))
    )
    found = VisitFindings(visit, GEOMETRY, 1500.0, 0.0, 0.8, own)
    tracks = tuple(Track(n, ((0, n),), TrackState.PERSISTENT) for n in (1, 2))
    comparison = compare_with_readers(Course("P1", (found,), tracks=tracks), report)[0]
    pairs = {pair.reader: (pair.computed, pair.by) for pair in comparison.pairing.pairs}
    assert pairs == {"A": ("2", "place"), "B": ("1", "place")}


# Older software: SRT codes, no template identifiers, dcmjs' label, coordinates below the number.


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def item(
    kind: str, name: tuple[str, str, str], *children: Dataset, relation: str = "CONTAINS"
) -> Dataset:
    content = Dataset()
    content.RelationshipType, content.ValueType = relation, kind
    content.ConceptNameCodeSequence = [coded(*name)]
    if children:
        content.ContentSequence = list(children)
    return content


def old_number(name: tuple[str, str, str], value: str, unit: str, *below: Dataset) -> Dataset:
    content = item("NUM", name, *below)
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = [coded(unit, "UCUM", unit)]
    content.MeasuredValueSequence = [measured]
    return content


def old_line(sop_uid: str, *numbers: float) -> Dataset:
    picture = item("IMAGE", ("121324", "DCM", "Source Image"), relation="SELECTED FROM")
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = sop_uid
    picture.ReferencedSOPSequence = [reference]
    region = item("SCOORD", ("121055", "DCM", "Path"), picture, relation="INFERRED FROM")
    region.GraphicType, region.GraphicData = "POLYLINE", list(numbers)
    return region


def old_report(path: Path, *groups: Dataset, **header: Any) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    report.SOPClassUID = ComprehensiveSRStorage
    report.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    report.Modality, report.PatientID, report.StudyDate = "SR", "P1", f"{DATES[0]:%Y%m%d}"
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence = [coded("126000", "DCM", "Imaging Measurement Report")]
    measurements = item("CONTAINER", ("126010", "DCM", "Imaging Measurements"), *groups)
    report.ContentSequence = [measurements]
    for name, value in header.items():
        setattr(report, name, value)
    report.save_as(path, enforce_file_format=True)
    return path


def old_group(*content: Dataset, name: str = "Bidirectional") -> Dataset:
    tracking = item("TEXT", ("112039", "DCM", "Tracking Identifier"), relation="HAS OBS CONTEXT")
    tracking.TextValue = name
    return item("CONTAINER", ("125007", "DCM", "Measurement Group"), tracking, *content)


def old_code(name: tuple[str, str, str], *value: str) -> Dataset:
    content = item("CODE", name)
    content.ConceptCodeSequence = [coded(*value)]
    return content


LONG = ("G-A185", "SRT", "Long Axis")
SHORT = ("G-A186", "SNM3", "Short Axis")


@pytest.mark.filterwarnings("ignore:The value length")
def test_srt_codes(tmp_path: Path, patient: Path, visits: Any) -> None:
    scan = image(patient, DATES[1], 3)
    label = old_code(("121071", "DCM", "Finding"), "CORNERSTONEFREETEXT", "CORNERSTONEJS", "T7")
    site = old_code(("G-C0E3", "SRT", "Finding Site"), "T-62008", "SRT", "Right lobe of liver")
    category = old_code(("C0", "99X", "Lesion type"), "C94518", "NCIt", "Target Lesion")
    where = old_line(scan.SOPInstanceUID, 10.5, 20.5, 14.5, 20.5)
    group = old_group(
        label, site, category, old_number(LONG, "31", "mm", where), old_number(SHORT, "2.2", "cm")
    )
    path = old_report(tmp_path / "sr", group)
    (row,) = read_readings(path, visits=visits).rows
    assert (row.lesion, row.site, row.role) == ("T7", "liver", "target")
    assert (row.long_axis_mm, row.short_axis_mm) == (31, 22)
    assert row.date == DATES[1], "the image says of which visit it is, not the report's study"
    assert row.position_mm == pytest.approx(GEOMETRY.to_world((3, 20, 12)), abs=1e-3)


def test_a_mean_is_no_axis_and_of_two_the_larger_counts(tmp_path: Path) -> None:
    diameter = ("M-02550", "SRT", "Diameter")
    mean = old_code(("121401", "DCM", "Derivation"), "R-00317", "SRT", "Mean")
    numbers = [
        old_number(diameter, "18", "mm"),
        old_number(diameter, "22", "mm"),
        old_number(diameter, "99", "mm", mean),
    ]
    (group,) = read_report(old_report(tmp_path / "sr", old_group(*numbers)))
    assert group.long_axis_mm == 22
    assert "2 numbers for the long axis" in group.remarks[0]


def test_a_number_that_could_not_be_measured_is_none(tmp_path: Path) -> None:
    empty = item("NUM", LONG)
    empty.MeasuredValueSequence = []
    (group,) = read_report(old_report(tmp_path / "sr", old_group(empty)))
    assert group.long_axis_mm is None


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:700]), "cut short"),
        (lambda path: path.write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 60), "damaged|cut short"),
        (lambda path: old_report(path, old_group(old_number(LONG, "9", "1"))), "unit '1'"),
        (lambda path: old_report(path, old_group(name="")), "which lesion"),
        (
            lambda path: old_report(path, old_group(old_number(LONG, "9", "mm")), StudyDate=""),
            "no date",
        ),
    ],
)
def test_broken_reports_name_the_file(tmp_path: Path, spoil: Any, what: str) -> None:
    path = old_report(tmp_path / "broken.dcm", old_group(old_number(LONG, "9", "mm")))
    spoil(path)
    with pytest.raises(InputError, match=what) as caught:
        read_readings(tmp_path)
    assert caught.value.path == path
    assert caught.value.remedy


@pytest.mark.parametrize("is_undefined", [False, True], ids=["lengths given", "to delimiters"])
def test_no_lesion_is_lost_from_a_report_cut_anywhere(tmp_path: Path, is_undefined: bool) -> None:
    groups = [old_group(old_number(LONG, f"{9 + k}", "mm"), name=f"T{k}") for k in range(2)]
    whole = pydicom.dcmread(old_report(tmp_path / "whole", *groups))
    for element in whole.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = is_undefined
    whole.save_as(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    assert len(read_report(tmp_path / "whole")) == 2
    for size in range(200, len(content), 37):
        (tmp_path / "cut").write_bytes(content[:size])
        with pytest.raises(InputError):
            read_report(tmp_path / "cut")


def test_reports_of_another_kind_are_passed_over(tmp_path: Path) -> None:
    old_report(tmp_path / "dose.dcm")
    with pytest.raises(InputError, match="no measurement groups"):
        read_readings(tmp_path)
    old_report(tmp_path / "reader.dcm", old_group(old_number(LONG, "9", "mm")))
    assert len(read_readings(tmp_path).rows) == 1


def test_a_scan_is_no_report(patient: Path, tmp_path: Path) -> None:
    path = next((patient / f"{DATES[0]}").iterdir())
    with pytest.raises(InputError, match="of modality CT"):
        read_readings(path)
    with pytest.raises(InputError, match="no DICOM structured report"):
        read_readings(patient)
