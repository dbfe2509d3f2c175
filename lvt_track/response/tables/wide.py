"""Tables with a column per visit, as radiologists keep them, with a row per lesion and visit."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from lvt_track.core.response.sites import plain_words
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import Sheet, SheetRow
from lvt_track.response.tables.cells import (
    LENGTH_UNITS_MM,
    VOLUME_UNITS_ML,
    CellError,
    is_missing,
    unit_symbol,
)
from lvt_track.response.tables.columns import size_name, text_name
from lvt_track.response.tables.dates import (
    DateForm,
    exchanged_days,
    parse_date,
    settled_order,
)
from lvt_track.response.tables.words import ROLE_WORDS, word_key

__all__ = ["is_measurement_header", "is_second_line", "lengthened", "names_rows"]

_DATE = re.compile(
    r"(?<![\d./-])(\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{4}\.\d{1,2}\.\d{1,2}|"
    r"\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|(?:19|20)\d{6}|"
    r"\d{1,2}[ .-]{0,2}[^\W\d_]{3,9}\.?[ .-]?\d{4}|\d{1,2}-[^\W\d_]{3,4}-\d{2})"
    r"(?![\d/-])"
)
_VISIT_WORDS = re.compile(
    r"(baseline|screening|nadir|staging|restaging|current|prior|previous|follow up|fu|ct|abdomen|"
    r"scan|visit|exam|study|week|month|cycle|tp|timepoint|control|kontrolle|verlauf|"
    r"datum|fecha|date|dato|untersuchung|w|c|d|v|x|day|nr|no|\d+| )*"
)
_NUMBER = re.compile(r"[<>~]?\s*\d[\d.,x×* ]*(mm|cm|ml)?", re.IGNORECASE)
_OF_ROWS = ("date", "lesion", "patient", "role", "site")
_SIZE = re.compile(r"^\s*\d[\d.,x×* ]*(mm|cm|ml)\s*$", re.IGNORECASE)
_FEWEST_VISITS = 2
_DEFAULT_SIZE = "long axis"


@dataclass(frozen=True)
class _DatedColumn:
    """A column whose name holds a date.

    Attributes:
        name: as written.
        date: the part of the name that is the date.
        what: the name of a column that holds the same in a table with a row per visit.
        unit: of length or volume that the name states; empty for none.
    """

    name: str
    date: str
    what: str
    unit: str

    @property
    def is_known(self) -> bool:
        """Whether what it holds has a place in a table of measurements."""
        return (text_name(self.what) or size_name(self.what)) is not None


def is_measurement_header(cells: Sequence[str]) -> bool:
    """Whether a line names the columns that a table of measurements needs."""
    known = {text_name(cell) for cell in cells}
    return "lesion" in known and ("date" in known or _has_columns_of_visits(_dated_columns(cells)))


def is_second_line(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether a line goes on with the names of columns: days, units, or what stands below one."""
    if any(_NUMBER.fullmatch(cell) and not _DATE.fullmatch(cell) for cell in (*upper, *lower)):
        return False
    # Below what names the rows stands a lesion or a day, not the rest of a name.
    if any(
        below and text_name(above) in _OF_ROWS for above, below in zip(upper, lower, strict=False)
    ):
        return False
    return any(map(_is_name, lower))


def names_rows(cell: str) -> bool:
    """Whether a cell names the column of what all cells of a row are of, whatever stands above."""
    return text_name(cell) in _OF_ROWS


def _is_name(cell: str) -> bool:
    is_unit = unit_symbol(cell.strip("()[]. ")) in (LENGTH_UNITS_MM | VOLUME_UNITS_ML)
    return is_unit or (text_name(cell) or size_name(cell) or _DATE.fullmatch(cell)) is not None


