"""Tables that people bring: CSV, Excel and SAS transport files, as text with line numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import is_zipfile

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.delimited import read_delimited
from lvt_track.io.spreadsheets.headers import Header, HeaderWords, find_header
from lvt_track.io.spreadsheets.lines import MOST_BYTES, MOST_ROWS, Lines
from lvt_track.io.spreadsheets.transport import read_transport

__all__ = ["Sheet", "SheetRow", "read_sheet"]

_NOTHING: frozenset[str] = frozenset()


class _Cells(Mapping[str, str]):
    """The cells of one row by column; all rows of a table share the names."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: Sequence[str]) -> None:
        self._places, self._values = places, values

    def __getitem__(self, name: str) -> str:
        place = self._places[name]
        return self._values[place] if place < len(self._values) else ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@dataclass(frozen=True)
class SheetRow:
    """One row as text.

    Attributes:
        line: its number in the file, counted from 1 with the header, as a spreadsheet shows it.
        cells: text by column, stripped; empty cells are empty strings.
        repeated: columns whose cell is merged with the one above, and repeats it.
    """

    line: int
    cells: Mapping[str, str]
    repeated: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Sheet:
    """A table as text.

    Attributes:
        path: the file it came from.
        columns: names of the columns as written, stripped.
        rows: those that hold anything.
        remarks: what of the file was not read, in words.
        serial_epoch: day 0 of dates that are written as a number of days; None where the kind of
            file does not count so.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    remarks: tuple[str, ...] = ()
    serial_epoch: dt.date | None = None


def read_sheet(path: Path, words: HeaderWords | None = None) -> Sheet:
    """Read a table: .csv, .tsv or .txt (comma, semicolon, tab or bar), .xlsx, or SAS .xpt.

    Of an Excel file, the first sheet with the header is read, and with it those that have the same
    columns; dates become ISO dates, merged cells repeat their value.

    Args:
        path: the file; at most `MOST_BYTES` unpacked and `MOST_ROWS` rows are read.
        words: tell the lines with the names of the columns, which may stand below a title;
            without them, or where they find none, the first line that holds anything.

    Raises:
        InputError: when the file cannot be read, is too large, has no rows, or names a column
            twice.
    """
    path = Path(path)
    if not path.is_file():
        what = "is no ordinary file" if path.exists() else "there is no such file"
        raise InputError(what, path=path, remedy="Give a table: CSV, XLSX or XPT")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                f"larger than {MOST_BYTES >> 20} MiB, which no table of measurements is", path=path
            )
        choices = _read(path)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error
    return _sheet(path, choices, words)


def _read(path: Path) -> list[Lines]:
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        start = file.read(80)
    if suffix in (".xlsx", ".xlsm") or (start.startswith(b"PK") and is_zipfile(path)):
        from lvt_track.io.spreadsheets.excel import read_excel

        return read_excel(path)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(
            "an encrypted workbook, or one of the old .xls form",
            path=path,
            remedy="Save it as .xlsx without a password, or as CSV",
        )
    if start.startswith(b"HEADER RECORD*******LI") or suffix == ".xpt":
        return [read_transport(path)]
    return read_delimited(path)


def _sheet(path: Path, choices: Sequence[Lines], words: HeaderWords | None) -> Sheet:
    """The table among the ways to read a file: the first in which the header is found.

    Sheets of a workbook with the same columns are one table, a part below the other.
    """
    tables = [
        (lines, header)
        for lines in choices
        if words is not None and (header := find_header(lines, words, path)) is not None
    ]
    if not tables:
        usable = [lines for lines in choices if len(lines.rows) > 1]
        if not usable:
            raise InputError("a table needs a header and at least one row", path=path)
        tables = [(usable[0], Header(tuple(usable[0].rows[0][1]), 0, 0))]
    lines, header = tables[0]
    columns = header.columns
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputError(f"column {', '.join(twice)} stands there twice", path=path)
    remarks = list(lines.remarks)
    rows: list[SheetRow] = []
    offset = 0
    for part, part_header in tables:
        if part is not lines and not part.name:
            continue
        if set(part_header.columns) != set(columns):
            remarks.append(f"sheet {part.name!r} is not read, sheet {lines.name!r} is")
            continue
        if part is not lines:
            offset = rows[-1].line if rows else offset
            remarks += part.remarks
            remarks.append(
                f"sheet {part.name!r} is read with sheet {lines.name!r}: its line 1 counts as "
                f"line {offset + 1}"
            )
        rows += _rows(part, part_header, offset, path)
    if not rows:
        raise InputError("a table needs a header and at least one row", path=path)
    if len(rows) > MOST_ROWS:
        raise InputError(
            f"{len(rows)} rows, more than {MOST_ROWS}", path=path, remedy="Split the table"
        )
    return Sheet(path, columns, tuple(rows), tuple(remarks), lines.serial_epoch)


def _rows(lines: Lines, header: Header, offset: int, path: Path) -> list[SheetRow]:
    """The rows below a header, their lines counted on from others above them."""
    lines.refuse_shifted(path, header.columns, header.last)
    places = {name: k for k, name in enumerate(header.columns)}
    repeated: dict[int, frozenset[str]] = {}
    for number, place in lines.repeated:
        if place < len(header.columns):
            repeated[number] = repeated.get(number, _NOTHING) | {header.columns[place]}
    return [
        SheetRow(number + offset, _Cells(places, cells), repeated.get(number, _NOTHING))
        for number, cells in lines.rows[header.last + 1 :]
    ]
