"""Section: where the tumours lie in the liver."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lvt_track.report.blocks import Block, Chart, Charts, Text
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.maps import draw_map, map_aspect

__all__ = ["tumour_map"]

_WIDTH_MM = 78.0
_MOST_HEIGHT_MM = 90.0
_NOTE = (
    "The liver from the front, the patient's right on the left side{when}: light grey its outline, "
    "the tumours in the colours of their curves, thin green what was taken for cysts and is not "
    "counted. Where names would touch, the smaller tumour has none."
)


def tumour_map(content: ReportContent) -> Sequence[Block]:
    """Maps of the first and the last visit; nothing without scans or tumours."""
    course, scene = content.course, content.scene
    if scene is None or not course.tracks:
        return []
    charts = []
    for visit in sorted({0, len(course.visits) - 1}):
        view = scene.views[visit]
        height = min(_WIDTH_MM * map_aspect(view), _MOST_HEIGHT_MM)
        charts.append(
            Chart(
                course.visits[visit].visit.name,
                partial(draw_map, course=course, visit=visit, view=view),
                _WIDTH_MM,
                height,
                left_mm=4.0,
                right_mm=4.0,
            )
        )
    when = ", at the first and the last visit" if len(charts) > 1 else ""
    return [Text(_NOTE.format(when=when)), Charts(tuple(charts))]
