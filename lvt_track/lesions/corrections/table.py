"""What a reader says of lesions, as rows of a table: docs/use/corrections.md describes it."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lvt_track.core.lesion.caliper import Point
from lvt_track.errors import InputError
from lvt_track.lesions.corrections.lesion_names import LesionName

__all__ = ["COLUMNS", "MOST_PARTS", "REMEDY", "Action", "Correction", "parse_corrections"]

COLUMNS = (
    "action",
    *(
        f"{what}_{end}{unit}"
        for end in "ab"
        for what, unit in (
            ("date", ""),
            ("lesion", ""),
            ("x", "_mm"),
            ("y", "_mm"),
            ("z", "_mm"),
            ("volume", "_ml"),
            ("voxels", ""),
        )
    ),
    "long_axis_mm",
    "parts",
    "note",
    "reader",
    "time",
)
"""Columns of a corrections table; others are ignored, so that rows of edges.csv can be used."""

REMEDY = "See docs/use/corrections.md for the corrections table"

MOST_PARTS = 9
"""More parts than this no reader sees in one lesion."""


class Action(StrEnum):
    """What a row asks for."""

    ADD = "add"
    REMOVE = "remove"
    SAME = "same"
    NEW = "new"
    NONE = "none"
    SPLIT = "split"
    TARGET = "target"
    NON_TARGET = "non-target"
    PROGRESSION = "progression"
    NO_PROGRESSION = "no-progression"
    SIZE = "size"
    NOTE = "note"

    @property
    def names_two(self) -> bool:
        """Whether the row names two lesions."""
        return self in (Action.ADD, Action.REMOVE, Action.SAME)


@dataclass(frozen=True)
class Correction:
    """One row of a corrections table.

    Attributes:
        action: what is asked for.
        first: the lesion it is about; of a link the earlier one.
        second: the later lesion of a link, or the other one of the same tumour; else None.
        long_axis_mm: for `size`, what the reader measured.
        parts: for `split`, into how many.
        note: what the reader remarks.
        reader, time: who said so and when, as written.
        line: line of the table it came from, for messages; 0 if an earlier run remembered it.
    """

    action: Action
    first: LesionName
    second: LesionName | None = None
    long_axis_mm: float | None = None
    parts: int | None = None
    note: str = ""
    reader: str = ""
    time: str = ""
    line: int = 0

    @property
    def names(self) -> tuple[LesionName, ...]:
        """The lesions it names."""
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def where(self) -> str:
        """The row in words, for messages."""
        text = f"line {self.line}" if self.line else "an earlier correction"
        return f"{text} ({self.action} {' and '.join(str(name) for name in self.names)})"

    def facts(self) -> dict[str, Any]:
        """The row as plain values, by column; what is empty is left out."""
        row: dict[str, Any] = {"action": self.action.value}
        for end, name in zip("ab", self.names, strict=False):
            x, y, z = name.place_mm or (None, None, None)
            row |= {f"date_{end}": name.date.isoformat(), f"lesion_{end}": name.label}
            row |= {f"x_{end}_mm": x, f"y_{end}_mm": y, f"z_{end}_mm": z}
            row |= {f"volume_{end}_ml": name.volume_ml, f"voxels_{end}": name.voxels}
        row |= {"long_axis_mm": self.long_axis_mm, "parts": self.parts, "note": self.note}
        row |= {"reader": self.reader, "time": self.time}
        return {column: value for column, value in row.items() if value not in (None, "")}


def parse_corrections(
    rows: Iterable[Mapping[str, Any]], first_line: int = 2
) -> tuple[Correction, ...]:
    """Corrections from the rows of a table, in their order; links are turned forward in time.

    Rows of nothing but empty fields are passed over.

    Args:
        rows: one mapping from column to text per row.
        first_line: line number of the first row in the file, for messages; 0 for rows that are
            of no file.

    Raises:
        InputError: for rows that cannot be understood; all of them are named with their lines.
    """
    corrections, problems = [], []
    for k, row in enumerate(rows):
        line = first_line + k if first_line else 0
        try:
            if any(str(value).strip() for value in row.values() if value is not None):
                corrections.append(replace(_parse_row(row), line=line))
        except ValueError as error:
            problems.append(f"line {line}: {error}" if line else str(error))
    if problems:
        raise InputError(f"corrections, {'; '.join(problems)}", remedy=REMEDY)
    return tuple(corrections)


def _parse_row(row: Mapping[str, Any]) -> Correction:
    """One row.

    Raises:
        ValueError: says what cannot be understood.
    """
    if "action" not in row:
        raise ValueError("missing column action")
    if row.get(None):  # type: ignore[call-overload]  # what csv.DictReader has too much
        raise ValueError("it has more fields than the table has columns")
    if row["action"] is None:
        raise ValueError("it has fewer fields than the table has columns")
    word = _text(row, "action").lower().replace("_", "-").replace(" ", "-")
    try:
        action = Action(word)
    except ValueError:
        known = ", ".join(Action)
        raise ValueError(f"action must be one of {known}, got {row['action']!r}") from None
    first = _name(row, "a")
    second = _name(row, "b") if action.names_two else None
    if not action.names_two and (_text(row, "date_b") or _text(row, "lesion_b")):
        raise ValueError(f"{action} is about one lesion, but date_b and lesion_b name a second")
    if second is not None:
        if action is not Action.SAME and first.date == second.date:
            raise ValueError(f"a link joins two visits, both ends are of {first.date}")
        if first == second or (first.date, first.label) == (second.date, second.label):
            raise ValueError(f"both ends are {first}")
        if first.date > second.date:
            first, second = second, first
    long_axis_mm, parts = _number(row, "long_axis_mm"), _number(row, "parts")
    if action is Action.SIZE and (long_axis_mm is None or not 0 < long_axis_mm < 1000):
        raise ValueError("size needs a long_axis_mm above 0 and below 1000")
    if action is Action.SPLIT and parts is not None and parts not in range(2, MOST_PARTS + 1):
        raise ValueError(f"parts must be a whole number from 2 to {MOST_PARTS}, got {parts:g}")
    if action is Action.NOTE and not _text(row, "note"):
        raise ValueError("note needs a text in the column note")
    return Correction(
        action=action,
        first=first,
        second=second,
        long_axis_mm=long_axis_mm if action is Action.SIZE else None,
        parts=int(parts or 2) if action is Action.SPLIT else None,
        note=_text(row, "note"),
        reader=_text(row, "reader"),
        time=_text(row, "time"),
    )


def _name(row: Mapping[str, Any], end: str) -> LesionName:
    missing = [f"{what}_{end}" for what in ("date", "lesion") if not _text(row, f"{what}_{end}")]
    if missing:
        absent = [column for column in missing if column not in row]
        if absent:
            raise ValueError(f"missing column {', '.join(absent)}")
        raise ValueError(f"{', '.join(missing)} is empty")
    label = _text(row, f"lesion_{end}")
    if not label.isdecimal() or not 0 < int(label) < 2**31:
        raise ValueError(f"a lesion must be a whole number from 1 on, got {label!r}")
    text = _text(row, f"date_{end}")
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"a date must be YYYY-MM-DD, got {text!r}") from None
    volume_ml = _number(row, f"volume_{end}_ml")
    if volume_ml is not None and volume_ml <= 0:
        raise ValueError(f"volume_{end}_ml must be above 0, got {volume_ml:g}")
    return LesionName(date, int(label), _place(row, end), volume_ml, _text(row, f"voxels_{end}"))


def _place(row: Mapping[str, Any], end: str) -> Point | None:
    x, y, z = (_number(row, f"{axis}_{end}_mm") for axis in "xyz")
    if x is None and y is None and z is None:
        return None
    if x is None or y is None or z is None:
        raise ValueError(f"a place needs all of x_{end}_mm, y_{end}_mm and z_{end}_mm")
    return x, y, z


def _number(row: Mapping[str, Any], column: str) -> float | None:
    text = _text(row, column)
    if not text:
        return None
    try:
        number = float(re.sub(r"^([+-]?\d*),(\d+)$", r"\1.\2", text))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{column} must be a number, got {text!r}")
    return number


def _text(row: Mapping[str, Any], column: str) -> str:
    """The field without space around it; rows that are too short have none."""
    value = row.get(column)
    return "" if value is None else str(value).strip()
