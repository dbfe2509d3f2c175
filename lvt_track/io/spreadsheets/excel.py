"""Excel workbooks, read within bounds: a small file can unpack to any size."""

from __future__ import annotations

import ast
import datetime as dt
import operator
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.lines import MOST_BYTES, Lines, as_text

__all__ = ["read_excel"]

_SAVE_AGAIN = "Save it again as .xlsx, or as CSV"
_ENTITY = re.compile(rb"<\x00?!\x00?(D\x00?O\x00?C\x00?T\x00?Y\x00?P\x00?E|E\x00?N\x00?T)")
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_DEEPEST = 20
_MOST_LISTED = 10

# Digits within the literal text of a format are no places for digits.
_KEPT = {ord(c): 0xE000 + ord(c) for c in "0#?.,%G"}
_FREED = {kept: plain for plain, kept in _KEPT.items()}


def read_excel(path: Path) -> list[Lines]:
    """The lines of every sheet of a workbook that shows.

    Dates become ISO dates. Merged cells repeat the value of the first. A number shown with
    leading zeros keeps them. A formula has the value that was saved with it; one without is
    worked out where it is plain arithmetic.

    Raises:
        InputError: when openpyxl is missing, the workbook is damaged, encrypted, too large when
            unpacked or has no sheet, or a formula has no value.
        OSError: when it cannot be read.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise InputError(
            "reading Excel files needs openpyxl",
            path=path,
            remedy="Install it with `pip install openpyxl`, or save the table as CSV",
        ) from error
    has_formulas = _checked_parts(path)
    try:
        book = load_workbook(path, data_only=True)
        formulas = load_workbook(path) if has_formulas else None
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if not sheets:
            raise InputError("the workbook has no sheet", path=path, remedy=_SAVE_AGAIN)
        epoch = dt.date(1904, 1, 1) if book.epoch.year == 1904 else dt.date(1899, 12, 30)
        return [
            _lines(sheet, formulas[sheet.title] if formulas else None, path, name, epoch)
            for sheet, name in ((s, s.title if len(sheets) > 1 else "") for s in sheets)
        ]
    except (InputError, OSError, MemoryError):
        raise
    except Exception as error:
        # openpyxl raises whatever a damaged part provokes.
        raise InputError(
            f"a damaged workbook ({error or type(error).__name__})", path=path, remedy=_SAVE_AGAIN
        ) from error


def _checked_parts(path: Path) -> bool:
    """Whether any sheet holds formulas, after a look at every part of the workbook.

    Raises:
        InputError: when a part is damaged, defines entities, or all unpack to more than
            `MOST_BYTES`.
    """
    has_formulas = False
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [
                part for part in archive.infolist() if part.filename.endswith((".xml", ".rels"))
            ]
            # zipfile unpacks no more of a part than the size that is stated for it.
            if sum(part.file_size for part in parts) > MOST_BYTES:
                raise InputError(
                    f"unpacks to more than {MOST_BYTES >> 20} MiB, which no table of measurements "
                    "does",
                    path=path,
                )
            for part in parts:
                text = archive.read(part)
                if _ENTITY.search(text):
                    raise InputError(
                        f"{part.filename} defines XML entities, which no spreadsheet program does",
                        path=path,
                        remedy=_SAVE_AGAIN,
                    )
                is_sheet = part.filename.startswith("xl/worksheets/")
                has_formulas |= is_sheet and re.search(rb"<(\w+:)?f[ >/]", text) is not None
    except (InputError, OSError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            "not an Excel file, or a damaged one", path=path, remedy=_SAVE_AGAIN
        ) from error
    return has_formulas


def _lines(sheet: Any, formulas: Any, path: Path, name: str, epoch: dt.date) -> Lines:
    """The rows of a sheet that hold anything."""
    merged = {}
    for area in sheet.merged_cells.ranges:
        # A value merged over rows holds for each of them; over columns it is a title.
        if area.min_col == area.max_col and area.size["rows"] <= sheet.max_row:
            for row in range(area.min_row + 1, area.max_row + 1):
                merged[row, area.min_col] = (area.min_row, area.min_col)
    rows = []
    remarks = _hidden(sheet)
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if _is_struck(cells, path):
            remarks.append(f"line {number} is struck through: passed over")
            continue
        # What it says is not repeated: reports show remarks, and a note may name the patient.
        remarks += [
            f"{cell.coordinate} has a note, which is not read: look at it"
            for cell in cells
            if cell.comment is not None
        ]
        texts = []
        for column, cell in enumerate(cells, start=1):
            source = cell
            if (number, column) in merged:
                source = sheet.cell(*merged[number, column])
            if source.value is None and formulas is not None:
                texts.append(_worked_out(formulas, source, path))
            else:
                texts.append(_shown(source))
        if any(texts):
            rows.append((number, texts))
    repeated = frozenset((row, column - 1) for row, column in merged)
    return Lines(rows, name, epoch, repeated=repeated, remarks=tuple(remarks))


def _hidden(sheet: Any) -> list[str]:
    """What of a sheet does not show, and is read all the same."""
    rows = [n for n, row in sheet.row_dimensions.items() if row.hidden and n <= sheet.max_row]
    columns = [name for name, column in sheet.column_dimensions.items() if column.hidden]
    remarks = []
    for kind, places in (("row", sorted(rows)), ("column", sorted(columns))):
        listed = ", ".join(map(str, places[:_MOST_LISTED]))
        more = " …" if len(places) > _MOST_LISTED else ""
        if places:
            remarks.append(f"{kind} {listed}{more} of the sheet is hidden, and read all the same")
    return remarks


def _is_struck(cells: Sequence[Any], path: Path) -> bool:
    """Whether all that a row holds is struck through, as what is deleted by hand.

    Raises:
        InputError: when a part of it is, which can mean the row or the cell.
    """
    struck = [cell.has_style and bool(cell.font.strike) for cell in cells if cell.value is not None]
    if any(struck) and not all(struck):
        first = next(c for c in cells if c.value is not None and c.has_style and c.font.strike)
        raise InputError(
            f"{first.coordinate} is struck through, others of its row are not",
            path=path,
            remedy="Delete what does not count",
        )
    return any(struck)


def _shown(cell: Any) -> str:
    """A cell as its format shows it: with leading zeros, a unit or a percent sign."""
    value, form = cell.value, cell.number_format or ""
    text = as_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return text
    # What has the width of a letter or fills the cell shows nothing; colours neither.
    plain = re.sub(r"_.|\*.|\[[^\]]*\]", "", form.split(";")[0])
    literal = re.sub(r'"([^"]*)"|\\(.)', lambda match: _keep(match[1] or match[2] or ""), plain)
    parts = re.fullmatch(r"([^#0?]*)((?:General|[#0?][#0?.,]*))(.*)", literal, re.DOTALL)
    if parts is None or re.search(r"[#0?@/]|E[+-]", parts[3]):
        return text
    before, digits, after = (part.translate(_FREED) for part in parts.groups())
    if isinstance(value, int) and re.fullmatch("0+", digits):
        text = text.zfill(len(digits))
    if after.strip() == "%":
        return f"{100 * value:g} %"
    return f"{before}{text}{after}".strip()


def _keep(literal: str) -> str:
    return literal.translate(_KEPT)


def _worked_out(formulas: Any, cell: Any, path: Path) -> str:
    """The value of a formula that none was saved with; empty where there is no formula."""
    formula = formulas.cell(cell.row, cell.column).value
    if not isinstance(formula, str) or not formula.startswith("="):
        return ""
    try:
        return as_text(_value(formulas, formula, _DEEPEST))
    except (ValueError, SyntaxError, ZeroDivisionError, OverflowError, RecursionError):
        raise InputError(
            f"{cell.coordinate} holds a formula whose value was not saved",
            path=path,
            remedy="Open it in a spreadsheet program and save it, or save it as CSV",
        ) from None


def _value(sheet: Any, value: object, depth: int) -> object:
    """A cell's value; plain arithmetic is worked out."""
    if not isinstance(value, str) or not value.startswith("="):
        return value
    if depth == 0 or len(value) > 200:
        raise ValueError("too deep")
    reference = _REFERENCE.fullmatch(value[1:])
    if reference:
        return _value(sheet, sheet[reference[1] + reference[2]].value, depth - 1)
    return float(_number(sheet, ast.parse(value[1:].replace("$", ""), mode="eval").body, depth))


def _number(sheet: Any, node: ast.expr, depth: int) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(sheet, node.operand, depth)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        pair = _number(sheet, node.left, depth), _number(sheet, node.right, depth)
        return _OPERATORS[type(node.op)](*pair)
    if isinstance(node, ast.Name) and _REFERENCE.fullmatch(node.id):
        value = _value(sheet, sheet[node.id].value, depth - 1)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    raise ValueError("not plain arithmetic")
