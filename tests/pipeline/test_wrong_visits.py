"""Visits that do not belong together: said, never silently matched."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from lvt_track.core.course import LookBack, Visibility
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.lesion import Track, TrackState
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.discover import discover
from lvt_track.lesions.matching.events import doubt_what_was_visible
from lvt_track.pipeline.patient.track import TrackResult, TrackSettings, track_patient
from lvt_track.pipeline.patient.visit.read import copied_tumors
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from tests.conftest import LIVER_CENTRE_MM, SHIFTS_MM

MakeVisit = Callable[..., Path]


class Listener(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def run(patient: Path, out: Path, links: str = "") -> tuple[TrackResult, list[str]]:
    """Follow a patient, with a table of corrected links where one is given."""
    reader = ReaderTables()
    if links:
        table = patient.parent / "links.csv"
        table.write_text(f"date_a,lesion_a,date_b,lesion_b,action\n{links}")
        reader = ReaderTables(corrections=table)
    listener = Listener()
    settings = TrackSettings(reader=reader)
    return track_patient(patient, out, settings, Existing.REFUSE, listener), listener.warnings


def write_dicom(folder: Path, date: dt.date, **header: str) -> None:
    """A small study; `header` overrides what would be the patient's."""
    rng = np.random.default_rng(date.toordinal())
    hu = np.full((12, 20, 24), -1000, np.int16)
    hu[:, 2:-2, 2:-2] = rng.integers(-100, 150, (12, 16, 20))
    facts = {
        "patient_id": "P1",
        "patient_name": "Doe^Jo",
        "study_uid": f"1.2.3.{date.toordinal()}",
        "series_uid": f"1.2.3.4.{date.toordinal()}",
        "patient_sex": "F",
    }
    write_ct_series(
        Volume(hu, Geometry.axial(hu.shape, (3.0, 0.8, 0.8))),
        folder / date.isoformat(),
        SeriesHeader(
            date=date,
            series_number=1,
            description="Abdomen",
            phase=Phase.PORTAL,
            slice_thickness_mm=3.0,
            study_description="CT",
            **(facts | header),
        ),
    )


def test_the_same_images_under_two_dates_are_one_visit(
    tmp_path: Path, make_visit: MakeVisit
) -> None:
    patient = tmp_path / "patient"
    place = make_visit(patient, 0)
    copy = patient / "2024-03-01"
    copy.mkdir()
    for path in place.iterdir():
        # Packed anew: other bytes, the same voxels.
        sitk.WriteImage(sitk.ReadImage(str(path)), str(copy / path.name), compressionLevel=9)
    result, warnings = run(patient, tmp_path / "out")
    assert [found.visit.name for found in result.course.visits] == ["2024-01-15"]
    (failure,) = result.failures
    assert failure.where == "2024-03-01"
    assert "its images are those of 2024-01-15, voxel for voxel" in failure.why
    assert any("2024-03-01 left out" in text for text in warnings)
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert list(facts["visits"]) == ["2024-01-15"]


def test_a_tumour_mask_of_another_visit_is_said() -> None:
    labels = np.zeros((4, 4, 4), np.int32)
    labels[1, 2, 3] = 1

    def scan(labels: np.ndarray, start: int, source: str = "given") -> Any:
        findings = SimpleNamespace(sources={"tumors": source}, visit=SimpleNamespace(name="before"))
        box = tuple(slice(start, start + 4) for _ in range(3))
        return SimpleNamespace(findings=findings, labels=labels, box=box)

    text = "its tumour mask is that of before, voxel for voxel: is it of this visit?"
    shifted = np.roll(labels, -1, axis=(0, 1, 2))
    assert copied_tumors(scan(labels, 2), [scan(shifted, 3)]) == (text,)
    for other in (scan(labels, 3), scan(shifted, 3, "default")):
        assert copied_tumors(scan(labels, 2), [other]) == ()
    assert copied_tumors(scan(0 * labels, 2), [scan(0 * labels, 2)]) == ()


def test_folders_in_any_order_are_followed_by_date(tmp_path: Path, make_visit: MakeVisit) -> None:
    make_visit(tmp_path, 0)
    make_visit(tmp_path, 1).rename(tmp_path / "z 20231201")
    names = [visit.name for visit in discover(tmp_path).visits]
    assert names == ["2023-12-01", "2024-01-15"]


