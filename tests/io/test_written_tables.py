"""Tables that we write: no cell is a formula, no control character is raw, and all reads back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvt_track.core.plain_text import guarded_cell, printable
from lvt_track.io.spreadsheets.delimited import unguarded
from lvt_track.io.spreadsheets.sheet import read_sheet
from lvt_track.io.spreadsheets.writing import csv_text, read_written_table, write_text


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+cmd|' /C calc'!A0", "@SUM(A1)", "-x"])
def test_no_cell_is_a_formula(text: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_text(csv_text(["name", "size_mm"], [[text, -1.5], ["+1.25", None]]), path)
    lines = path.read_text().splitlines()
    assert lines[1].lstrip('"').startswith("'")
    assert lines[1].endswith(",-1.5") and lines[2] == "+1.25,", "numbers stay numbers"
    assert read_written_table(path)[0] == {"name": text, "size_mm": "-1.5"}
    assert read_sheet(path).rows[0].cells["name"] == text


@given(st.text())
def test_what_is_shown_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = printable(text)
    assert not any((ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert unguarded(guarded_cell(text)) == shown or text.startswith(("'", "\t"))


def test_an_escape_sequence_is_written_out() -> None:
    assert printable("P\x1b[31mred\x9b0m\u202e") == "P\\x1b[31mred\\x9b0m\\u202e"
