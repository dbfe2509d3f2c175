"""Section: which tumour was seen when."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lvt_track.report.blocks import Block, Chart, Charts, Text, chunks
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.figures import draw_presence
from lvt_track.report.timelines import timelines

__all__ = ["presence"]

_MOST_ROWS = 42
_ROW_MM = 5.2
_WIDTH_MM = 156.0
_NOTE = (
    "Every tumour is a line, every visit a column. “Not seen” means that the visit's mask "
    "holds nothing there, not that the tumour is gone."
)


def presence(content: ReportContent) -> Sequence[Block]:
    """A grid of tumours by visits; none for a single visit."""
    course = content.course
    lines = timelines(course)
    if len(course.visits) < 2 or not lines:
        return []
    charts = [
        Chart(
            "Which tumour was seen when",
            partial(draw_presence, course=course, lines=[lines[i] for i in rows]),
            _WIDTH_MM,
            _ROW_MM * len(rows),
            left_mm=10.0,
            right_mm=10.0,
        )
        for rows in chunks(len(lines), _MOST_ROWS)
    ]
    return [Text(_NOTE), *(Charts((chart,), is_titled=False) for chart in charts)]
