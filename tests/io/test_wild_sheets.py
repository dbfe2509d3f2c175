"""Files that are no tables, or unpack to more than memory holds: refused at once, in words."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.lines import MOST_BYTES
from lvt_track.io.spreadsheets.sheet import read_sheet


def workbook(path: Path, **parts: str) -> Path:
    """A workbook of one cell, some of whose parts are other ones."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["date"])
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents |= {name.replace("__", "/") + ".xml": text.encode() for name, text in parts.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return path


def test_a_workbook_that_unpacks_to_more_than_a_table(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", xl__bomb=" " * (MOST_BYTES + 1))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match="unpacks to more than 64 MiB"):
        read_sheet(path)


def test_entities_are_refused(tmp_path: Path) -> None:
    text = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><sst>&a;</sst>'
    with pytest.raises(InputError, match="defines XML entities"):
        read_sheet(workbook(tmp_path / "t.xlsx", xl__sharedStrings=text))


@pytest.mark.parametrize("part", ["xl__workbook", "xl__worksheets__sheet1", "xl__styles"])
def test_damaged_parts_are_told(tmp_path: Path, part: str) -> None:
    with pytest.raises(InputError, match="damaged"):
        read_sheet(workbook(tmp_path / "t.xlsx", **{part: "<oops"}))


@pytest.mark.parametrize(
    ("start", "name", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "t.xls", "encrypted workbook"),
        (b"PK\x03\x04 cut short", "t.xlsx", "damaged"),
        (b"\xff\xfe\x00", "t.csv", "not a text table"),
        (b"HEADER RECORD*******LIBV8   ", "t.xpt", "not a SAS transport file"),
    ],
)
def test_other_files(tmp_path: Path, start: bytes, name: str, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(start)
    with pytest.raises(InputError, match=what):
        read_sheet(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_what_never_ends_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        with pytest.raises(InputError, match="no ordinary file"):
            read_sheet(path)


def test_what_a_sheet_hides_strikes_out_or_notes_is_told(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["date", "lesion", "mm"], ["2024-01-15", "T1", 30], ["2024-01-15", "T1", 31]):
        book.active.append(row)
    book.active["C2"].comment = openpyxl.comments.Comment("new lesion\nnearby", "reader")
    book.active.row_dimensions[2].hidden = True
    book.active.column_dimensions["C"].hidden = True
    for cell in book.active[3]:
        cell.font = openpyxl.styles.Font(strike=True)
    book.save(tmp_path / "t.xlsx")
    sheet = read_sheet(tmp_path / "t.xlsx")
    assert [row.cells["mm"] for row in sheet.rows] == ["30"]
    assert sheet.remarks == (
        "row 2 of the sheet is hidden, and read all the same",
        "column C of the sheet is hidden, and read all the same",
        "C2 has a note, which is not read: look at it",
        "line 3 is struck through: passed over",
    )
    book.active["A3"].font = openpyxl.styles.Font()
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="B3 is struck through, others of its row are not"):
        read_sheet(tmp_path / "t.xlsx")
