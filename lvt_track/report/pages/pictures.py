"""Rows of pictures on paper: a strip for each tumour, in several strips where visits are many."""

from __future__ import annotations

from dataclasses import dataclass

from lvt_track.report.blocks import Panel, PictureRow, Pictures, chunks
from lvt_track.report.drawing.panels import draw_key_image
from lvt_track.report.drawing.style import BODY_PT, MUTED, NOTICE, SMALL_PT, SMALLEST_PT
from lvt_track.report.pages.typesetting import (
    LEFT_MM,
    TEXT_MM,
    Page,
    TextStyle,
    line_height_mm,
    wrap,
)

__all__ = ["Strip", "strips"]

_MOST_COLUMNS, _MORE_COLUMNS = 4, 5
_MANY = 8
_LARGEST_MM = 76.0
_NAME_MM = 14.0
_GAP_MM = 2.5
_HEAD_MM = 4.5
_BELOW_MM = 3.0


@dataclass(frozen=True)
class Strip:
    """Pictures side by side.

    Attributes:
        name, state: stand at the left, where all pictures are of one tumour.
        panels: the pictures.
        side_mm: of a picture.
    """

    name: str
    state: str
    panels: tuple[Panel, ...]
    side_mm: float

    @property
    def height_mm(self) -> float:
        """Height with dates above and captions below."""
        return _HEAD_MM + self.side_mm + 0.6 + self._caption_mm + _BELOW_MM

    least_mm = height_mm

    @property
    def _caption_mm(self) -> float:
        heights = [
            len(wrap(panel.title, self.side_mm, SMALL_PT, True)) * line_height_mm(SMALL_PT)
            if panel.title
            else 0.0
            for panel in self.panels
        ]
        step = line_height_mm(SMALLEST_PT)
        for i, panel in enumerate(self.panels):
            heights[i] += step * sum(
                len(wrap(line, self.side_mm, SMALLEST_PT)) for line in panel.lines
            )
        return max(heights)

    def draw(self, page: Page, top: float) -> None:
        """Set it below `top`."""
        page.text(LEFT_MM, top + _HEAD_MM + 3.5, self.name, TextStyle(BODY_PT + 1.0, is_bold=True))
        page.paragraph(
            LEFT_MM, top + _HEAD_MM + 5.0, _NAME_MM - 1.0, self.state, TextStyle(SMALLEST_PT, MUTED)
        )
        for column, panel in enumerate(self.panels):
            self._panel(page, LEFT_MM + _NAME_MM + column * (self.side_mm + _GAP_MM), top, panel)

    def _panel(self, page: Page, x: float, top: float, panel: Panel) -> None:
        side = self.side_mm
        page.text(x, top + 3.2, panel.date, TextStyle(SMALL_PT, is_bold=True))
        if panel.image is None:
            page.box(x, top + _HEAD_MM, side, side, NOTICE)
            middle = top + _HEAD_MM + side / 2.0 + 1.0
            text = panel.missing
            page.text(x + side / 2, middle, text, TextStyle(SMALL_PT, MUTED), align="center")
        else:
            draw_key_image(page.axes(x, top + _HEAD_MM, side, side), panel.image)
        y = top + _HEAD_MM + side + 0.6
        if panel.title:
            y = page.paragraph(
                x, y, side, panel.title, TextStyle(SMALL_PT, panel.color, is_bold=True)
            )
        for line in panel.lines:
            y = page.paragraph(x, y, side, line, TextStyle(SMALLEST_PT))


def strips(pictures: Pictures) -> list[Strip]:
    """The pictures in strips, all equally large."""
    rows = _joined(pictures.rows)
    widest = max(len(row.panels) for row in rows)
    # Five visits stand in one row: three and two would leave a third of each page empty.
    most = _MORE_COLUMNS if widest == _MORE_COLUMNS or widest > _MANY else _MOST_COLUMNS
    columns = max(len(span) for span in chunks(widest, most))
    side = min((TEXT_MM - _NAME_MM) / columns - _GAP_MM, _LARGEST_MM)
    result = []
    for row in rows:
        for k, span in enumerate(chunks(len(row.panels), most)):
            panels = tuple(row.panels[i] for i in span)
            state = "continued" if k else row.state
            result.append(Strip(row.name, state, panels, side))
    return result


def _joined(rows: tuple[PictureRow, ...]) -> list[PictureRow]:
    """Tumours with one picture each share strips, with their names above the pictures."""
    if max(len(row.panels) for row in rows) > 1 or len(rows) == 1:
        return list(rows)
    panels = [
        Panel(f"{row.name}, {p.date}", p.image, p.missing, p.title, p.color, p.lines)
        for row in rows
        for p in row.panels
    ]
    return [PictureRow("", "", tuple(panels[i] for i in span)) for span in chunks(len(panels), 3)]