def test_a_liver_half_outside_is_said(tmp_path: Path, make_visit: MakeVisit) -> None:
    patient = tmp_path / "patient"
    make_visit(patient, 0)
    for path in make_visit(patient, 1).iterdir():
        image = sitk.ReadImage(str(path))
        sitk.WriteImage(image[:, :, :18], str(path))
    result, warnings = run(patient, tmp_path / "out")
    said = [text for text in warnings if "2024-04-20" in text]
    assert any("a part of it may not be shown" in text for text in said)
    table = pd.read_csv(tmp_path / "out" / "visits.csv")
    assert "a part of it may not be shown" in table["warnings"][1]
    lost = [track for track in result.course.tracks if {v for v, _ in track.lesions} == {0}]
    assert lost
    assert all((track.number, 1) in result.course.unshown for track in lost)


@pytest.mark.parametrize("is_padded", [False, True])
def test_a_tumour_beyond_the_end_of_the_first_scan_is_no_progression(
    tmp_path: Path, make_visit: MakeVisit, is_padded: bool
) -> None:
    """Whether its grid ends there, or what it shows does."""
    patient = tmp_path / "patient"
    first, second = make_visit(patient, 0), make_visit(patient, 1)
    for path in first.iterdir():
        image = sitk.ReadImage(str(path))
        if is_padded:
            image[:, :, :15] = -1024 if path.name.startswith("portal") else 0
        sitk.WriteImage(image if is_padded else image[:, :, 15:], str(path))
    scan = sitk.ReadImage(str(second / "portal.nii.gz"))
    mask = sitk.ReadImage(str(second / "tumors.nii.gz"))
    x, y, z = LIVER_CENTRE_MM + SHIFTS_MM[1] + (0, 0, -36)
    for k in range(-2, 3):
        for j in range(-3, 4):
            for i in range(-3, 4):
                if (4 * k) ** 2 + (3 * j) ** 2 + (3 * i) ** 2 < 100:
                    at = (round(x / 3) + i, round(y / 3) + j, round(z / 4) + k)
                    scan[at], mask[at] = 55, 1
    sitk.WriteImage(scan, str(second / "portal.nii.gz"))
    sitk.WriteImage(mask, str(second / "tumors.nii.gz"))
    result, warnings = run(patient, tmp_path / "out")
    assert any("2024-01-15" in text and "a part of it may not be" in text for text in warnings)
    (late,) = [track for track in result.course.tracks if track.lesions[0][0] == 1]
    assert late.state is TrackState.UNCERTAIN
    assert late.reason == "its place was outside the field of view at 2024-01-15"
    for response in result.course.responses[1::2]:
        assert response.category != "PD" and not response.new_lesions
        told = f"possible new lesion T{late.number} (no earlier scan shows its place), not counted"
        assert told in response.reason


@pytest.mark.parametrize("odd", [0, 1])
def test_a_visit_that_cannot_be_aligned_is_said_once_and_not_matched(
    tmp_path: Path, make_visit: MakeVisit, odd: int
) -> None:
    patient = tmp_path / "patient"
    place = [make_visit(patient, visit) for visit in (0, 1)][odd]
    # A liver of two balls far apart is none that could be laid on the other visit's.
    shutil.copy(place / "tumors.nii.gz", place / "liver.nii.gz")
    result, warnings = run(patient, tmp_path / "out")
    (said,) = [text for text in warnings if "align" in text]
    date = said.split(":")[0]
    assert said.startswith(f"{date}: could not be aligned with the other visits: the livers ")
    assert said.endswith("linked to none of theirs; check that it is of this patient")
    assert result.course.edges == ()
    later = [track for track in result.course.tracks if track.lesions[0][0] == 1]
    assert later
    assert {track.state for track in later} == {TrackState.UNCERTAIN}
    assert {response.category for response in result.course.responses[1::2]} == {"NE"}
    assert all("not be aligned" in response.reason for response in result.course.responses[1::2])


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ("2024-01-15,9,2024-04-20,1,add", "line 2: there is no lesion 9 at 2024-01-15"),
        ("2024-01-15,1,2024-09-09,1,add", "line 2: there is no visit of 2024-09-09"),
        (
            "2024-01-15,1,2024-04-20,1,add\n2024-04-20,1,2024-01-15,1,remove",
            "line 3: .* is both added and removed",
        ),
    ],
)
def test_corrections_that_cannot_be_obeyed_stop_the_job(
    tmp_path: Path, make_visit: MakeVisit, links: str, message: str
) -> None:
    patient = tmp_path / "patient"
    make_visit(patient, 0)
    shutil.copytree(patient / "2024-01-15", patient / "2024-04-20")
    image = sitk.ReadImage(str(patient / "2024-04-20" / "portal.nii.gz"))
    sitk.WriteImage(image + 1, str(patient / "2024-04-20" / "portal.nii.gz"))
    with pytest.raises(InputError, match=message):
        run(patient, tmp_path / "out", links + "\n")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"patient_id": "P2"}, "2 patients in one folder: “P1” in .*; “P2” in "),
        ({"patient_sex": "M"}, "the headers give 2 sexes for one patient: “F” in .*; “M” in "),
    ],
)
def test_studies_of_two_patients_are_refused(
    tmp_path: Path, header: dict[str, str], message: str
) -> None:
    write_dicom(tmp_path, dt.date(2024, 1, 15))
    write_dicom(tmp_path, dt.date(2024, 4, 20), **header)
    with pytest.raises(InputError, match=message):
        discover(tmp_path)


