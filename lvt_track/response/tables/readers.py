"""Tables of several readers: the rows of one are taken, or all where no visit has two."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import Sheet
from lvt_track.response.tables.cells import folded, is_missing
from lvt_track.response.tables.columns import text_name

__all__ = ["has_readers", "of_reader", "readers_apart"]


def has_readers(sheet: Sheet) -> bool:
    """Whether a column says who measured."""
    return "reader" in map(text_name, sheet.columns)


def of_reader(sheet: Sheet, reader: str | None) -> Sheet:
    """The rows of one reader of a table with a row per lesion and visit.

    Args:
        sheet: the table; without a column of readers it comes back as it is.
        reader: whose rows count; None for all, where each visit has one reader.

    Raises:
        InputError: when a visit has rows of several readers and none is chosen, or the one that
            is chosen has no rows.
    """
    columns = {text_name(name): name for name in sheet.columns}
    column = columns.get("reader")
    if column is None:
        return sheet
    names = _names(sheet, column)
    listed = ", ".join(names)
    if reader is not None:
        rows = tuple(row for row in sheet.rows if folded(row.cells[column]) == folded(reader))
        if not rows:
            remedy = f"There are {listed}"
            raise InputError(f"no rows of reader {reader}", path=sheet.path, remedy=remedy)
        left = len(sheet.rows) - len(rows)
        remark = f"{left} rows of others than reader {reader} are left out"
        return replace(sheet, rows=rows, remarks=(*sheet.remarks, *([remark] if left else ())))
    for visit, of_visit in _by(sheet, column, ("patient", "date")).items():
        if len(of_visit) > 1:
            who = ", ".join(sorted(of_visit.values()))
            raise InputError(
                f"{' '.join(visit)} was measured by several readers: {who}",
                path=sheet.path,
                remedy="Choose one with --evaluator, or leave the column out if they share lesions",
            )
    remark = f"the visits were measured by different readers: {listed}"
    return replace(sheet, remarks=(*sheet.remarks, *([remark] if len(names) > 1 else ())))


def readers_apart(sheet: Sheet) -> tuple[str, ...]:
    """The readers of a table who are to be compared each alone.

    None where there is only one, or where several share the visits of a patient between them,
    whose course is then that of all.

    Args:
        sheet: the table, a row per lesion and visit.

    Raises:
        InputError: when they are to be compared alone and a row names none.
    """
    column = {text_name(name): name for name in sheet.columns}.get("reader")
    if column is None:
        return ()
    names = _names(sheet, column)
    do_share = any(len(readers) > 1 for readers in _by(sheet, column, ("patient",)).values())
    read_twice = any(
        len(readers) > 1 for readers in _by(sheet, column, ("patient", "date")).values()
    )
    if len(names) < 2 or (do_share and not read_twice):
        return ()
    for row in sheet.rows:
        if is_missing(row.cells[column]):
            raise InputError(f"line {row.line} names no reader, others do", path=sheet.path)
    return names


def _names(sheet: Sheet, column: str) -> tuple[str, ...]:
    """The readers, each as first written."""
    spellings: dict[str, str] = {}
    for row in sheet.rows:
        if not is_missing(name := row.cells[column]):
            spellings.setdefault(folded(name), name)
    return tuple(sorted(spellings.values()))


def _by(sheet: Sheet, column: str, kinds: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, str]]:
    """Who measured what, by the columns of these kinds: readers as written, by folded name."""
    columns = {text_name(name): name for name in sheet.columns}
    by = [columns[kind] for kind in kinds if kind in columns]
    readers: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for row in sheet.rows:
        if not is_missing(name := row.cells[column]):
            readers[tuple(row.cells[one] for one in by)].setdefault(folded(name), name)
    return readers
