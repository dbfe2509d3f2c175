"""Rows by column name as the text of a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lvt_track.io.spreadsheets.writing import csv_text

__all__ = ["table_text"]


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as CSV with a header: None is an empty cell; mL and shares have three decimals."""
    return csv_text(columns, ([_value(name, row[name]) for name in columns] for row in rows))


def _value(name: str, value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.{3 if name.endswith('_ml') or name.startswith('p_') else 1}f}"
    return value
