"""Sections: sizes over time, of every tumour and of the patient as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lvt_track.core.course import Course
from lvt_track.report.blocks import Block, Chart, Charts, Text
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.figures import (
    draw_burden,
    draw_diameters,
    draw_liver,
    draw_sum_of_diameters,
    draw_volumes,
)
from lvt_track.report.drawing.style import TRACK_COLORS

__all__ = ["curves", "totals"]

_WIDE_MM, _HIGH_MM = 136.0, 88.0
_NARROW_MM, _LOW_MM = 56.0, 46.0
_SUM_LABEL_MM = 28.0


def curves(content: ReportContent) -> Sequence[Block]:
    """Diameter and volume of every tumour; none for a single visit."""
    course = content.course
    if len(course.visits) < 2 or not course.tracks:
        return []
    kinds = (("Diameter", draw_diameters), ("Volume", draw_volumes))
    return [
        Text(_note(course)),
        *(
            Charts((Chart(title, partial(draw, course=course), _WIDE_MM, _HIGH_MM),))
            for title, draw in kinds
        ),
    ]


def totals(content: ReportContent) -> Sequence[Block]:
    """Sums of diameters, tumour and liver volume; none for a single visit, no empty ones."""
    course = content.course
    if len(course.visits) < 2:
        return []
    summed = (r for r in course.responses if r.unit == "mm" and r.total is not None)
    criteria = list(dict.fromkeys(r.criterion for r in summed))
    sums = [
        Chart(
            f"Sum of diameters, {name}",
            partial(draw_sum_of_diameters, course=course, criterion=name),
            _WIDE_MM,
            _LOW_MM,
            right_mm=_SUM_LABEL_MM,
        )
        for name in criteria[:2]
    ]
    volumes = [
        Chart(title, partial(draw, course=course), _NARROW_MM, _LOW_MM, right_mm=14.0)
        for title, draw in (
            ("Tumour volume, with its share of the liver", draw_burden),
            ("Liver volume, tumours included", draw_liver),
        )
        if course.tracks or draw is draw_liver
    ]
    return [*(Charts((chart,)) for chart in sums), Charts(tuple(volumes))]


def _note(course: Course) -> str:
    """How to read the curves of the tumours."""
    count = len(course.tracks)
    note = (
        "A cross on the lowest line: not seen at that visit. Bands, of the four most important: "
        "the true size lies there in 95 of 100 cases."
    )
    if count > len(TRACK_COLORS):
        note += (
            f" In colour the {len(TRACK_COLORS)} tumours that are largest or changed most; "
            f"in grey the other {count - len(TRACK_COLORS)}."
        )
    return note
