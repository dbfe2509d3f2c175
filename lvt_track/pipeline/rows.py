"""Rows by column name as the text of a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lvt_track.io.files import write_whole

__all__ = ["table_text", "write_text"]


def write_text(text: str, path: Path) -> None:
    """Write a text file (UTF-8), whole or not at all.

    Raises:
        OutputError: when it cannot be written.
    """
    with write_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as CSV with a header: None is an empty cell, mL has three decimals, the rest one."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(name, row[name]) for name in columns])
    return buffer.getvalue()


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.{3 if name.endswith('_ml') else 1}f}"
    return str(value)
