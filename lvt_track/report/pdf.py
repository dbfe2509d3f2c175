"""The report as a PDF: pages planned first, so that each knows how many there are."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from lvt_track.core.course import Course
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.pdf_pages import pdf_pages
from lvt_track.report.drawing.style import MATPLOTLIB, MUTED, SMALLEST_PT
from lvt_track.report.facts import RESEARCH_NOTICE, RunFacts
from lvt_track.report.pages.cover import draw_cover
from lvt_track.report.pages.flow import flow
from lvt_track.report.pages.typesetting import (
    HEIGHT_MM,
    LEFT_MM,
    RIGHT_MM,
    TEXT_MM,
    Page,
    TextStyle,
    shortened,
)
from lvt_track.report.sections.listing import shown_sections

__all__ = ["write_pdf"]


def write_pdf(content: ReportContent, path: Path) -> None:
    """Write a report, A4, for a doctor to read.

    The same content gives the same file, byte for byte.

    Args:
        content: what it tells.
        path: the file; it is written whole or not at all.

    Raises:
        OutputError: when the file cannot be written.
    """
    course, facts = content.course, content.facts
    metadata = {
        "Title": f"Course of liver tumours: {course.patient}",
        "Creator": f"lvt {facts.version}",
        "Subject": RESEARCH_NOTICE,
        "CreationDate": facts.made,
    }
    with mpl.rc_context(MATPLOTLIB), pdf_pages(path, metadata) as pdf:
        first = Page()
        drawings = flow(shown_sections(content), draw_cover(first, course, facts))
        for number, draw in enumerate(drawings, 1):
            page = first if number == 1 else Page()
            draw(page)
            _draw_margins(page, course, facts, number, len(drawings))
            pdf.savefig(page.figure)


def _draw_margins(page: Page, course: Course, facts: RunFacts, number: int, count: int) -> None:
    if number > 1:
        patient = shortened(course.patient, TEXT_MM, SMALLEST_PT)
        page.text(LEFT_MM, 14.0, patient, TextStyle(SMALLEST_PT, MUTED))
    baseline = HEIGHT_MM - 10.0
    page.rule(baseline - 4.0)
    page.text(LEFT_MM, baseline, RESEARCH_NOTICE, TextStyle(SMALLEST_PT, MUTED))
    made = f"made {facts.made:%Y-%m-%d} by lvt {facts.version}"
    place = f"{made}  ·  page {number} of {count}"
    page.text(RIGHT_MM, baseline, place, TextStyle(SMALLEST_PT, MUTED), align="right")
