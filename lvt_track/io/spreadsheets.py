"""Tables that people bring: CSV, Excel and SAS transport files, as text with line numbers."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lvt_track.errors import InputError

__all__ = ["Sheet", "SheetRow", "read_sheet"]


@dataclass(frozen=True)
class SheetRow:
    """One row as text.

    Attributes:
        line: its number in the file, counted from 1 with the header, as a spreadsheet shows it.
        cells: text by column, stripped; empty cells are empty strings.
    """

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """A table as text.

    Attributes:
        path: the file it came from.
        columns: names of the columns as written, stripped.
        rows: those that hold anything.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]


def read_sheet(path: Path) -> Sheet:
    """Read a table: .csv, .tsv or .txt (comma, semicolon or tab), .xlsx, or SAS .xpt.

    Of an Excel file, the first sheet is read; dates become ISO dates.

    Raises:
        InputError: when the file cannot be read, has no rows, or names a column twice.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("there is no such file", path=path)
    suffix = path.suffix.lower()
    try:
        if suffix in (".xlsx", ".xlsm"):
            lines = _excel(path)
        elif suffix == ".xpt":
            lines = _transport(path)
        else:
            lines = _delimited(path)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error
    filled = [(number, cells) for number, cells in lines if any(cells)]
    if len(filled) < 2:
        raise InputError("a table needs a header and at least one row", path=path)
    columns = tuple(filled[0][1])
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputError(f"column {', '.join(twice)} stands there twice", path=path)
    long = [f"line {n} has {len(c)} cells" for n, c in filled[1:] if any(c[len(columns) :])]
    if long:
        raise InputError(
            f"{', '.join(long)}, the header {len(columns)}",
            path=path,
            remedy="Quote texts and decimal commas, or separate columns by semicolons",
        )
    rows = []
    for number, cells in filled[1:]:
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        rows.append(SheetRow(number, dict(zip(columns, padded, strict=False))))
    return Sheet(path, columns, tuple(rows))


def _delimited(path: Path) -> list[tuple[int, list[str]]]:
    raw = path.read_bytes()
    if b"\0" in raw:
        raise InputError("not a text table", path=path, remedy="Save it as CSV (UTF-8) or as .xlsx")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(";\t,", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise InputError(f"not a table ({error})", path=path) from error


def _excel(path: Path) -> list[tuple[int, list[str]]]:
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise InputError(
            "reading Excel files needs openpyxl",
            path=path,
            remedy="Install it with `pip install openpyxl`, or save the table as CSV",
        ) from error
    from zipfile import BadZipFile

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError) as error:
        raise InputError("not an Excel file, or a damaged one", path=path) from error
    try:
        values = book.worksheets[0].iter_rows(values_only=True)
        return [(k, [_text(v) for v in row]) for k, row in enumerate(values, start=1)]
    finally:
        book.close()


def _transport(path: Path) -> list[tuple[int, list[str]]]:
    import pandas as pd

    try:
        frame = pd.read_sas(path, format="xport", encoding="utf-8")
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"not a SAS transport file ({error})", path=path) from error
    rows: Iterable[tuple[object, ...]] = frame.itertuples(index=False, name=None)
    lines = [(k, [_text(v) for v in row]) for k, row in enumerate(rows, start=2)]
    return [(1, [str(name).strip() for name in frame.columns]), *lines]


def _text(value: object) -> str:
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
