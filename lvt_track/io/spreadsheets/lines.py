"""The lines of a file before it is known which of them names the columns."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lvt_track.errors import InputError

__all__ = ["MOST_BYTES", "MOST_ROWS", "Lines", "as_text"]

MOST_BYTES = 64 << 20
"""A file of measurements is read up to this size, packed and unpacked; memory stays below 2 GB."""

MOST_ROWS = 1_000_000

_MOST_LISTED = 10


@dataclass(frozen=True)
class Lines:
    """Lines that hold anything, with their numbers.

    Attributes:
        rows: number from 1, and the cells, stripped.
        name: of the sheet; empty where the file has one only.
        serial_epoch: day 0 of dates that are numbers of days; None where they are none.
        delimiter: that parts the cells; empty in files that need none.
        repeated: line and place of the cells that repeat the value of a merged one.
        remarks: what else a reader must know of it, in words.
    """

    rows: Sequence[tuple[int, list[str]]]
    name: str = ""
    serial_epoch: dt.date | None = None
    delimiter: str = ""
    repeated: frozenset[tuple[int, int]] = frozenset()
    remarks: tuple[str, ...] = ()

    def refuse_shifted(self, path: Path, columns: Sequence[str], start: int) -> None:
        """Refuse rows whose cells cannot all belong below their column.

        Raises:
            InputError: for rows longer than the header, and for shorter ones in which a decimal
                comma may have parted a number.
        """
        width = len(columns)
        rows = self.rows[start + 1 :]
        odd = [
            (number, len(cells))
            for number, cells in rows
            if any(cells[width:]) or (self.delimiter == "," and _may_be_parted(cells, width))
        ]
        if odd:
            listed = ", ".join(
                f"line {line} has {count} cells" for line, count in odd[:_MOST_LISTED]
            )
            rest = f" and {len(odd) - _MOST_LISTED} more" if len(odd) > _MOST_LISTED else ""
            raise InputError(
                f"{listed}{rest}, the header {width}",
                path=path,
                remedy="Quote texts and decimal commas, or separate columns by semicolons",
            )


def _may_be_parted(cells: Sequence[str], width: int) -> bool:
    """Whether a short row has `32,5` in two cells, which may be one number or two."""
    if len(cells) >= width:
        return False
    return any(
        re.fullmatch(r"\d{1,3}", whole) and re.fullmatch(r"\d{1,2}", rest)
        for whole, rest in pairwise(cells)
    )


def as_text(value: object) -> str:
    """A cell as the text a CSV would hold."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
