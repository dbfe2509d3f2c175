"""Blocks on paper: each becomes parts that are kept whole on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lvt_track.report.blocks import (
    Block,
    Chart,
    Charts,
    Counts,
    Definitions,
    Pictures,
    Table,
    Text,
    Verdict,
    Verdicts,
    Warnings,
    Workplace,
)
from lvt_track.report.drawing.panels import WINDOW_LEVEL_HU, WINDOW_WIDTH_HU
from lvt_track.report.drawing.style import (
    ALARM,
    ALARM_GROUND,
    BODY_PT,
    HEADING_PT,
    INK,
    MUTED,
    SMALL_PT,
    TITLE_PT,
)
from lvt_track.report.pages.pictures import strips
from lvt_track.report.pages.tables import TablePart, fitted
from lvt_track.report.pages.typesetting import (
    LEFT_MM,
    TEXT_MM,
    Page,
    TextStyle,
    line_height_mm,
    wrap,
)

__all__ = ["Part", "parts_of"]

_BADGE_MM = 24.0
_MOST_LINES = 4
_CUT = "… the whole reason stands with the response."
_CHART_TITLE_MM = 9.0
_CHART_FOOT_MM = 13.0
_WARNINGS_ROOM_MM = 46.0


class Part(Protocol):
    """What stands on one page in one piece."""

    @property
    def height_mm(self) -> float:
        """Room it takes."""

    @property
    def least_mm(self) -> float:
        """Room below which it, or what it is the first part of, begins on a new page."""

    def draw(self, page: Page, top: float) -> None:
        """Set it below `top`."""


@dataclass(frozen=True)
class _TextPart:
    """A paragraph below its title."""

    text: Text

    @property
    def height_mm(self) -> float:
        lines = len(wrap(self._words, TEXT_MM, SMALL_PT)) if self._words else 0
        return (7.5 if self.text.title else 0.0) + lines * line_height_mm(SMALL_PT) + 3.0

    least_mm = height_mm

    @property
    def _words(self) -> str:
        if not self.text.tells_window:
            return self.text.text
        window = f"Level {WINDOW_LEVEL_HU:.0f} HU, width {WINDOW_WIDTH_HU:.0f} HU."
        return f"{self.text.text} {window}"

    def draw(self, page: Page, top: float) -> None:
        if self.text.title:
            page.text(LEFT_MM, top + 5.0, self.text.title, TextStyle(HEADING_PT, is_bold=True))
            top += 7.5
        if self._words:
            page.paragraph(LEFT_MM, top, TEXT_MM, self._words, TextStyle(SMALL_PT, MUTED))


@dataclass(frozen=True)
class _VerdictPart:
    """One response: its category and what decided it large, the rest small."""

    verdict: Verdict

    @property
    def height_mm(self) -> float:
        return max(self._lines_mm, 11.5) + 3.0

    least_mm = height_mm

    @property
    def _lines_mm(self) -> float:
        one = self.verdict
        small = sum(map(len, self._small))
        large = len(wrap(one.cause, self._width, HEADING_PT, True)) if one.cause else 0
        return large * line_height_mm(HEADING_PT) + small * line_height_mm(SMALL_PT) + 0.6

    @property
    def _small(self) -> list[list[str]]:
        """The lines of sentence and reason; a long reason is cut, for the response tells it all."""
        texts = [text for text in (self.verdict.sentence, self.verdict.reason) if text]
        wrapped = [wrap(text, self._width, SMALL_PT) for text in texts]
        return [
            lines if len(lines) <= _MOST_LINES else [*lines[:_MOST_LINES], _CUT]
            for lines in wrapped
        ]

    @property
    def _width(self) -> float:
        return TEXT_MM - _BADGE_MM

    def draw(self, page: Page, top: float) -> None:
        one = self.verdict
        page.text(LEFT_MM, top + 3.4, one.criterion, TextStyle(SMALL_PT, MUTED))
        size_pt = TITLE_PT if len(one.category) <= 2 else BODY_PT
        page.text(LEFT_MM, top + 10.0, one.category, TextStyle(size_pt, one.color, is_bold=True))
        left, y = LEFT_MM + _BADGE_MM, top + 0.6
        if one.cause:
            y = page.paragraph(
                left, y, self._width, one.cause, TextStyle(HEADING_PT, one.color, is_bold=True)
            )
        for k, lines in enumerate(self._small):
            for line in lines:
                color = MUTED if k else INK
                y = page.paragraph(left, y, self._width, line, TextStyle(SMALL_PT, color))
        page.rule(top + self.height_mm - 1.5)


@dataclass(frozen=True)
class _CountsPart:
    """Numbers side by side."""

    counts: Counts

    @property
    def height_mm(self) -> float:
        return 18.0

    least_mm = height_mm

    def draw(self, page: Page, top: float) -> None:
        step = TEXT_MM / max(len(self.counts.numbers), 6)
        for i, (number, name) in enumerate(self.counts.numbers):
            x = LEFT_MM + i * step
            page.text(x, top + 7.0, str(number), TextStyle(TITLE_PT, is_bold=True))
            page.paragraph(x, top + 8.2, step - 2.0, name, TextStyle(SMALL_PT, MUTED))


@dataclass(frozen=True)
class _WarningsPart:
    """As many warnings as there is room for; all of them stand with the scans."""

    warnings: Warnings
    room_mm: float = _WARNINGS_ROOM_MM

    @property
    def height_mm(self) -> float:
        return sum(map(len, self._shown)) * line_height_mm(SMALL_PT) + 14.5

    least_mm = height_mm

    @property
    def _shown(self) -> list[list[str]]:
        step = line_height_mm(SMALL_PT)
        shown: list[list[str]] = []
        for warning in self.warnings.texts:
            lines = wrap(warning, TEXT_MM - 11.0, SMALL_PT)
            if (sum(map(len, shown)) + len(lines)) * step > self.room_mm - 16.0:
                break
            shown.append(lines)
        left_out = len(self.warnings.texts) - len(shown)
        if left_out:
            shown.append([f"and {left_out} more, listed with the scans"])
        return shown

    def draw(self, page: Page, top: float) -> None:
        top += 1.5
        step = line_height_mm(SMALL_PT)
        height = self.height_mm - 4.0
        page.box(LEFT_MM, top, TEXT_MM, height, ALARM_GROUND)
        page.box(LEFT_MM, top, 1.2, height, ALARM)
        count = len(self.warnings.texts)
        title = "1 warning" if count == 1 else f"{count} warnings"
        page.text(LEFT_MM + 4.0, top + 5.5, title, TextStyle(BODY_PT, ALARM, is_bold=True))
        y = top + 7.8
        for lines in self._shown:
            page.text(LEFT_MM + 4.0, y + 0.78 * step, "•", TextStyle(SMALL_PT, ALARM))
            for line in lines:
                page.text(LEFT_MM + 7.0, y + 0.78 * step, line, TextStyle(SMALL_PT))
                y += step


@dataclass(frozen=True)
class _ChartsPart:
    """Charts side by side below a title and a note."""

    charts: tuple[Chart, ...]
    title: str
    note: str
    is_titled: bool

    @property
    def height_mm(self) -> float:
        deepest = max(chart.height_mm for chart in self.charts)
        return self._head_mm + self._title_mm + deepest + _CHART_FOOT_MM

    least_mm = height_mm

    @property
    def _head_mm(self) -> float:
        lines = len(wrap(self.note, TEXT_MM, SMALL_PT)) if self.note else 0
        return (5.0 if self.title else 0.0) + lines * line_height_mm(SMALL_PT)

    @property
    def _title_mm(self) -> float:
        return _CHART_TITLE_MM if self.is_titled else 5.0

    def draw(self, page: Page, top: float) -> None:
        if self.title:
            page.text(LEFT_MM, top + 3.0, self.title, TextStyle(BODY_PT, is_bold=True))
        if self.note:
            page.paragraph(LEFT_MM, top + 4.4, TEXT_MM, self.note, TextStyle(SMALL_PT, MUTED))
        top += self._head_mm
        x = LEFT_MM
        for chart in self.charts:
            if self.is_titled:
                page.text(x, top + 3.5, chart.title, TextStyle(SMALL_PT, is_bold=True))
            left, upper = x + chart.left_mm, top + self._title_mm
            chart.draw(page.axes(left, upper, chart.width_mm, chart.height_mm))
            x = left + chart.width_mm + chart.right_mm


@dataclass(frozen=True)
class _DefinitionPart:
    """A term and what it means."""

    term: str
    meaning: str
    following_mm: float = 0.0

    @property
    def height_mm(self) -> float:
        lines = len(wrap(self.meaning, TEXT_MM - 16.0, BODY_PT))
        return 8.8 + lines * line_height_mm(BODY_PT)

    @property
    def least_mm(self) -> float:
        return self.height_mm + self.following_mm

    def draw(self, page: Page, top: float) -> None:
        page.text(LEFT_MM, top + 3.2, self.term, TextStyle(BODY_PT, is_bold=True))
        page.paragraph(LEFT_MM, top + 4.8, TEXT_MM - 16.0, self.meaning)


def parts_of(block: Block) -> Sequence[Part]:
    """A block in pieces that are kept whole; tables by `table_parts` where they are long."""
    match block:
        case Text():
            return [_TextPart(block)]
        case Charts():
            return _chart_parts(block)
        case Pictures():
            return strips(block)
        case Verdicts():
            return [_VerdictPart(one) for one in block.verdicts]
        case Counts():
            return [_CountsPart(block)]
        case Warnings():
            return [_WarningsPart(block)]
        case Definitions():
            parts = [_DefinitionPart(term, meaning) for term, meaning in block.entries]
            following = sum(part.height_mm for part in parts[1:])
            return [replace(parts[0], following_mm=following), *parts[1:]]  # on one page
        case Workplace():
            return []
        case Table():
            return [TablePart(part) for part in fitted(block)]


def _chart_parts(charts: Charts) -> list[Part]:
    """Charts in as few lines as their widths allow; the title stands above the first."""
    lines: list[list[Chart]] = [[]]
    used = 0.0
    for chart in charts.charts:
        width = chart.left_mm + chart.width_mm + chart.right_mm
        if lines[-1] and used + width > TEXT_MM + 0.5:
            lines.append([])
            used = 0.0
        lines[-1].append(chart)
        used += width
    return [
        _ChartsPart(
            tuple(line), "" if k else charts.title, "" if k else charts.note, charts.is_titled
        )
        for k, line in enumerate(lines)
    ]
