"""Tables with a column per visit, as radiologists keep them, with a row per lesion and visit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lvt_track.core.response.sites import plain_words
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import Sheet, SheetRow
from lvt_track.response.tables.cells import CellError, is_missing, parse_date

__all__ = ["has_columns_of_visits", "lengthened"]

_DATE = re.compile(
    r"(?<![\d./-])(\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{4}\.\d{1,2}\.\d{1,2}|"
    r"\d{1,2}[./-]\d{1,2}[./-]\d{4}|(?:19|20)\d{6}|\d{1,2}[ .-]?[^\W\d_]{3,9}\.?[ .-]?\d{4})"
    r"(?![\d/-])"
)
_VISIT_WORDS = re.compile(
    r"(baseline|screening|follow up|fu|ct|scan|visit|exam|study|week|month|cycle|tp|timepoint|"
    r"datum|fecha|date|dato|untersuchung|w|c|d|v|day|nr|no|\d+| )*"
)
_FEWEST_VISITS = 2
_DEFAULT_SIZE = "long axis"


@dataclass(frozen=True)
class _VisitColumn:
    """A column whose name holds a date.

    Attributes:
        name: as written.
        date: the part of the name that is the date.
        what: the name of a column that holds the same in a table with a row per visit.
    """

    name: str
    date: str
    what: str


def has_columns_of_visits(columns: Sequence[str]) -> bool:
    """Whether two columns or more are named by the day of a visit."""
    return len({column.date for column in _visit_columns(columns)}) >= _FEWEST_VISITS


def lengthened(sheet: Sheet) -> Sheet:
    """A table with a row per lesion and visit, from one whose columns are the visits.

    `2024-03-01`, `CT 01.03.2024 (mm)` and `2024-03-01 short axis [mm]` name such columns; a blank
    cell is no row. Line numbers stay those of the file. Other tables come back as they are.

    Raises:
        InputError: when a date may be day or month first, or is none.
    """
    visits = _visit_columns(sheet.columns)
    if not has_columns_of_visits(sheet.columns):
        return sheet
    dates = {visit.date: _iso(visit, sheet) for visit in visits}
    names = {visit.name for visit in visits}
    others = tuple(name for name in sheet.columns if name and name not in names)
    kinds = tuple(dict.fromkeys(visit.what for visit in visits))
    rows = [
        SheetRow(row.line, dict(zip((*others, "date", *kinds), cells, strict=True)), row.repeated)
        for row in sheet.rows
        for cells in _cells(row, others, kinds, visits, dates)
    ]
    return replace(sheet, columns=(*others, "date", *kinds), rows=tuple(rows))


def _visit_columns(columns: Sequence[str]) -> list[_VisitColumn]:
    result = []
    for name in columns:
        date = _DATE.search(name)
        if date is None:
            continue
        rest = (name[: date.start()] + " " + name[date.end() :]).strip()
        unit = re.search(r"[\s(\[]*\b(mm|cm|ml|cm3|mm3)\b[\s)\]]*$", rest, flags=re.IGNORECASE)
        words = plain_words(rest[: unit.start()] if unit else rest)
        what = _DEFAULT_SIZE if _VISIT_WORDS.fullmatch(words) else words
        result.append(_VisitColumn(name, date[0], what + (f" ({unit[1].lower()})" if unit else "")))
    return result


def _iso(visit: _VisitColumn, sheet: Sheet) -> str:
    try:
        return parse_date(visit.date).isoformat()
    except CellError as error:
        raise InputError(f"column {visit.name!r}: {error}", path=sheet.path) from None


def _cells(
    row: SheetRow,
    others: Sequence[str],
    kinds: Sequence[str],
    visits: Sequence[_VisitColumn],
    dates: dict[str, str],
) -> Iterator[list[str]]:
    """The cells of each visit of one row of the table."""
    for date in dict.fromkeys(visit.date for visit in visits):
        by_kind = {visit.what: row.cells[visit.name] for visit in visits if visit.date == date}
        if any(not is_missing(text) for text in by_kind.values()):
            shared = [row.cells[name] for name in others]
            yield [*shared, dates[date], *(by_kind.get(kind, "") for kind in kinds)]
