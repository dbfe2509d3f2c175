"""Tables of several readers: the rows of one are taken, or all where no visit has two."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import Sheet
from lvt_track.response.tables.cells import folded, is_missing
from lvt_track.response.tables.columns import text_name

__all__ = ["has_readers", "of_reader"]


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
    names = {name for row in sheet.rows if not is_missing(name := row.cells[column])}
    listed = ", ".join(sorted(names))
    if reader is not None:
        rows = tuple(row for row in sheet.rows if folded(row.cells[column]) == folded(reader))
        if not rows:
            remedy = f"There are {listed}"
            raise InputError(f"no rows of reader {reader}", path=sheet.path, remedy=remedy)
        left = len(sheet.rows) - len(rows)
        remark = f"{left} rows of others than reader {reader} are left out"
        return replace(sheet, rows=rows, remarks=(*sheet.remarks, *([remark] if left else ())))
    visits: dict[tuple[str, ...], set[str]] = defaultdict(set)
    by = [columns[kind] for kind in ("patient", "date") if kind in columns]
    for row in sheet.rows:
        if not is_missing(row.cells[column]):
            visits[tuple(row.cells[name] for name in by)].add(row.cells[column])
    for visit, of_visit in visits.items():
        if len(of_visit) > 1:
            raise InputError(
                f"{' '.join(visit)} was measured by several readers: {', '.join(sorted(of_visit))}",
                path=sheet.path,
                remedy="Choose one with --evaluator, or leave the column out if they share lesions",
            )
    remark = f"the visits were measured by different readers: {listed}"
    return replace(sheet, remarks=(*sheet.remarks, *([remark] if len(names) > 1 else ())))
