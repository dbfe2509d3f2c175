"""Nothing is lost, nothing mixed: --force, --resume, overlapping folders, two runs, full disks."""

from __future__ import annotations

import datetime as dt
import errno
import functools
import json
import operator
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pydicom
import pytest

import lvt_track as lvt
from lvt_track.io.images.volumes import read_geometry, read_mask, write_mask
from lvt_track.pipeline.patient.documents import write as documents
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.settings import TrackSettings
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.lock import locked
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.output import check_apart
from lvt_track.pipeline.run.progress import Silent
from lvt_track.report.dicom.source_header import read_source_header

DATE = "2024-01-15"


@pytest.fixture(scope="module")
def patient(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One visit with given masks: the quickest run there is."""
    folder = tmp_path_factory.mktemp("one") / "patient"
    shutil.copytree(tiny_patient / DATE, folder / DATE)
    return folder


@pytest.fixture(scope="module")
def done(patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("done") / "out"
    lvt.track(patient, out)
    return out


@pytest.fixture
def out(done: Path, tmp_path: Path) -> Path:
    """A finished run, to do anything to."""
    return shutil.copytree(done, tmp_path / "out")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def edit(out: Path) -> np.ndarray:
    path = out / "visits" / DATE / "tumors.nii.gz"
    mask = read_mask(path, read_geometry(path))
    mask[20, 36:39, 40:44] = True
    write_mask(mask, read_geometry(path), path)
    return mask


def test_force_leaves_the_old_run_where_the_new_one_fails(
    patient: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(out)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(documents, "write_pdf", full)
    with pytest.raises(OSError, match="No space"):
        lvt.track(patient, out, existing="force")
    assert contents(out) == before


def test_force_sets_edited_masks_aside_and_leaves_what_is_not_its_own(
    patient: Path, out: Path
) -> None:
    mask = edit(out)
    (out / "notes.txt").write_text("mine")
    (out / "visits" / DATE / "mine.nii.gz").write_text("mine")
    lvt.track(patient, out, existing="force")
    folder = out / "visits" / DATE
    assert (out / "notes.txt").exists()
    assert (folder / "mine.nii.gz").exists()
    aside = folder / "edited_tumors.nii.gz"
    np.testing.assert_array_equal(read_mask(aside, read_geometry(aside)), mask)
    own = read_mask(folder / "tumors.nii.gz", read_geometry(aside))
    assert own.sum() < mask.sum()


def test_an_edited_mask_is_named_and_kept_by_report_and_resume(patient: Path, out: Path) -> None:
    mask = edit(out)
    for again in (
        lambda: remake_report(out, ReaderTables(), None, Silent()).course,
        lambda: lvt.track(patient, out, existing="resume"),
    ):
        course = again()
        assert course.visits[0].sources["tumors"] == "edited"
        assert course.visits[0].sources["liver"] == "given"
        path = out / "visits" / DATE / "tumors.nii.gz"
        np.testing.assert_array_equal(read_mask(path, read_geometry(path)), mask)


def test_a_damaged_mask_is_made_again(patient: Path, out: Path, done: Path) -> None:
    path = out / "visits" / DATE / "liver.nii.gz"
    path.write_bytes(path.read_bytes()[:100])
    lvt.track(patient, out, existing="resume")
    assert path.read_bytes() == (done / "visits" / DATE / "liver.nii.gz").read_bytes()


@pytest.mark.parametrize("scans", [".", "visits", "below/deep"])
def test_an_output_folder_that_holds_the_scans_is_refused(scans: str, tmp_path: Path) -> None:
    (tmp_path / scans).mkdir(parents=True, exist_ok=True)
    with pytest.raises(lvt.UsageError, match="could write over"):
        check_apart(tmp_path / scans, tmp_path)
    check_apart(tmp_path, tmp_path / "results")


def test_two_runs_do_not_share_a_folder(patient: Path, out: Path) -> None:
    with locked(out), pytest.raises(lvt.UsageError, match=r"another run .* process \d+"):
        lvt.track(patient, out, existing="resume")
    assert not (out / ".lvt-lock").exists()


def test_another_patients_run_is_not_gone_on_with(out: Path, tiny_patient: Path) -> None:
    before = contents(out)
    other = out.parent / "other"
    shutil.copytree(tiny_patient / "2024-04-20", other / "2024-04-20")
    with pytest.raises(lvt.UsageError, match="cannot go on"):
        lvt.track(other, out, existing="resume")
    assert contents(out) == before


def test_a_report_of_a_run_that_was_ended_is_incomplete(patient: Path, out: Path) -> None:
    facts = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(facts | {"finished": False}))
    result = remake_report(out, ReaderTables(), None, Silent())
    assert "ended before its end" in result.failures[0].why
    assert not Manifest.read(out).finished


def test_half_written_files_are_swept_away(patient: Path, out: Path) -> None:
    (out / "visits" / DATE / ".writing-0123.nii.gz").touch()
    (out / ".lvt-new-0123").mkdir()
    lvt.track(patient, out, existing="resume")
    assert not list(out.rglob(".*"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"visits": []}, "visits must be an object"),
        ({"inputs": [{}]}, r"inputs\[0\].visit is missing"),
        ({"failures": [3]}, r"failures\[0\] must be an object"),
        ({"seconds": {"read": "long"}}, "seconds.read must be a number"),
        ({"settings": {"other_phases": "yes"}}, "settings.other_phases"),
        ({"settings": {"radiologist": 3}}, "settings.radiologist"),
        ({"visits": {"../up": "x"}}, "is no visit"),
        ({"drawn": {DATE: {"sources": {}}}}, "drawn.2024-01-15.warnings is missing"),
        ({"unheard": 1}, "unheard is not a field"),
    ],
)
def test_an_edited_manifest_is_named_by_its_field(change: dict, field: str, out: Path) -> None:
    facts = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(facts | change))
    with pytest.raises(lvt.InputError, match=field):
        Manifest.read(out)


def paths_into(value: object, path: tuple = ()) -> Iterator[tuple]:
    """The place of every value in what JSON holds."""
    if path:
        yield path
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in inside:
        yield from paths_into(item, (*path, key))


def test_a_manifest_with_any_value_replaced_is_read_or_refused_in_words(
    out: Path, tmp_path: Path
) -> None:
    """Every value of a real run.json, each replaced by every kind of another one, and left out."""
    text = (out / "run.json").read_text()
    refused = 0
    for path in paths_into(json.loads(text)):
        for wrong in (None, True, -7, 1e300, "", "../up", [], {}, [[3]], {"a": {"b": []}}, ...):
            facts = json.loads(text)
            parent = functools.reduce(operator.getitem, path[:-1], facts)
            if wrong is ...:
                del parent[path[-1]]
            else:
                parent[path[-1]] = wrong
            (tmp_path / "run.json").write_text(json.dumps(facts))
            try:
                TrackSettings.from_facts(Manifest.read(tmp_path).settings)
            except lvt.LvtError as error:
                refused += 1
                assert len(path) > 1 or path[0] in str(error) or path == ("command",)
    assert refused > 400


def test_a_mistyped_model_is_noticed_also_where_all_masks_are_given(
    patient: Path, out: Path
) -> None:
    before = contents(out)
    with pytest.raises(lvt.InputError, match="no model named 'defualt'"):
        lvt.track(patient, out, model="defualt", existing="force")
    assert contents(out) == before


def test_a_short_row_of_corrections_is_named_with_its_file_and_line(
    patient: Path, tmp_path: Path
) -> None:
    table = tmp_path / "links.csv"
    table.write_text("date_a,lesion_a,date_b,lesion_b,action\n\n2024-01-15,1\n")
    with pytest.raises(lvt.InputError, match=r"links.csv: .*line 3: it has fewer fields"):
        ReaderTables(corrections=table).read_links()


@pytest.mark.parametrize("delimiter", ",;\t")
def test_corrections_as_spreadsheets_save_them(delimiter: str, tmp_path: Path) -> None:
    table = tmp_path / "corrections.csv"
    rows = [["action", "date_a", "lesion_a", "long_axis_mm"], ["size", DATE, "1", '"31,5"']]
    table.write_text("\n".join(delimiter.join(row) for row in rows), encoding="utf-8-sig")
    (correction,) = ReaderTables(corrections=table).read_links()
    assert correction.long_axis_mm == 31.5


@pytest.mark.parametrize(
    ("start", "day", "encoding"),
    [
        ("", "20.04.2024", "cp1252"),
        ("sep=;\r\n", "20.4.2024", "utf-16"),
        ("", "4/20/2024", "utf-8-sig"),
        ("", "20/04/2024", "utf-8"),
    ],
)
def test_corrections_as_spreadsheets_of_a_country_save_them(
    start: str, day: str, encoding: str, tmp_path: Path
) -> None:
    table = tmp_path / "corrections.csv"
    note = '"zwei Zeilen,\r\nMüller; ""rund"""'
    text = f"{start}action;date_a;lesion_a;note;x_a_mm;y_a_mm;z_a_mm\r\n"
    text += f"note;{day};1;{note};-70,5;1,0;2\r\n;;;;;;\r\nnone;{day};2;;;;\r\n"
    table.write_text(text, encoding=encoding, newline="")
    note_row, none_row = ReaderTables(corrections=table).read_links()
    assert {row.first.date.isoformat() for row in (note_row, none_row)} == {"2024-04-20"}
    assert note_row.first.place_mm == (-70.5, 1.0, 2.0)
    assert note_row.note == 'zwei Zeilen,\r\nMüller; "rund"'
    assert none_row.line == (6 if start else 5)


def test_days_that_may_be_months_are_told_by_the_scans_or_refused(tmp_path: Path) -> None:
    table = tmp_path / "corrections.csv"
    table.write_text("action,date_a,lesion_a\nnone,04/03/2024,1\n")
    with pytest.raises(lvt.InputError, match="line 2: a date must be YYYY-MM-DD"):
        ReaderTables(corrections=table).read_links()
    visits = [SimpleNamespace(date=dt.date(2024, 3, 4)), SimpleNamespace(date=dt.date(2024, 9, 1))]
    (row,) = ReaderTables(corrections=table).read_links(cast(Any, visits))
    assert row.first.date == dt.date(2024, 3, 4)


@pytest.mark.parametrize("link", [False, True])
def test_an_output_that_cannot_be_is_refused(link: bool, patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" if link else tmp_path / ("x" * 300)
    if link:
        out.mkdir()
        (out / "visits").symlink_to(patient)
    with pytest.raises(lvt.LvtError, match=r"is a link|File name too long"):
        lvt.track(patient, out, existing="force")


@pytest.mark.parametrize(
    ("keyword", "raw", "mended"),
    [
        ("PatientBirthDate", "00000000", ""),
        ("PatientBirthDate", "unknown", ""),
        ("PatientBirthDate", "1956", ""),
        ("PatientBirthDate", "1956-02-03", "19560203"),
        ("PatientSex", "f", "F"),
        ("PatientSex", "U", ""),
        ("StudyTime", "10:20:30", "102030"),
        ("StudyTime", "noon", ""),
        ("PatientName", "Doe\\Jo", "Doe Jo"),
    ],
)
def test_headers_that_break_the_standard_are_mended(
    keyword: str, raw: str, mended: str, tmp_path: Path
) -> None:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    with pydicom.config.disable_value_validation():
        setattr(dataset, keyword, raw)
        dataset.save_as(tmp_path / "slice.dcm", enforce_file_format=True)
    header = read_source_header(tmp_path / "slice.dcm")
    assert str(getattr(header, keyword)) == mended
    assert header.SpecificCharacterSet == "ISO_IR 192"
    assert header.SeriesNumber == 0
