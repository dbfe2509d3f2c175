"""Section: which tumour was seen when."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lvt_track.report.blocks import Block, Chart, Charts, Text, chunks
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.figures import draw_presence
from lvt_track.report.timelines import Presence, Timeline, timelines

__all__ = ["presence"]

_MANY = 20
_MOST_ROWS = 60
_ROW_MM, _DENSE_ROW_MM = 5.2, 3.4
_WIDTH_MM = 156.0
_NOTE = (
    "Every tumour is a line, every visit a column. “Not seen” means that the visit's mask "
    "holds nothing there, not that the tumour is gone."
)


def presence(content: ReportContent) -> Sequence[Block]:
    """A grid of tumours by visits; none for one visit, nor where every visit shows all of many."""
    course = content.course
    lines = timelines(course)
    if len(course.visits) < 2 or not lines:
        return []
    shown = [line for line in lines if _has_events(line)] if len(lines) > _MANY else list(lines)
    if not shown:
        return []
    note = _NOTE
    if left_out := len(lines) - len(shown):
        note += f" Left out: tumours that every visit shows as one ({left_out})."
    row_mm = _ROW_MM if len(shown) <= _MANY else _DENSE_ROW_MM
    charts = [
        Chart(
            "Which tumour was seen when",
            partial(draw_presence, course=course, lines=[shown[i] for i in rows]),
            _WIDTH_MM,
            row_mm * len(rows),
            left_mm=10.0,
            right_mm=10.0,
        )
        for rows in chunks(len(shown), _MOST_ROWS)
    ]
    return [Text(note), *(Charts((chart,), is_titled=False) for chart in charts)]


def _has_events(line: Timeline) -> bool:
    """Whether something else than being found happened to a tumour."""
    return any(sighting.presence is not Presence.SEEN for sighting in line.sightings)
