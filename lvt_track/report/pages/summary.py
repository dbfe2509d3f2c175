"""The first page of the report."""

from __future__ import annotations

from lvt_track.core.course import Course
from lvt_track.core.records import Response
from lvt_track.report.drawing.axis_labels import LABEL_ROOM_MM
from lvt_track.report.drawing.figures import draw_burden, draw_diameters
from lvt_track.report.drawing.style import (
    ACCENT,
    ALARM,
    ALARM_GROUND,
    BODY_PT,
    CATEGORY_COLORS,
    MUTED,
    NOTICE,
    SMALL_PT,
    TITLE_PT,
)
from lvt_track.report.facts import RESEARCH_NOTICE, RunFacts
from lvt_track.report.pages.typesetting import (
    BOTTOM_MM,
    LEFT_MM,
    RIGHT_MM,
    TEXT_MM,
    Cell,
    Column,
    Page,
    Table,
    line_height_mm,
    wrap,
)
from lvt_track.report.timelines import primary_criterion
from lvt_track.report.wording import (
    all_warnings,
    counts,
    is_volumetric,
    latest_responses,
    period,
    reason_sentence,
    verdict,
)

__all__ = ["draw_summary", "key_figures"]

_TOP_MM = 20.0
_WARNINGS_ROOM_MM = 46.0
_CHART_MM = 52.0
_BADGE_MM = 24.0


def draw_summary(page: Page, course: Course, facts: RunFacts) -> None:
    """Who, when, the verdict, how many tumours, what to be wary of, and the curve in small."""
    top = _title(page, course)
    top = _notice(page, top, facts)
    for response in latest_responses(course):
        top = _verdict(page, top, response)
    top = _counts(page, top + 1.0, course)
    top = key_figures(course).draw(page, LEFT_MM, top + 2.0)
    top = _warnings(page, top + 4.0, course)
    if course.tracks and BOTTOM_MM - top > _CHART_MM:
        _charts(page, top + 4.0, course)


def _title(page: Page, course: Course) -> float:
    page.text(LEFT_MM, _TOP_MM, "Course of liver tumours on CT", size_pt=SMALL_PT, color=MUTED)
    top = _TOP_MM + 2.0
    top = page.paragraph(
        LEFT_MM, top, TEXT_MM, course.patient, size_pt=TITLE_PT, is_bold=True, color=ACCENT
    )
    return page.paragraph(LEFT_MM, top, TEXT_MM, period(course), size_pt=BODY_PT) + 2.0


def _notice(page: Page, top: float, facts: RunFacts) -> float:
    models = ", ".join(facts.models) or "no model: all masks were given"
    lines = wrap(
        f"{RESEARCH_NOTICE}. Masks: {models}. Made by lvt {facts.version}; not checked by a "
        "radiologist.",
        TEXT_MM - 6.0,
        SMALL_PT,
    )
    height = len(lines) * line_height_mm(SMALL_PT) + 3.0
    page.box(LEFT_MM, top, TEXT_MM, height, NOTICE)
    page.paragraph(LEFT_MM + 3.0, top + 1.5, TEXT_MM - 6.0, " ".join(lines), size_pt=SMALL_PT)
    return top + height + 4.0


def _verdict(page: Page, top: float, response: Response) -> float:
    color = CATEGORY_COLORS.get(response.category, MUTED)
    page.text(LEFT_MM, top + 3.4, response.criterion, size_pt=SMALL_PT, color=MUTED)
    size_pt = TITLE_PT if len(response.category) <= 2 else BODY_PT
    page.text(LEFT_MM, top + 10.0, response.category, size_pt=size_pt, color=color, is_bold=True)
    left = LEFT_MM + _BADGE_MM
    width = TEXT_MM - _BADGE_MM
    end = page.paragraph(left, top + 0.6, width, verdict(response))
    if reason := reason_sentence(response):
        end = page.paragraph(left, end, width, reason, size_pt=SMALL_PT, color=MUTED)
    end = max(end, top + 11.5) + 1.5
    page.rule(end)
    return end + 1.5


