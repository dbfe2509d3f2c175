"""The same inputs give the same bytes, whichever command asked, and whenever."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import lvt_track as lvt
from lvt_track.pipeline.patient.report import ReportOptions, remake_report
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.progress import Silent
from lvt_track.register import course
from lvt_track.register.align import Alignment

DATES = ("2024-01-15", "2024-04-20")


@pytest.fixture(scope="module")
def patient(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two") / "patient"
    for date in DATES:
        shutil.copytree(tiny_patient / date, folder / date)
    return folder


@pytest.fixture(scope="module")
def done(patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a date that is not today's."""
    out = tmp_path_factory.mktemp("done") / "out"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SOURCE_DATE_EPOCH", "1700000000")
        lvt.track(patient, out)
    return out


@pytest.fixture
def out(done: Path, tmp_path: Path) -> Path:
    return shutil.copytree(done, tmp_path / "out")


def differing(one: Path, other: Path) -> set[str]:
    """Names of the files that two folders do not have in common, byte for byte."""

    def contents(folder: Path) -> set[tuple[str, bytes]]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {(str(path.relative_to(folder)), path.read_bytes()) for path in files}

    return {name for name, _ in contents(one) ^ contents(other)}


def test_a_report_without_edits_and_a_resumed_run_change_no_byte(
    patient: Path, done: Path, out: Path
) -> None:
    assert len(list(out.rglob("*.h5"))) == 1
    remake_report(out, ReaderTables(), None, Silent())
    assert differing(done, out) == set()
    lvt.track(patient, out, existing="resume")
    assert differing(done, out) == set()


def test_a_correction_registers_nothing_and_gives_what_registering_gives(
    done: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew = shutil.copytree(done, tmp_path / "anew")
    for path in anew.rglob("*.npz"):
        path.unlink()
    registered: list[object] = []
    find = course.align

    def counted(*pair: Any) -> Alignment:
        registered.append(pair)
        return find(*pair)

    monkeypatch.setattr(course, "align", counted)
    table = tmp_path / "corrections.csv"
    table.write_text(f"action,date_a,lesion_a\nnone,{DATES[1]},2\n")
    counts = []
    for folder in (out, anew):
        remake_report(folder, ReaderTables(corrections=table), None, Silent())
        counts.append(len(registered))
    assert counts == [0, 1]
    assert differing(out, anew) <= {"run.json", "report.pdf", "report.html"}
    assert len(list(out.rglob("*.npz"))) == 1 and "lesions.csv" in differing(done, out)


def test_a_report_of_something_else_has_a_date_of_its_own(out: Path) -> None:
    before = Manifest.read(out)
    remake_report(out, ReaderTables(), None, Silent(), ReportOptions(criteria="volume"))
    after = Manifest.read(out)
    assert before.began.year == 2023
    assert after.began.year > 2023
    assert f"made {after.began:%Y-%m-%d}" in (out / "report.html").read_text()


def test_runs_at_other_times_differ_in_their_dates_alone(
    patient: Path, done: Path, tmp_path: Path, registering_anew: None
) -> None:
    lvt.track(patient, tmp_path / "out")
    assert differing(done, tmp_path / "out") == {"run.json", "report.pdf", "report.html"}


def test_a_date_that_is_none_is_refused(
    patient: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(lvt.UsageError, match="SOURCE_DATE_EPOCH must be a number"):
        lvt.track(patient, tmp_path / "out")
