"""Sections set one below the other over as many pages as they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lvt_track.report.drawing.style import ACCENT, HEADING_PT, MUTED, SMALL_PT
from lvt_track.report.pages.typesetting import (
    BOTTOM_MM,
    LEFT_MM,
    TEXT_MM,
    TOP_MM,
    Page,
    Table,
    line_height_mm,
    wrap,
)

__all__ = ["Drawing", "Plate", "Section", "draw_heading", "flow", "heading_height_mm"]

Drawing = Callable[[Page], None]
"""Draws one page, or a part of one."""

_TITLE_MM = 7.0
_BELOW_MM = 3.0
_BETWEEN_MM = 9.0
_FEWEST_ROWS = 3


@dataclass(frozen=True)
class Plate:
    """A figure of fixed height; `draw` is given the page and where the figure begins."""

    height_mm: float
    draw: Callable[[Page, float], None]


@dataclass(frozen=True)
class Section:
    """A title, a note below it, and a table or a figure."""

    title: str
    note: str
    body: Table | Plate


def heading_height_mm(note: str) -> float:
    """Room a title and its note take."""
    lines = len(wrap(note, TEXT_MM, SMALL_PT)) if note else 0
    return _TITLE_MM + lines * line_height_mm(SMALL_PT) + _BELOW_MM


def draw_heading(page: Page, top: float, title: str, note: str = "") -> float:
    """A title and its note; returns where the rest begins."""
    page.text(LEFT_MM, top + 4.5, title, size_pt=HEADING_PT + 2.0, is_bold=True, color=ACCENT)
    if note:
        page.paragraph(LEFT_MM, top + _TITLE_MM, TEXT_MM, note, size_pt=SMALL_PT, color=MUTED)
    return top + heading_height_mm(note)


def flow(sections: Sequence[Section]) -> list[Drawing]:
    """Plan the pages of sections; tables are continued over pages, figures are kept whole."""
    pages: list[list[Drawing]] = []
    top = BOTTOM_MM
    for section in sections:
        head = heading_height_mm(section.note)
        if top + head + _least_mm(section.body) > BOTTOM_MM:
            pages.append([])
            top = TOP_MM
        parts = _parts(section.body, BOTTOM_MM - top - head, BOTTOM_MM - TOP_MM - head)
        for number, part in enumerate(parts):
            if number:
                pages.append([])
                top = TOP_MM
            title = f"{section.title}, continued" if number else section.title
            pages[-1].append(
                partial(_draw_section, section=Section(title, section.note, part), top=top)
            )
            top += head + part.height_mm + _BETWEEN_MM
    return [partial(_draw_all, parts=tuple(parts)) for parts in pages]


def _parts(body: Table | Plate, first_mm: float, next_mm: float) -> Sequence[Table | Plate]:
    return [body] if isinstance(body, Plate) else body.pages(first_mm, next_mm)


def _least_mm(body: Table | Plate) -> float:
    """Room below which a body is better begun on a new page."""
    if isinstance(body, Plate):
        return body.height_mm
    return Table(body.columns, body.rows[:_FEWEST_ROWS], body.size_pt, body.padding_mm).height_mm


def _draw_section(page: Page, section: Section, top: float) -> None:
    top = draw_heading(page, top, section.title, section.note)
    if isinstance(section.body, Plate):
        section.body.draw(page, top)
    else:
        section.body.draw(page, LEFT_MM, top)


def _draw_all(page: Page, parts: Sequence[Drawing]) -> None:
    for draw in parts:
        draw(page)
