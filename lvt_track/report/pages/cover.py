"""Head of the first page: who, when, and what made the report."""

from __future__ import annotations

from lvt_track.core.course import Course
from lvt_track.report.drawing.style import ACCENT, BODY_PT, MUTED, NOTICE, SMALL_PT, TITLE_PT
from lvt_track.report.facts import RESEARCH_NOTICE, RunFacts
from lvt_track.report.pages.typesetting import (
    LEFT_MM,
    TEXT_MM,
    Page,
    TextStyle,
    line_height_mm,
    wrap,
)
from lvt_track.report.wording import period

__all__ = ["draw_cover"]

_TOP_MM = 20.0


def draw_cover(page: Page, course: Course, facts: RunFacts) -> float:
    """Draw it; returns where the rest of the page begins, in mm from its upper edge."""
    page.text(LEFT_MM, _TOP_MM, "Course of liver tumours on CT", TextStyle(SMALL_PT, MUTED))
    top = page.paragraph(
        LEFT_MM, _TOP_MM + 2.0, TEXT_MM, course.patient, TextStyle(TITLE_PT, ACCENT, is_bold=True)
    )
    top = page.paragraph(LEFT_MM, top, TEXT_MM, period(course), TextStyle(BODY_PT)) + 2.0
    models = ", ".join(facts.models) or "no model: all masks were given"
    lines = wrap(
        f"{RESEARCH_NOTICE}. Masks: {models}. Made by lvt {facts.version}; not checked by a "
        "radiologist.",
        TEXT_MM - 6.0,
        SMALL_PT,
    )
    height = len(lines) * line_height_mm(SMALL_PT) + 3.0
    page.box(LEFT_MM, top, TEXT_MM, height, NOTICE)
    page.paragraph(LEFT_MM + 3.0, top + 1.5, TEXT_MM - 6.0, " ".join(lines), TextStyle(SMALL_PT))
    return top + height + 4.0
