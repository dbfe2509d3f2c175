"""Tables on paper: broken over pages by rows and, where they are too wide, by columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lvt_track.report.blocks import Cell, Column, Table, chunks
from lvt_track.report.drawing.style import MUTED
from lvt_track.report.pages.typesetting import (
    LEFT_MM,
    TEXT_MM,
    Page,
    TextStyle,
    line_height_mm,
    wrap,
)

__all__ = ["TablePart", "fitted", "table_parts"]

_FEWEST_ROWS = 3


def fitted(table: Table) -> list[Table]:
    """The table in parts no wider than a page, each with the columns that are repeated."""
    kept = {i % len(table.columns) for i in table.repeated}
    width = sum(column.width_mm for column in table.columns)
    others = [i for i in range(len(table.columns)) if i not in kept]
    if width <= TEXT_MM + 0.1 or not others:
        return [table]
    room = TEXT_MM - sum(table.columns[i].width_mm for i in kept)
    most = max(int(room / max(table.columns[i].width_mm for i in others)), 1)
    parts = []
    for span in chunks(len(others), most):
        shown = sorted(kept | {others[k] for k in span})
        columns = (
            table.columns[i] if i in kept else replace(table.columns[i], width_mm=room / len(span))
            for i in shown
        )
        parts.append(
            replace(
                table,
                columns=tuple(columns),
                rows=tuple(tuple(row[i] for i in shown) for row in table.rows),
            )
        )
    return parts


def table_parts(table: Table, first_mm: float, next_mm: float) -> list[TablePart]:
    """A table in parts that fit the room on the first page and on those after it."""
    whole = TablePart(table)
    parts: list[list[tuple[Cell, ...]]] = [[]]
    left_mm = first_mm - whole.head_mm
    for row in table.rows:
        need = whole.row_mm(row)
        if need > left_mm and (parts[-1] or len(parts) == 1):
            parts.append([])
            left_mm = next_mm - whole.head_mm
        parts[-1].append(row)
        left_mm -= need
    return [TablePart(replace(table, rows=tuple(rows))) for rows in parts]


@dataclass(frozen=True)
class TablePart:
    """A table, or a part of one, on one page."""

    table: Table

    @property
    def height_mm(self) -> float:
        """Height of all of it."""
        return self.head_mm + sum(self.row_mm(row) for row in self.table.rows)

    @property
    def least_mm(self) -> float:
        """Height of its first rows: with less room it is better begun on a new page."""
        return self.head_mm + sum(self.row_mm(row) for row in self.table.rows[:_FEWEST_ROWS])

    @property
    def head_mm(self) -> float:
        """Height of the titles."""
        titles = [wrap(c.title, self._room_mm(c), self._minor_pt, True) for c in self.table.columns]
        if not any(c.title for c in self.table.columns):
            return 0.5
        return max(map(len, titles)) * line_height_mm(self._minor_pt) + 2.0

    def row_mm(self, row: tuple[Cell, ...]) -> float:
        """Height of a row."""
        heights = [
            sum(
                line_height_mm(self.table.size_pt if is_first else self._minor_pt)
                for _, is_first in self._wrapped(column, cell)
            )
            for column, cell in zip(self.table.columns, row, strict=True)
        ]
        return max(heights) + 2 * self.table.padding_mm

    def draw(self, page: Page, top: float) -> None:
        """Set it below `top`."""
        table = self.table
        right = LEFT_MM + sum(column.width_mm for column in table.columns)
        x = LEFT_MM
        for column in table.columns:
            lines = wrap(column.title, self._room_mm(column), self._minor_pt, True)
            y = top + self.head_mm - 1.6 - line_height_mm(self._minor_pt) * (len(lines) - 1)
            for line in lines:
                title = Cell((line,), MUTED, is_bold=True)
                self._line(page, column, (x, y), title, self._minor_pt)
                y += line_height_mm(self._minor_pt)
            x += column.width_mm
        top += self.head_mm
        page.rule(top, left=LEFT_MM, right=right)
        for row in table.rows:
            x = LEFT_MM
            for column, cell in zip(table.columns, row, strict=True):
                self._cell(page, column, cell, (x, top))
                x += column.width_mm
            top += self.row_mm(row)
            page.rule(top, left=LEFT_MM, right=right)

    @property
    def _minor_pt(self) -> float:
        return self.table.size_pt - 1.0

    def _room_mm(self, column: Column) -> float:
        return column.width_mm - 2 * self.table.padding_mm

    def _wrapped(self, column: Column, cell: Cell) -> Iterator[tuple[str, bool]]:
        """The lines of a cell, and whether each belongs to its first."""
        for number, text in enumerate(cell.lines):
            is_first = number == 0
            size = self.table.size_pt if is_first else self._minor_pt
            for line in wrap(text, self._room_mm(column), size, is_first and cell.is_bold):
                yield line, is_first

    def _cell(self, page: Page, column: Column, cell: Cell, corner: tuple[float, float]) -> None:
        x, top = corner
        y = top + self.table.padding_mm
        for text, is_first in self._wrapped(column, cell):
            size = self.table.size_pt if is_first else self._minor_pt
            step = line_height_mm(size)
            color = cell.color if is_first else MUTED
            line = Cell((text,), color, is_bold=is_first and cell.is_bold)
            self._line(page, column, (x, y + 0.76 * step), line, size)
            y += step

    def _line(
        self, page: Page, column: Column, start: tuple[float, float], line: Cell, size_pt: float
    ) -> None:
        x, baseline = start
        padding = self.table.padding_mm
        at = {
            "left": x + padding,
            "center": x + column.width_mm / 2.0,
            "right": x + column.width_mm - padding,
        }[column.align]
        page.text(
            at,
            baseline,
            line.lines[0],
            TextStyle(size_pt, line.color, is_bold=line.is_bold),
            align=column.align,
        )
