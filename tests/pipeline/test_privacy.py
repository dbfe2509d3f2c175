"""An identity planted wherever a scan can hold one is found in no result that need not have it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime as dt
import gzip
import json
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pyarrow
import pyarrow.parquet as parquet
import pydicom
import pytest
from openpyxl.comments import Comment
from pydicom.datadict import DicomDictionary
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.errors import InputError
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.nifti import new_header, write_nifti
from lvt_track.io.images.volumes import read_volume
from lvt_track.pipeline.run.disclosure import Disclosure
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.places import with_places
from lvt_track.pipeline.run.pseudonyms import Pseudonyms, default_pseudonyms

PLANTED = "QZXWV"
"""In every name and text of the scans; no word of lvt holds it, nor base64 by chance."""

TEXTS = {"SH", "LO", "ST", "LT", "UT", "PN", "UC", "AE"}
IN_DICOM_RESULTS = {
    "PatientID",
    "PatientName",
    "AccessionNumber",
    "StudyID",
    "ReferringPhysicianName",
    "PositionReferenceIndicator",
}
CODE = "A01"
"""Name of the patient's folder: a code of the study, by which a cohort's tables call it."""

PLANTED_TABLE = f"reader_{PLANTED}.xlsx"


def lvt(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def plant(path: Path) -> None:
    """An identity in every text element that an image may have."""
    image = pydicom.dcmread(path)
    for tag, (vr, count, _, _, keyword) in DicomDictionary.items():
        is_of_image = keyword and tag >> 16 in (0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032)
        if not is_of_image or vr not in TEXTS or count not in ("1", "1-n"):
            continue
        if keyword not in ("TransducerType", "FrameLaterality"):
            image.add_new(tag, vr, f"{PLANTED} {tag:08x}"[:16])
    image.PatientID, image.PatientName = f"{PLANTED}4711", f"{PLANTED}^Jo"
    image.SeriesDescription = f"{PLANTED} portal venous"
    image.ConvolutionKernel = "B30f"
    image.save_as(path)


@dataclass(frozen=True)
class Planted:
    """Scans with an identity, where they lie, and what was told of their run."""

    patient: Path
    table: Path
    out: Path
    told: str


def write_patient(patient: Path, make_visit: Callable[..., Path]) -> None:
    """Two visits in DICOM below folders that say whose they are, one of them damaged in part."""
    for visit in range(2):
        place = make_visit(patient.parent.parent / "drawn", visit)
        scan = place / "portal.nii.gz"
        date = dt.date.fromisoformat(place.name)
        named = patient / f"{PLANTED} study {date}"
        files = write_ct_series(
            read_volume(scan),
            named / f"series {PLANTED}",
            SeriesHeader(
                patient_id="P1",
                patient_name="Doe^Jo",
                date=date,
                study_uid=f"1.2.3.{date.toordinal()}",
                series_uid=f"1.2.3.4.{date.toordinal()}",
                series_number=2,
                description="portal",
            ),
        )
        for path in files:
            plant(path)
            path.rename(path.with_name(f"{PLANTED}_{path.name}"))
        for name in ("liver", "vessels", "tumors"):
            shutil.move(place / f"{name}.nii.gz", named / f"{name}.nii.gz")
    (named / f"series {PLANTED}" / f"{PLANTED} broken.dcm").write_bytes(bytes(128) + b"DICM" * 9)
    (patient / f"{PLANTED} letter.zip").write_bytes(b"PK\3\4")


def write_table(path: Path) -> None:
    """A reader's sheet whose names, remarks and properties say whose it is."""
    book = openpyxl.Workbook()
    book.properties.creator = book.properties.title = PLANTED
    sheet = book.create_sheet(f"{PLANTED} sizes", 0)
    sheet.append(["patient", "date", "lesion", "long_axis_mm", "name"])
    for day, size in (("2024-01-15", 21), ("2024-04-20", 25), ("2023-01-01", 25)):
        sheet.append([f"{PLANTED}4711", day, "a", size, f"{PLANTED}^Jo"])
    sheet["A2"].comment = Comment(PLANTED, PLANTED)
    book.save(path)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    from tests.conftest import write_visit

    folder = tmp_path_factory.mktemp("clinic")
    patient = folder / f"Cohort {PLANTED}" / CODE
    write_patient(patient, write_visit)
    table = folder / PLANTED_TABLE
    write_table(table)
    out = folder / "out" / CODE
    result = lvt("track", patient, "-o", out, "--radiologist", table)
    assert result.exit_code == 4, result.output
    return Planted(patient, table, out, result.output)


