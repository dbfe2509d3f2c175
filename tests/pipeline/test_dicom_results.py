"""DICOM segmentations and structured reports of a run whose scans are DICOM."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pandas as pd
import pydicom
import pytest
from typer.testing import CliRunner

from lvt_track.agreement.records import Quantity
from lvt_track.cli.app import app
from lvt_track.io.dicom.segmentation.voxels import read_segments
from lvt_track.io.dicom.structured_report.read import read_report
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.images.volumes import read_geometry, read_labels, read_volume
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.radiologist.comparison import compare_with_readers
from lvt_track.pipeline.radiologist.readings import read_readings
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.timepoints.walk import classify

MakeVisit = Callable[..., Path]


def as_dicom(place: Path) -> Path:
    """The visit's scan as DICOM, its masks beside the slices."""
    scan = place / "portal.nii.gz"
    date = dt.date.fromisoformat(place.name)
    write_ct_series(
        read_volume(scan),
        place / "dicom",
        SeriesHeader(
            patient_id="P1",
            patient_name="Doe^Jo",
            date=date,
            study_uid=f"1.2.3.{date.toordinal()}",
            series_uid=f"1.2.3.4.{date.toordinal()}",
            series_number=2,
            description="Abdomen portal",
        ),
    )
    scan.unlink()
    return place


@pytest.fixture
def patient(tmp_path: Path, make_visit: MakeVisit) -> Path:
    folder = tmp_path / "patient"
    for visit in range(3):
        as_dicom(make_visit(folder, visit))
    return folder


def test_every_tumour_is_a_segment_with_one_uid_in_all_visits(
    patient: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    course = track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent()).course
    uids: dict[str, set[str]] = {}
    for number, found in enumerate(course.visits):
        folder = out / "visits" / found.visit.name
        geometry = read_geometry(folder / "liver.nii.gz")
        labels, _ = read_labels(folder / "lesions.nii.gz")
        read = dict(read_segments(folder / "seg.dcm", geometry))
        np.testing.assert_array_equal(
            read.pop("Liver"), read_labels(folder / "liver.nii.gz")[0] > 0
        )
        np.testing.assert_array_equal(
            read.pop("Liver vessels"), read_labels(folder / "vessels.nii.gz")[0] > 0
        )
        tracks = {f"Tumour {track.number}": track for track in course.tracks}
        for name, mask in read.items():
            own = [label for visit, label in tracks[name].lesions if visit == number]
            np.testing.assert_array_equal(mask, np.isin(labels, own))
        assert len(read) == len(found.lesions)
        segmentation = highdicom.seg.segread(folder / "seg.dcm")
        for k in range(3, 3 + len(read)):
            segment = segmentation.get_segment_description(k)
            uids.setdefault(segment.tracking_id, set()).add(segment.tracking_uid)
            assert segment.algorithm_type.value == "MANUAL"
    assert set(uids) == {"Tumour 1", "Tumour 2", "Tumour 3"}
    assert all(len(own) == 1 for own in uids.values())
    assert len(set.union(*uids.values())) == 3


def test_reports_made_again_are_the_same_files(patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent())
    paths = sorted(out.glob("visits/*/*.dcm"))
    assert [path.name for path in paths] == ["seg.dcm", "sr.dcm"] * 3
    before = [path.read_bytes() for path in paths]
    remake_report(out, ReaderTables(), patient, Silent())
    assert [path.read_bytes() for path in paths] == before

    # A correction: the archive will keep both reports, and the corrected one counts.
    kept = tmp_path / "archive"
    for path in out.glob("visits/*/sr.dcm"):
        (kept / path.parent.name).mkdir(parents=True)
        shutil.copy(path, kept / path.parent.name / "old.dcm")
    table = tmp_path / "corrections.csv"
    table.write_text("action,date_a,lesion_a,reader\nnone,2024-08-01,2,A. Reader\n")
    remake_report(out, ReaderTables(corrections=table), patient, Silent())
    for path in out.glob("visits/*/sr.dcm"):
        old, new = pydicom.dcmread(kept / path.parent.name / "old.dcm"), pydicom.dcmread(path)
        assert new.SeriesInstanceUID == old.SeriesInstanceUID
        assert new.SOPInstanceUID != old.SOPInstanceUID
        assert "A. Reader^" in {str(item.value) for item in new.iterall()}
        shutil.copy(path, kept / path.parent.name / "new.dcm")
    lesions = {row.lesion for row in read_readings(kept).rows}
    assert lesions == {row.lesion for row in read_readings(out).rows} == {"Tumour 1", "Tumour 2"}


