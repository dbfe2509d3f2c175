"""Section: what readers said, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lvt_track.core.course import Course
from lvt_track.report.blocks import TEXT_WIDTH_MM, Block, Cell, Column, Table, Text
from lvt_track.report.content import ReportContent

__all__ = ["corrections"]

_WORDS = {
    "add": "is the same tumour later",
    "remove": "is not the same tumour later",
    "same": "is of one tumour with",
    "new": "is a new tumour",
    "none": "is no tumour",
    "split": "is several lesions",
    "target": "is a target lesion",
    "non-target": "is a non-target lesion",
    "progression": "has progressed unequivocally, as a non-target",
    "no-progression": "grew, which is no unequivocal progression",
    "size": "was measured",
    "note": "note",
}


def corrections(content: ReportContent) -> Sequence[Block]:
    """A row for each correction; nothing where nobody corrected anything."""
    if not content.corrections:
        return []
    columns = (
        Column("Lesion", 40.0),
        Column("Correction", 66.0),
        Column("Reader", 36.0),
        Column("When", TEXT_WIDTH_MM - 142.0),
    )
    rows = tuple(_row(content.course, row) for row in content.corrections)
    note = (
        "Corrections that this report obeys; those that no longer fit are among the warnings. "
        "A lesion is named by its number at the visit, and by its track as it is now."
    )
    return [Text(note), Table(columns, rows)]


def _row(course: Course, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    words = [_WORDS.get(str(row["action"]), str(row["action"]))]
    if "date_b" in row:
        words.append(_lesion(course, row, "b"))
    if "long_axis_mm" in row:
        words.append(f"{row['long_axis_mm']:.1f}\u00a0mm")
    if "parts" in row:
        words.append(f"({row['parts']})")
    lines = (" ".join(words), *([str(row["note"])] if "note" in row else []))
    return (
        Cell((_lesion(course, row, "a"),), is_bold=True),
        Cell(lines),
        Cell((str(row.get("reader", "not stated")),)),
        Cell((str(row.get("time", "–")).replace("T", " "),)),
    )


def _lesion(course: Course, row: Mapping[str, Any], end: str) -> str:
    """A lesion by its date and number, and by its track where it has one."""
    date, label = str(row[f"date_{end}"]), int(row[f"lesion_{end}"])
    name = f"{date}, lesion {label}"
    dates = [findings.visit.name for findings in course.visits]
    if date in dates:
        key = (dates.index(date), label)
        for track in course.tracks:
            if key in track.lesions:
                return f"T{track.number}: {name}"
    return name