def contents(path: Path) -> Iterator[bytes]:
    """A file's name and bytes, and what is packed in it."""
    content = path.read_bytes()
    yield path.name.encode()
    yield content
    if path.suffix == ".gz":
        yield gzip.decompress(content)
    if path.suffix == ".pdf":
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
            with contextlib.suppress(zlib.error):
                yield zlib.decompress(stream)
    if path.suffix == ".html":
        for packed in re.findall(rb"[A-Za-z0-9+/]{64,}={0,2}", content):
            with contextlib.suppress(binascii.Error):
                inner = base64.b64decode(packed, validate=True)
                yield gzip.decompress(inner) if inner.startswith(b"\x1f\x8b") else inner
    if path.suffix == ".parquet":
        table = parquet.read_table(path)
        yield f"{table.schema.metadata} {table.to_pydict()}".encode()


def leaks(folder: Path) -> list[str]:
    secret = PLANTED.encode()
    forms = (secret, secret.lower(), PLANTED.encode("utf-16-le"), PLANTED.encode("utf-16-be"))
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(form in part for part in contents(path) for form in forms)
    ]


def test_it_is_in_no_result_but_those_of_dicom(planted: Planted) -> None:
    names = {path.rpartition("/")[2] for path in leaks(planted.out)}
    assert names == {"seg.dcm", "sr.dcm"}
    for path in planted.out.rglob("*.dcm"):
        holders = {e.keyword for e in pydicom.dcmread(path).iterall() if PLANTED in str(e.value)}
        holders -= {e.keyword for e in pydicom.dcmread(path).iterall() if e.VR == "SQ"}
        assert holders <= IN_DICOM_RESULTS


def test_a_cohort_hands_on_nothing_but_where_it_lies(planted: Planted) -> None:
    cohort, out = planted.patient.parent, planted.out.parent
    (cohort / "A02").mkdir()
    (cohort / "A02" / f"{PLANTED}.dcm").write_bytes(bytes(128) + b"DICM" * 9)
    words = ("--radiologist", planted.table, "--jobs", 1, "--resume")
    result = lvt("cohort", cohort, "-o", out, *words)
    assert result.exit_code == 4, result.output
    assert "2 patients: 1 in part, 1 failed" in result.output
    assert PLANTED not in result.output
    assert {path for path in leaks(out) if not path.startswith(CODE)} == {"cohort.json"}
    record = json.loads((out / "cohort.json").read_text())
    assert record.pop("source") == str(cohort)
    assert record["settings"].pop("radiologist") == str(planted.table)
    assert PLANTED not in json.dumps(record)
    assert (out / "parquet" / "patients.parquet").is_file()
    assert CODE in (out / "cohort.html").read_text()


@pytest.mark.usefixtures("blind_model")
def test_segmenting_hands_nothing_on(planted: Planted, tmp_path: Path) -> None:
    series = next(planted.patient.rglob(f"series {PLANTED}"))
    scan = tmp_path / f"{PLANTED}^Jo.nii.gz"
    volume = read_scan(series_at(series))
    write_nifti(volume.hu, scan, new_header(volume.geometry))
    content = bytearray(gzip.decompress(scan.read_bytes()))
    for start in (14, 148, 228):  # db_name, descrip, aux_file
        content[start : start + len(PLANTED)] = PLANTED.encode()
    scan.write_bytes(gzip.compress(content, 1))
    for number, given in enumerate((series, scan)):
        out = tmp_path / str(number)
        result = lvt("segment", given, "-o", out, "--save-probabilities")
        assert result.exit_code == 0, result.output
        assert PLANTED not in result.output
        assert {path.name for path in out.iterdir()} >= {"liver.nii.gz", "run.json"}
        assert not leaks(out)