def test_reports_sent_and_read_give_the_response_that_was_sent(
    patient: Path, tmp_path: Path
) -> None:
    out, sent = tmp_path / "out", tmp_path / "sent"
    course = track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent()).course
    sent.mkdir()
    for path in out.glob("visits/*/sr.dcm"):
        (sent / f"{path.parent.name}.dcm").write_bytes(path.read_bytes())
    readings = read_readings(sent)
    judged = classify(readings.rows, RECIST_1_1)
    ours = [one for one in course.responses if one.criterion == "RECIST 1.1"]
    assert [one.category for one in judged] == [one.category for one in ours]
    assert [one.sum_mm for one in judged] == [pytest.approx(one.sum_mm) for one in ours]
    # lvt respond, through its file
    answer = CliRunner().invoke(app, ["respond", str(sent), "-o", str(tmp_path / "answer.csv")])
    assert answer.exit_code == 0, answer.output
    table = pd.read_csv(tmp_path / "answer.csv")
    assert table["category"].tolist() == [one.category for one in ours]
    assert table["sum_mm"].tolist() == pytest.approx([one.sum_mm for one in ours], abs=0.051)
    # --radiologist: every size is paired with itself
    compared = compare_with_readers(replace(course, patient="P1"), sent)[0].compared
    lesions = [lesion for visit in course.visits for lesion in visit.lesions]
    kinds = [one for one in Quantity if one is not Quantity.SUM]
    for kind in kinds:
        sizes = [one for one in compared.sizes if one.quantity is kind]
        assert len(sizes) == len(lesions)
        assert max(abs(one.difference) for one in sizes) < 1e-3
    assert all(one.reader_category == one.category for one in compared.visits)
    uids = {
        str(item.value)
        for path in out.glob("visits/*/seg.dcm")
        for item in pydicom.dcmread(path).iterall()
        if item.keyword == "TrackingUID"
    }
    groups = [group for path in sent.iterdir() for group in read_report(path)]
    assert uids <= {group.tracking_uid for group in groups}


def test_a_scan_without_uids_is_told_and_the_rest_is_done(patient: Path, tmp_path: Path) -> None:
    for path in (patient / "2024-04-20" / "dicom").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = ""
        dataset.save_as(path)
    warnings: list[str] = []

    class Listener(Silent):
        def warn(self, text: str) -> None:
            warnings.append(text)

    out = tmp_path / "out"
    track_patient(patient, out, TrackSettings(), Existing.REFUSE, Listener())
    told = [text for text in warnings if "DICOM results" in text]
    assert told == ["2024-04-20: no DICOM results of this scan: its images have no SOPInstanceUID"]
    assert (out / "report.pdf").exists()
    written = sorted(path.parent.name for path in out.glob("visits/*/seg.dcm"))
    assert written == ["2024-01-15", "2024-08-01"]


def test_none_for_other_formats(tmp_path: Path, make_visit: MakeVisit) -> None:
    make_visit(tmp_path / "patient", 0)
    out = tmp_path / "out"
    track_patient(tmp_path / "patient", out, TrackSettings(), Existing.REFUSE, Silent())
    assert not list(out.rglob("seg.dcm"))
