"""Links a reader adds or removes: read from rows, checked against the lesions there are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from lvt_track.core.records import Lesion
from lvt_track.errors import InputError

__all__ = ["COLUMNS", "Correction", "check_corrections", "parse_corrections"]

COLUMNS = ("date_a", "lesion_a", "date_b", "lesion_b", "action")
"""Columns of a corrections table; others are ignored, so that rows of edges.csv can be used."""

_REMEDY = "See docs/use/matching.md for the corrections table"


@dataclass(frozen=True)
class Correction:
    """One link that a reader adds or removes.

    Attributes:
        date_a, lesion_a: the earlier lesion: date of its visit and its number there.
        date_b, lesion_b: the later one.
        action: `add` or `remove`.
        line: line of the table it came from, for messages; 0 if it came from elsewhere.
    """

    date_a: dt.date
    lesion_a: int
    date_b: dt.date
    lesion_b: int
    action: Literal["add", "remove"]
    line: int = 0


def parse_corrections(
    rows: Iterable[Mapping[str, str]], first_line: int = 2
) -> tuple[Correction, ...]:
    """Corrections from the rows of a table, in their order; links are turned forward in time.

    Args:
        rows: one mapping from column to text per row.
        first_line: line number of the first row in the file, for messages.

    Raises:
        InputError: for a missing column, a date, number or action that cannot be read, or a
            link within one visit; the message names the line.
    """
    return tuple(_parse_row(row, line) for line, row in enumerate(rows, start=first_line))


def check_corrections(
    corrections: Sequence[Correction],
    lesions: Sequence[Sequence[Lesion]],
    dates: Sequence[dt.date],
) -> dict[tuple[tuple[int, int], tuple[int, int]], str]:
    """The corrections as edges (earlier key, later key) with their action.

    Args:
        corrections: what the reader says.
        lesions: the lesions of each visit.
        dates: the date of each visit, in order.

    Raises:
        InputError: for a date without a visit, an unknown lesion, or a link that is both
            added and removed; the message names the line.
    """
    visit_of = {date: index for index, date in enumerate(dates)}
    known = {lesion.key for of_visit in lesions for lesion in of_visit}
    actions: dict[tuple[tuple[int, int], tuple[int, int]], str] = {}
    for correction in corrections:
        ends = []
        for date, label in (
            (correction.date_a, correction.lesion_a),
            (correction.date_b, correction.lesion_b),
        ):
            if date not in visit_of:
                raise _error(correction.line, f"there is no visit of {date}")
            key = (visit_of[date], label)
            if key not in known:
                raise _error(correction.line, f"there is no lesion {label} at {date}")
            ends.append(key)
        edge = (ends[0], ends[1])
        if actions.setdefault(edge, correction.action) != correction.action:
            raise _error(
                correction.line,
                f"the link from lesion {correction.lesion_a} of {correction.date_a} to lesion "
                f"{correction.lesion_b} of {correction.date_b} is both added and removed",
            )
    return actions


def _parse_row(row: Mapping[str, str], line: int) -> Correction:
    missing = [name for name in COLUMNS if name not in row]
    if missing:
        raise _error(line, f"missing column {', '.join(missing)}")
    date_a, date_b = _date(row["date_a"], line), _date(row["date_b"], line)
    lesion_a, lesion_b = _number(row["lesion_a"], line), _number(row["lesion_b"], line)
    action = row["action"].strip().lower()
    if action not in ("add", "remove"):
        raise _error(line, f"action must be add or remove, got {row['action']!r}")
    if date_a == date_b:
        raise _error(line, f"a link joins two visits, both ends are of {date_a}")
    if date_a > date_b:
        date_a, lesion_a, date_b, lesion_b = date_b, lesion_b, date_a, lesion_a
    return Correction(
        date_a, lesion_a, date_b, lesion_b, cast(Literal["add", "remove"], action), line
    )


def _date(text: str, line: int) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        raise _error(line, f"a date must be YYYY-MM-DD, got {text!r}") from None


def _number(text: str, line: int) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise _error(line, f"a lesion must be a whole number, got {text!r}") from None


def _error(line: int, what: str) -> InputError:
    place = f"corrections, line {line}: " if line else "corrections: "
    return InputError(place + what, remedy=_REMEDY)
