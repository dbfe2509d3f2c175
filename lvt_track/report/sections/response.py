"""Section: the response by every criterion at every visit, with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.course import Course
from lvt_track.core.quantities import sized
from lvt_track.core.response.response import Response
from lvt_track.report.blocks import TEXT_WIDTH_MM, Block, Cell, Column, Table, Text
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.category_style import category_color
from lvt_track.report.drawing.style import INK
from lvt_track.report.verdicts import doubt_sentence, settling_sentence
from lvt_track.report.wording import percent, reason_text

__all__ = ["responses"]

_NOTE = (
    "Nadir is the smallest sum before the visit, the baseline included. Target lesions were chosen "
    "automatically, in the liver only. Draws change every size within its measurement error, and "
    "take doubtful lesions and links for what they may be; the sentence below says which one thing "
    "is likeliest to change the category."
)


def responses(content: ReportContent) -> Sequence[Block]:
    """A table for each criterion; nothing without any response."""
    course = content.course
    criteria = list(dict.fromkeys(r.criterion for r in course.responses))
    return [Text(_NOTE), *(_table(course, name) for name in criteria)] if criteria else []


def _table(course: Course, criterion: str) -> Table:
    rows = sorted((r for r in course.responses if r.criterion == criterion), key=lambda r: r.date)
    columns = (
        Column("Date", 20.0),
        Column("Sum", 30.0),
        Column(criterion, 36.0),
        Column("Reason", TEXT_WIDTH_MM - 86.0),
    )
    return Table(columns, tuple(_row(response) for response in rows))


def _row(response: Response) -> tuple[Cell, ...]:
    changes = (
        (response.change_from_baseline_percent, "from baseline"),
        (response.change_from_nadir_percent, "from nadir"),
    )
    parts = (("target", response.target), ("non-target", response.non_target))
    return (
        Cell((response.date.isoformat(),)),
        Cell(
            (
                "–" if response.total is None else sized(response.total, response.unit),
                *(f"{percent(change)} {since}" for change, since in changes if change is not None),
            )
        ),
        Cell(
            (
                response.category,
                *(f"{name} {category}" for name, category in parts if category),
                *(("new lesion",) if response.new_lesion else ()),
            ),
            category_color(response.category, INK),
            is_bold=True,
        ),
        Cell(tuple(part for part in _reasons(response) if part)),
    )


def _reasons(response: Response) -> tuple[str, str, str]:
    return reason_text(response), doubt_sentence(response), settling_sentence(response)
