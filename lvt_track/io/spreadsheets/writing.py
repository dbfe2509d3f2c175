"""The one way in which tables are written as CSV, and our own are read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from lvt_track.core.plain_text import guarded_cell
from lvt_track.io.files import write_whole
from lvt_track.io.spreadsheets.delimited import unguarded

__all__ = ["append_row", "csv_text", "read_written_table", "write_text"]


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV with a header: UTF-8, comma, point; None is an empty cell.

    Text that a spreadsheet would take for a formula is quoted, control characters are written
    out: names and descriptions come from files that anybody may have written.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def append_row(path: Path, columns: Sequence[str], row: Sequence[object]) -> None:
    """Add a row to a CSV that grows while a job runs; the header first where there is no file."""
    text = csv_text(columns, [row])
    with path.open("a", newline="", encoding="utf-8") as file:
        file.write(text if file.tell() == 0 else text.partition("\n")[2])


def write_text(text: str, path: Path) -> None:
    """Write a text file (UTF-8), whole or not at all.

    Raises:
        OutputError: when it cannot be written.
    """
    with write_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_written_table(path: Path) -> list[dict[str, str]]:
    """A table that was written here, as text by column."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: unguarded(cell) for name, cell in row.items()} for row in csv.DictReader(file)
        ]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return guarded_cell(value) if isinstance(value, str) else str(value)