def _counts(page: Page, top: float, course: Course) -> float:
    numbers = counts(course)
    step = TEXT_MM / max(len(numbers), 6)
    for i, (number, name) in enumerate(numbers):
        x = LEFT_MM + i * step
        page.text(x, top + 7.0, str(number), size_pt=TITLE_PT, is_bold=True)
        page.paragraph(x, top + 8.2, step - 2.0, name, size_pt=SMALL_PT, color=MUTED)
    return top + 15.5


def key_figures(course: Course) -> Table:
    """Sums and volumes at the first visit, the one before the last, and the last."""
    chosen = sorted({0, max(len(course.visits) - 2, 0), len(course.visits) - 1})
    visits = [course.visits[i] for i in chosen]
    criterion = primary_criterion(course)
    sums = {r.date: r.sum_mm for r in course.responses if r.criterion == criterion}
    names = ["First visit", "Visit before", "Last visit"] if len(visits) == 3 else ["First visit"]
    names = names if len(visits) != 2 else ["First visit", "Last visit"]
    columns = (
        Column("", 50.0),
        *(
            Column(f"{name}, {found.visit.name}", (TEXT_MM - 50.0) / 3.0, "right")
            for name, found in zip(names, visits, strict=True)
        ),
    )

    def row(title: str, values: list[float | None], form: str) -> tuple[Cell, ...]:
        return (
            Cell((title,), MUTED),
            *(Cell(("–" if v is None else form.format(v),)) for v in values),
        )

    rows = []
    if criterion is not None and not is_volumetric(criterion):
        sum_values = [sums.get(found.visit.date) for found in visits]
        rows.append(row(f"Sum of diameters, {criterion}", sum_values, "{:.1f} mm"))
    rows += [
        row("Lesions", [float(len(found.lesions)) for found in visits], "{:.0f}"),
        row("Tumour volume", [found.tumors_ml for found in visits], "{:.2f} mL"),
        row("Liver volume", [found.liver_ml for found in visits], "{:.0f} mL"),
        row("Tumour burden", [found.burden_percent for found in visits], "{:.2f} %"),
    ]
    return Table(columns, tuple(rows), size_pt=BODY_PT - 0.5)


def _warnings(page: Page, top: float, course: Course) -> float:
    """As many warnings as the page has room for; all of them stand with the scans."""
    warnings = all_warnings(course)
    if not warnings:
        return top
    step = line_height_mm(SMALL_PT)
    width = TEXT_MM - 11.0
    room = min(_WARNINGS_ROOM_MM, BOTTOM_MM - top) - 12.0
    shown: list[list[str]] = []
    for warning in warnings:
        lines = wrap(warning, width, SMALL_PT)
        if (sum(map(len, shown)) + len(lines)) * step > room:
            break
        shown.append(lines)
    left_out = len(warnings) - len(shown)
    if left_out:
        shown.append([f"and {left_out} more, listed with the scans"])
    height = sum(map(len, shown)) * step + 10.5
    page.box(LEFT_MM, top, TEXT_MM, height, ALARM_GROUND)
    page.box(LEFT_MM, top, 1.2, height, ALARM)
    title = "1 warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
    page.text(LEFT_MM + 4.0, top + 5.5, title, size_pt=BODY_PT, is_bold=True, color=ALARM)
    y = top + 7.8
    for lines in shown:
        page.text(LEFT_MM + 4.0, y + 0.78 * step, "•", size_pt=SMALL_PT, color=ALARM)
        for line in lines:
            page.text(LEFT_MM + 7.0, y + 0.78 * step, line, size_pt=SMALL_PT)
            y += step
    return top + height


def _charts(page: Page, top: float, course: Course) -> None:
    height = min(BOTTOM_MM - top - 12.0, 62.0)
    page.text(LEFT_MM, top + 3.5, "Diameter of each tumour", size_pt=SMALL_PT, is_bold=True)
    draw_diameters(page.axes(LEFT_MM + 11.0, top + 6.0, 75.0, height), course)
    right = LEFT_MM + 11.0 + 75.0 + LABEL_ROOM_MM + 10.0
    page.text(right - 9.0, top + 3.5, "Tumour volume", size_pt=SMALL_PT, is_bold=True)
    draw_burden(page.axes(right, top + 6.0, RIGHT_MM - right, height), course)
