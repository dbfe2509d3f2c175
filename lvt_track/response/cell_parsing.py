"""One cell of a table people bring: numbers, lengths, dates and words, with plain refusals."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

__all__ = ["CellError", "Problem", "parse_date", "parse_length_mm", "parse_number"]

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_LENGTH_UNITS_MM = {"mm": 1.0, "cm": 10.0}


class CellError(ValueError):
    """A cell that cannot be read; its text says why, and what to write instead."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a row.

    Attributes:
        line: in the file; None where the rows did not come from one.
        what: in words.
        is_fatal: whether the row is refused; else it is used, and the reader is told.
    """

    line: int | None
    what: str
    is_fatal: bool

    def __str__(self) -> str:
        return self.what if self.line is None else f"line {self.line}: {self.what}"


def parse_number(text: str) -> float:
    """A number with a decimal point or comma.

    Raises:
        CellError: for other text, and for a comma that may part thousands.
    """
    if not _NUMBER.fullmatch(text):
        raise CellError(f"{text!r} is not a number")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text):
        raise CellError(f"{text!r} may be thousands or a decimal comma: write it with a point")
    return float(text.replace(",", "."))


def parse_length_mm(text: str, unit_mm: float = 1.0) -> float:
    """A length in mm; a unit after the number (mm, cm) goes before that of the column.

    Args:
        text: the cell.
        unit_mm: the column's unit, in mm.

    Raises:
        CellError: when it is not a number.
    """
    match = re.fullmatch(r"(.*?)\s*(mm|cm)", text, flags=re.IGNORECASE)
    if match:
        return parse_number(match[1]) * _LENGTH_UNITS_MM[match[2].lower()]
    return parse_number(text) * unit_mm


def parse_date(text: str) -> dt.date:
    """A day: 2024-03-01, 20240301, 2024/03/01 or 01.03.2024; a time of day after it is dropped.

    Raises:
        CellError: for days with slashes, of which one cannot tell day and month, for days that
            are not complete, and for what is no date.
    """
    day = re.split(r"[T ]", text, maxsplit=1)[0]
    for pattern, form in (
        (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"),
        (r"\d{8}", "%Y%m%d"),
        (r"\d{4}/\d{2}/\d{2}", "%Y/%m/%d"),
        (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    ):
        if re.fullmatch(pattern, day):
            try:
                return dt.datetime.strptime(day, form).date()
            except ValueError:
                break
    if re.fullmatch(r"\d{1,2}/\d{1,2}/\d{2,4}", day):
        raise CellError(f"date {text!r} may be day or month first: write it as YYYY-MM-DD")
    raise CellError(f"{text!r} is not a complete date: write it as YYYY-MM-DD")
