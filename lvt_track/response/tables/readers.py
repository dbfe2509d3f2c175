"""Tables of several readers: the rows of one are taken, or all where no visit has two."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import Sheet
from lvt_track.response.tables.cells import CellError, folded, is_missing
from lvt_track.response.tables.columns import text_name
from lvt_track.response.tables.dates import DateForm, parse_date, settled_order

__all__ = ["has_readers", "of_reader", "readers_apart"]

_VISIT = ("patient", "date")


def has_readers(sheet: Sheet) -> bool:
    """Whether a column says who measured."""
    return "reader" in _columns(sheet)


def of_reader(sheet: Sheet, reader: str | None, scan_days: Collection[dt.date] = ()) -> Sheet:
    """The rows of one reader of a table with a row per lesion and visit.

    Args:
        sheet: the table; without a column of readers it comes back as it is.
        reader: whose rows count; None for all, where each visit has one reader.
        scan_days: on which the patient was scanned, where that is known.

    Raises:
        InputError: when a visit has rows of several readers and none is chosen, or the one that
            is chosen has no rows.
    """
    column = _columns(sheet).get("reader")
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
    for visit, of_visit in _by(_dated_alike(sheet, scan_days), column, _VISIT).items():
        if len(of_visit) > 1:
            who = ", ".join(sorted(of_visit.values()))
            raise InputError(
                f"{' '.join(visit)} was measured by several readers: {who}",
                path=sheet.path,
                remedy="Choose one with --evaluator, or leave the column out if they share lesions",
            )
    remarks = [f"the visits were measured by different readers: {listed}"] * (len(names) > 1)
    unnamed = [row.line for row in sheet.rows if is_missing(row.cells[column])]
    if names and unnamed:
        remarks.append(f"{len(unnamed)} rows name no reader, as line {unnamed[0]}: taken as well")
    return replace(sheet, remarks=(*sheet.remarks, *remarks))


def readers_apart(sheet: Sheet, scan_days: Collection[dt.date] = ()) -> tuple[str, ...]:
    """The readers of a table who are to be compared each alone.

    None where there is only one, or where several share the visits of a patient between them,
    whose course is then that of all.

    Args:
        sheet: the table, a row per lesion and visit.
        scan_days: on which the patient was scanned, where that is known.

    Raises:
        InputError: when they are to be compared alone and a row names none.
    """
    column = _columns(sheet).get("reader")
    if column is None:
        return ()
    names = _names(sheet, column)
    do_share = any(len(readers) > 1 for readers in _by(sheet, column, ("patient",)).values())
    read_twice = any(
        len(readers) > 1 for readers in _by(_dated_alike(sheet, scan_days), column, _VISIT).values()
    )
    if len(names) < 2 or (do_share and not read_twice):
        return ()
    for row in sheet.rows:
        if is_missing(row.cells[column]):
            raise InputError(f"line {row.line} names no reader, others do", path=sheet.path)
    return names


def _columns(sheet: Sheet) -> dict[str | None, str]:
    """The columns by what they hold."""
    return {text_name(name): name for name in sheet.columns}


def _names(sheet: Sheet, column: str) -> tuple[str, ...]:
    """The readers, each as first written."""
    spellings: dict[str, str] = {}
    for row in sheet.rows:
        if not is_missing(name := row.cells[column]):
            spellings.setdefault(folded(name), name)
    return tuple(sorted(spellings.values()))


def _dated_alike(sheet: Sheet, scan_days: Collection[dt.date]) -> Sheet:
    """The table with each day in ISO's form, so that readers who write days otherwise meet."""
    column = _columns(sheet).get("date")
    if column is None:
        return sheet
    settled = settled_order([row.cells[column] for row in sheet.rows], scan_days)
    form = DateForm(sheet.serial_epoch, settled[0] if settled else None)

    def iso(text: str) -> str:
        try:
            return parse_date(text, form).isoformat()
        except CellError:
            # Told with its line when the rows are read.
            return text

    rows = [replace(row, cells={**row.cells, column: iso(row.cells[column])}) for row in sheet.rows]
    return replace(sheet, rows=tuple(rows))


def _by(sheet: Sheet, column: str, kinds: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, str]]:
    """Who measured what, by the columns of these kinds: readers as written, by folded name."""
    columns = _columns(sheet)
    by = [columns[kind] for kind in kinds if kind in columns]
    readers: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for row in sheet.rows:
        if not is_missing(name := row.cells[column]):
            readers[tuple(row.cells[one] for one in by)].setdefault(folded(name), name)
    return readers