def test_it_is_not_told(planted: Planted) -> None:
    assert PLANTED not in planted.told
    assert "broken" not in planted.told
    assert re.search(r"2024-04-20_d-[A-Z2-7]{8}/", planted.told), planted.told
    assert default_pseudonyms().patient(f"{PLANTED}4711") in planted.told


def test_it_is_shown_where_asked_for_and_uids_stay(planted: Planted, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(planted.out, out)
    moved = lvt("report", out, "--patient", planted.patient)
    assert moved.exit_code == 3
    assert "--radiologist" in moved.output
    places = ("--patient", planted.patient, "--radiologist", planted.table)
    result = lvt("report", out, *places, "--identify")
    assert f"{PLANTED}4711" in result.output
    facts = json.loads((out / "run.json").read_text())
    assert facts["source"] == str(planted.patient)
    assert facts["patient"] == f"{PLANTED}4711"
    assert f"{PLANTED} portal venous" in (out / "visits.csv").read_text()
    before, now = ((f / "tracks.csv").read_text() for f in (planted.out, out))
    assert before == now


def test_report_finds_scans_and_table_again(planted: Planted) -> None:
    written = Manifest.read(planted.out)
    assert PLANTED not in json.dumps(written.settings) + written.source
    found = with_places(written, planted.out, default_pseudonyms())
    assert found.source == str(planted.patient)
    assert found.settings["radiologist"] == str(planted.table)
    elsewhere = with_places(written, planted.out, Pseudonyms(b"another key"))
    assert elsewhere.source == written.source
    before = (planted.out / "report.html").read_bytes()
    result = lvt("report", planted.out)
    assert result.exit_code == 4, result.output
    assert PLANTED not in result.output
    assert (planted.out / "report.html").read_bytes() == before


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_discover_tells_what_is_found_and_not_whose(planted: Planted, more: tuple[str]) -> None:
    result = lvt("discover", planted.patient, *more)
    assert PLANTED not in result.output
    assert "2024-04-20" in result.output
    assert f"{PLANTED}4711" in lvt("discover", planted.patient, "--identify", *more).output


def test_errors_do_not_tell_either(planted: Planted, tmp_path: Path) -> None:
    both = tmp_path / f"both {PLANTED}"
    visits = sorted(path for path in planted.patient.iterdir() if path.is_dir())
    for number, visit in enumerate(visits):
        shutil.copytree(visit, both / visit.name)
        for path in (both / visit.name).rglob(f"{PLANTED}_*.dcm"):
            image = pydicom.dcmread(path)
            image.PatientID = f"{PLANTED} {number}"
            image.save_as(path)
    result = lvt("track", both, "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert "2 patients in one folder" in result.output
    assert PLANTED not in result.output


def test_a_nifti_header_hands_nothing_on(tmp_path: Path) -> None:
    from tests.conftest import draw_visit

    volume, _ = draw_visit(0)
    header = new_header(volume.geometry)
    header["descrip"] = header["aux_file"] = header["db_name"] = PLANTED.encode()
    write_nifti(volume.hu, tmp_path / "mask.nii.gz", header)
    assert not leaks(tmp_path)


def test_what_is_packed_is_searched(tmp_path: Path) -> None:
    secret = f"scan of {PLANTED}".encode() * 9
    packed = base64.b64encode(gzip.compress(bytes(range(256)) + secret)).decode()
    (tmp_path / "a.html").write_text(f'<script>load("{packed}")</script>')
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(secret))
    (tmp_path / "c.pdf").write_bytes(b"stream\n" + zlib.compress(secret) + b"endstream")
    parquet.write_table(pyarrow.table({"x": [secret.decode()] * 9}), tmp_path / "d.parquet")
    assert len(leaks(tmp_path)) == 4


def test_pseudonyms_are_stable_and_of_the_key() -> None:
    ours, others = Pseudonyms(b"one key"), Pseudonyms(b"other key")
    assert ours.patient("Ab1") == ours.patient(" aB1 ") != others.patient("Ab1")
    assert Pseudonyms.is_of_patient(ours.patient("Ab1"))
    for name in ("2024-01-15", "20240115", "portal", "CT_arterial", "2024-01-15_portal", "DICOM"):
        assert ours.folder(name) == name
    for name in ("portal.nii.gz", "2024-01-15_ct.nii.gz", "liver.mha"):
        assert ours.file(name) == name
    for name in ("Doe", "4711", "2024-01-15 Doe", "sub-Doe"):
        assert ours.folder(ours.folder(name)) == ours.folder(name) != name
    assert ours.file("Doe.nii.gz").endswith(".nii.gz")


def test_a_key_is_drawn_once_and_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LVT_PSEUDONYM_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_pseudonyms().key == default_pseudonyms().key
    (path,) = (tmp_path / "lvt").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/none")
    assert default_pseudonyms().key == default_pseudonyms().key != path.read_text().strip().encode()


def test_a_text_that_was_shown_stays(tmp_path: Path) -> None:
    root = tmp_path / "Jo Doe"
    (root / "Doe 2").mkdir(parents=True)
    (root / "Doe 2" / "a b.dcm").touch()
    shows = Disclosure(root, default_pseudonyms(), "4711", ("Doe^Jo",))
    text = f"{root}/Doe 2/a b.dcm: “secret” of 4711 (a b.dcm), 47 of 4711.5 in {root}: Doe^Jo"
    shown = shows.text(text)
    assert not re.search("Doe|secret|a b| 4711 ", shown), shown
    assert "47 of" in shown
    assert shows.text(shown) == shown


@pytest.mark.parametrize(
    "name", ["IMG0010.dcm", "IM_0007.dcm", "0001.dcm", "slice003.IMA", "1.2.840.113619.2.55.dcm"]
)
def test_names_that_count_slices_and_series_stay(name: str) -> None:
    hidden = Pseudonyms(b"k" * 32)
    assert hidden.file(name) == name


def test_an_id_that_looks_like_a_count_is_hidden(tmp_path: Path) -> None:
    shows = Disclosure(tmp_path, Pseudonyms(b"k" * 32), "S12345", ("004711",))
    assert not re.search("12345|4711", shows.text("the scans are of S12345 and 004711"))


@pytest.mark.parametrize("name", ["Smith", "IM_Smith", "4711", "S1234567", "jane_0001.dcm"])
def test_names_that_may_name_somebody_do_not(name: str) -> None:
    hidden = Pseudonyms(b"k" * 32)
    assert Pseudonyms.stand_in(f"x/{hidden.file(name)}: the file is cut short")
    assert name.split(".")[0] not in hidden.file(name)


def test_a_table_is_told_to_its_user_by_the_name_that_was_typed(tmp_path: Path) -> None:
    root = tmp_path / "4711"
    root.mkdir()
    table = root / "Doe.csv"
    shows = Disclosure(root, default_pseudonyms(), tables=(table,))
    error = InputError(f"cannot be read (no '{table}')", path=table)
    assert str(shows.error(error, (table,))) == str(error)
    assert "Doe" not in str(shows.error(error))


def test_words_of_messages_stay_where_files_are_called_by_them(tmp_path: Path) -> None:
    root = tmp_path / "4711"
    root.mkdir()
    (root / "radiologist.csv").touch()
    shows = Disclosure(root, default_pseudonyms())
    text = "say with --radiologist where the radiologist's table lies"
    assert shows.text(text) == text
