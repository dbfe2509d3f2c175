"""Sections set one below the other over as many pages as they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from lvt_track.report.blocks import Block, Charts, Section, Table, Text
from lvt_track.report.drawing.style import ACCENT, HEADING_PT
from lvt_track.report.pages.parts import parts_of
from lvt_track.report.pages.tables import TablePart, fitted, table_parts
from lvt_track.report.pages.typesetting import BOTTOM_MM, LEFT_MM, TOP_MM, Page, TextStyle

__all__ = ["Drawing", "flow"]

Drawing = Callable[[Page], None]
"""Draws one page, or a part of one."""

_TITLE_MM = 8.5
_BETWEEN_MM = 7.0
_BELOW_TABLE_MM = 3.0


@dataclass
class _Sheets:
    """Pages as they fill: what each draws, and how far the last one is filled."""

    top: float
    pages: list[list[Drawing]] = field(default_factory=lambda: [[]])

    @property
    def room_mm(self) -> float:
        return BOTTOM_MM - self.top

    def turn(self) -> None:
        """Begin a new page, unless this one is new."""
        if self.pages[-1]:
            self.pages.append([])
        self.top = TOP_MM

    def put(self, draw: Callable[[Page, float], None], height_mm: float) -> None:
        """Set something at the place reached."""
        self.pages[-1].append(partial(_at, draw=draw, top=self.top))
        self.top += height_mm

    def title(self, text: str) -> None:
        """Set the title of a section."""
        if text:
            self.put(partial(_draw_title, text=text), _TITLE_MM)


def flow(shown: Sequence[tuple[Section, Sequence[Block]]], top: float) -> list[Drawing]:
    """Plan the pages; the first begins below `top`.

    A title stands with the beginning of what follows it; what is continued says so.
    """
    sheets = _Sheets(top)
    for section, blocks in shown:
        if not any(parts_of(block) for block in blocks):
            continue  # on screen only
        head = _TITLE_MM if section.title else 0.0
        if head + _beginning_mm(blocks) > sheets.room_mm:
            sheets.turn()
        sheets.title(section.title)
        for k, block in enumerate(blocks):
            _set_block(sheets, section, block, _beginning_mm(blocks[k:]))
        sheets.top += _BETWEEN_MM
    return [partial(_draw_all, parts=tuple(parts)) for parts in sheets.pages if parts]


def _set_block(sheets: _Sheets, section: Section, block: Block, beginning_mm: float) -> None:
    """Set a block, on further pages where it does not fit."""
    if isinstance(block, Charts) and block.only_if_room and beginning_mm > sheets.room_mm:
        return
    if beginning_mm > sheets.room_mm and not _is_fresh(sheets):
        _continue(sheets, section)
    if isinstance(block, Table):
        for part in fitted(block):
            _set_table(sheets, section, part)
        return
    for one in parts_of(block):
        if one.height_mm > sheets.room_mm and not _is_fresh(sheets):
            _continue(sheets, section)
        sheets.put(one.draw, one.height_mm)


def _set_table(sheets: _Sheets, section: Section, table: Table) -> None:
    if TablePart(table).least_mm > sheets.room_mm and not _is_fresh(sheets):
        _continue(sheets, section)
    head = _TITLE_MM if section.title else 0.0
    for k, part in enumerate(table_parts(table, sheets.room_mm, BOTTOM_MM - TOP_MM - head)):
        if k:
            _continue(sheets, section)
        sheets.put(part.draw, part.height_mm + _BELOW_TABLE_MM)


def _continue(sheets: _Sheets, section: Section) -> None:
    sheets.turn()
    sheets.title(f"{section.title}, continued" if section.title else "")


def _is_fresh(sheets: _Sheets) -> bool:
    return sheets.top <= TOP_MM + _TITLE_MM


def _beginning_mm(blocks: Sequence[Block]) -> float:
    """Room that the first blocks need up to the first one that is more than a paragraph."""
    need = 0.0
    for block in blocks:
        parts = parts_of(block)
        need += parts[0].least_mm if parts else 0.0
        if not isinstance(block, Text):
            break
    return need


def _at(page: Page, draw: Callable[[Page, float], None], top: float) -> None:
    draw(page, top)


def _draw_title(page: Page, top: float, text: str) -> None:
    page.text(LEFT_MM, top + 4.5, text, TextStyle(HEADING_PT + 2.0, ACCENT, is_bold=True))


def _draw_all(page: Page, parts: Sequence[Drawing]) -> None:
    for draw in parts:
        draw(page)