@pytest.mark.parametrize(
    ("header", "told", "name"),
    [
        ({"patient_id": "P2"}, "2 patients in one folder: “P1” in ", "folder"),
        ({"patient_sex": "M"}, "the headers give 2 sexes for one patient: “F” in ", "P1"),
    ],
)
def test_the_users_word_makes_them_one_patient_with_a_warning(
    tmp_path: Path, header: dict[str, str], told: str, name: str
) -> None:
    patient = tmp_path / "folder"
    write_dicom(patient, dt.date(2024, 1, 15))
    write_dicom(patient, dt.date(2024, 4, 20), **header)
    with pytest.raises(InputError) as refused:
        discover(patient)
    assert "--one-patient" in (refused.value.remedy or "")
    found = discover(patient, one_patient=True)
    assert [visit.name for visit in found.visits] == ["2024-01-15", "2024-04-20"]
    assert found.patient == name
    (warning,) = found.warnings
    assert warning.startswith(f"taken as one patient, as the user says, although: {told}")


def test_the_users_word_changes_nothing_where_nothing_disagrees(tmp_path: Path) -> None:
    write_dicom(tmp_path, dt.date(2024, 1, 15))
    write_dicom(tmp_path, dt.date(2024, 4, 20))
    assert discover(tmp_path, one_patient=True) == discover(tmp_path)


def test_one_study_under_two_dates_is_said(tmp_path: Path) -> None:
    write_dicom(tmp_path, dt.date(2024, 1, 15))
    write_dicom(
        tmp_path, dt.date(2024, 4, 20), study_uid=f"1.2.3.{dt.date(2024, 1, 15).toordinal()}"
    )
    (warning,) = discover(tmp_path).warnings
    assert warning.startswith("2024-01-15, 2024-04-20 have one StudyInstanceUID")


def test_a_tumour_that_the_scan_before_shows_is_uncertain() -> None:
    dates = [dt.date(2024, month, 1) for month in (1, 3, 5)]
    new = Track(1, ((2, 1),), TrackState.NEW)
    small = Track(2, ((2, 2),), TrackState.UNCERTAIN, reason="it is small")

    def look(track: int, visit: int, verdict: Visibility) -> LookBack:
        return LookBack(track, (2, track), visit, 60, verdict, "9 HU darker", (0.0, 0.0, 0.0), 3.0)

    def doubted(*looks: LookBack) -> list[tuple[TrackState, str]]:
        tracks = doubt_what_was_visible((new, small), looks, dates)
        return [(track.state, track.reason) for track in tracks]

    visible, hidden, away = Visibility.VISIBLE, Visibility.NOT_VISIBLE, Visibility.NOT_COVERED
    unchanged = [(TrackState.NEW, ""), (TrackState.UNCERTAIN, "it is small")]
    assert doubted() == unchanged
    assert doubted(look(1, 0, visible), look(1, 1, hidden)) == unchanged
    reason = "the scan of 2024-03-01 may show it already: 9 HU darker"
    assert doubted(look(1, 1, visible))[0] == (TrackState.UNCERTAIN, reason)
    since_first = replace(look(1, 0, hidden), change_rate=0.01)
    assert doubted(since_first, look(1, 1, visible)) == unchanged
    darker = {"change_rate": 0.01, "change_hu": -40.0, "contrast_hu": -8.0}
    much_fainter = replace(look(1, 1, visible), found_contrast_hu=-50.0, **darker)
    assert doubted(much_fainter) == unchanged
    assert doubted(replace(much_fainter, contrast_hu=-11.0)) != unchanged
    assert doubted(look(2, 1, visible))[1] == (TrackState.UNCERTAIN, f"it is small; {reason}")
    grown = Track(1, ((1, 1), (2, 1)), TrackState.NEW, reason="it was small", confirmed=2)
    (no_longer,) = doubt_what_was_visible([grown], [look(1, 0, visible)], dates)
    assert (no_longer.state, no_longer.confirmed) == (TrackState.UNCERTAIN, None)
    assert no_longer.reason.startswith("it was small; the scan of 2024-01-01 may show it")
    first = doubted(look(1, 0, visible), look(1, 1, away))[0]
    assert first == (TrackState.UNCERTAIN, reason.replace("2024-03-01", "2024-01-01"))
