"""Section: the response, how many tumours there are, what to be wary of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lvt_track.core.course import Course
from lvt_track.core.quantities import sized
from lvt_track.core.response.response import Response
from lvt_track.report.blocks import (
    TEXT_WIDTH_MM,
    Block,
    Cell,
    Chart,
    Charts,
    Column,
    Counts,
    Table,
    Verdict,
    Verdicts,
    Warnings,
)
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.category_style import category_color
from lvt_track.report.drawing.figures import draw_burden, draw_diameters
from lvt_track.report.drawing.style import BODY_PT, MUTED
from lvt_track.report.timelines import primary_criterion
from lvt_track.report.verdicts import cause, doubt_sentence, settling_sentence
from lvt_track.report.wording import (
    all_warnings,
    counts,
    latest_responses,
    reason_sentence,
    sum_name,
    verdict,
)

__all__ = ["summary"]


def summary(content: ReportContent) -> Sequence[Block]:
    """The verdict first, then numbers, warnings, and the curve in small where there is room."""
    course = content.course
    verdicts = tuple(
        Verdict(
            response.criterion,
            response.category,
            category_color(response.category, MUTED),
            cause(course, response),
            verdict(response),
            _in_small(response),
        )
        for response in latest_responses(course)
    )
    charts = (
        Chart("Diameter of each tumour", partial(draw_diameters, course=course), 72.0, 56.0, 11.0),
        Chart("Tumour volume", partial(draw_burden, course=course), 50.0, 56.0, 11.0, 6.0),
    )
    blocks: list[Block] = [
        Verdicts(verdicts),
        Counts(tuple(counts(course))),
        _key_figures(course),
    ]
    if warnings := all_warnings(course):
        blocks.append(Warnings(tuple(warnings)))
    if course.tracks and len(course.visits) > 1:
        blocks.append(Charts(charts, only_if_room=True))
    return blocks


def _in_small(response: Response) -> str:
    """How sure the category is, what would settle it, and the whole reason."""
    parts = (doubt_sentence(response), settling_sentence(response), reason_sentence(response))
    return " ".join(part for part in parts if part)


def _key_figures(course: Course) -> Table:
    """Sums and volumes at the first visit, the one before the last, and the last."""
    chosen = sorted({0, max(len(course.visits) - 2, 0), len(course.visits) - 1})
    visits = [course.visits[i] for i in chosen]
    criterion = primary_criterion(course)
    led = [r for r in course.responses if r.criterion == criterion]
    sums = {r.date: r.total for r in led}
    names = {1: ("Visit",), 2: ("First visit", "Last visit")}.get(
        len(visits), ("First visit", "Visit before", "Last visit")
    )
    columns = (
        Column("", 50.0),
        *(
            Column(f"{name}, {findings.visit.name}", (TEXT_WIDTH_MM - 50.0) / 3.0, "right")
            for name, findings in zip(names, visits, strict=True)
        ),
    )

    def row(title: str, values: list[float | None], form: str) -> tuple[Cell, ...]:
        return (
            Cell((title,), MUTED),
            *(Cell(("–" if v is None else form.format(v),)) for v in values),
        )

    rows = []
    if led:
        unit, name = led[0].unit, sum_name(led[0].unit)
        values = [sums.get(findings.visit.date) for findings in visits]
        texts = ["–" if value is None else sized(value, unit) for value in values]
        title = f"{name[0].upper()}{name[1:]}, {criterion}"
        rows.append((Cell((title,), MUTED), *(Cell((text,)) for text in texts)))
    rows += [
        row("Lesions", [float(len(findings.lesions)) for findings in visits], "{:.0f}"),
        row("Tumour volume", [findings.tumors_ml for findings in visits], "{:.2f} mL"),
        row("Liver volume", [findings.liver_ml for findings in visits], "{:.0f} mL"),
        row("Tumour burden", [findings.burden_percent for findings in visits], "{:.2f} %"),
    ]
    return Table(columns, tuple(rows), size_pt=BODY_PT - 0.5)