def lengthened(sheet: Sheet, scan_days: Collection[dt.date] = ()) -> Sheet:
    """A table with a row per lesion and visit, from one whose columns are the visits.

    `2024-03-01`, `CT 01.03.2024 (mm)` and `2024-03-01 short axis [mm]` name such columns; a blank
    cell is no row. A day of which no column says what a visit does, as `Biopsy 2020-01-15`, is no
    visit. Line numbers stay those of the file. Other tables come back as they are.

    Args:
        sheet: the table.
        scan_days: on which the patient was scanned, where that is known.

    Raises:
        InputError: when a date may be day or month first, or is none; when sizes of a day are
            not understood; when another column dates the rows as well; when a row without sizes
            heads others, as `Non-target lesions` does.
    """
    dated = _dated_columns(sheet.columns)
    dating = [name for name in sheet.columns if text_name(name) == "date"]
    is_wide = _has_columns_of_visits(dated)
    if is_wide and dating:
        raise InputError(
            f"column {dating[0]!r} dates the rows, and columns named by days do too",
            path=sheet.path,
            remedy="Leave the one or the others out",
        )
    if not dating:
        _refuse_unknown_sizes(dated, sheet)
    if not is_wide:
        return sheet
    known = {column.date for column in dated if column.is_known}
    visits = [column for column in dated if column.date in known]
    days = [visit.date for visit in visits]
    if sheet.serial_epoch is not None and (what := exchanged_days(days, scan_days)):
        raise InputError(what, path=sheet.path)
    settled = settled_order(days, scan_days)
    form = DateForm(order=settled[0] if settled else None)
    dates = {visit.date: _iso(visit, form, sheet) for visit in visits}
    names = {visit.name for visit in visits}
    others = tuple(name for name in sheet.columns if name and name not in names)
    kinds = tuple(dict.fromkeys(visit.what for visit in visits))
    _refuse_headings(sheet)
    rows = [
        SheetRow(row.line, dict(zip((*others, "date", *kinds), cells, strict=True)), row.repeated)
        for row in sheet.rows
        for cells in _cells(row, others, kinds, visits, dates)
    ]
    lines = {row.line for row in rows}
    remarks = [
        f"line {row.line}: {' '.join(filter(None, row.cells.values()))!r} "
        "has nothing at any visit: passed over"
        for row in sheet.rows
        if row.line not in lines
    ]
    return replace(
        sheet,
        columns=(*others, "date", *kinds),
        rows=tuple(rows),
        remarks=(*sheet.remarks, *(settled[1:] if settled else ()), *remarks),
    )


def _has_columns_of_visits(dated: Sequence[_DatedColumn]) -> bool:
    """Whether columns of two days or more say what a visit does."""
    return len({column.date for column in dated if column.is_known}) >= _FEWEST_VISITS


def _refuse_unknown_sizes(dated: Sequence[_DatedColumn], sheet: Sheet) -> None:
    """A visit must not be missing because the name of its column has a word too many."""
    days = {column.date for column in dated if column.is_known}
    for column in dated:
        has_sizes = column.unit or any(_SIZE.search(row.cells[column.name]) for row in sheet.rows)
        if has_sizes and column.date not in days:
            unit = column.unit or "mm"
            raise InputError(
                f"column {column.name!r} holds sizes of a day, but its words are not understood",
                path=sheet.path,
                remedy=f"Call it '{column.date} long axis ({unit})', or leave it out",
            )


def _refuse_headings(sheet: Sheet) -> None:
    """What a heading says of the rows below it would be lost."""
    for row in sheet.rows:
        words = [text for text in row.cells.values() if text]
        if len(words) == 1 and word_key(words[0]) in ROLE_WORDS:
            raise InputError(
                f"line {row.line}: {words[0]!r} heads the rows below it",
                path=sheet.path,
                remedy="Write it in a column role, in each row",
            )


def _dated_columns(columns: Sequence[str]) -> list[_DatedColumn]:
    result = []
    for name in columns:
        date = _DATE.search(name)
        if date is None:
            continue
        rest = (name[: date.start()] + " " + name[date.end() :]).strip()
        unit = re.search(r"[\s(\[]*\b(mm|cm|ml|cm3|mm3)\b[\s)\]]*$", rest, flags=re.IGNORECASE)
        what = _what_of_visit(plain_words(rest[: unit.start()] if unit else rest))
        symbol = unit[1].lower() if unit else ""
        result.append(
            _DatedColumn(name, date[0], what + (f" ({symbol})" if symbol else ""), symbol)
        )
    return result


def _what_of_visit(words: str) -> str:
    """What a name says beside its day: `short axis` of `baseline short axis`."""
    if _VISIT_WORDS.fullmatch(words):
        return _DEFAULT_SIZE
    parts = words.split()
    for count in range(1, len(parts)):
        rest = " ".join(parts[count:])
        if _VISIT_WORDS.fullmatch(" ".join(parts[:count])) and (text_name(rest) or size_name(rest)):
            return rest
    return words


def _iso(visit: _DatedColumn, form: DateForm, sheet: Sheet) -> str:
    try:
        return parse_date(visit.date, form).isoformat()
    except CellError as error:
        raise InputError(f"column {visit.name!r}: {error}", path=sheet.path) from None


def _cells(
    row: SheetRow,
    others: Sequence[str],
    kinds: Sequence[str],
    visits: Sequence[_DatedColumn],
    dates: dict[str, str],
) -> Iterator[list[str]]:
    """The cells of each visit of one row of the table."""
    for date in dict.fromkeys(visit.date for visit in visits):
        by_kind = {visit.what: row.cells[visit.name] for visit in visits if visit.date == date}
        if any(not is_missing(text) for text in by_kind.values()):
            shared = [row.cells[name] for name in others]
            yield [*shared, dates[date], *(by_kind.get(kind, "") for kind in kinds)]
