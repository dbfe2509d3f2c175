"""An A4 page in millimetres, and text and paragraphs set on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from lvt_track.report.blocks import TEXT_WIDTH_MM
from lvt_track.report.drawing.style import BODY_PT, INK, RULE

__all__ = [
    "BOTTOM_MM",
    "HEIGHT_MM",
    "LEFT_MM",
    "RIGHT_MM",
    "TEXT_MM",
    "TOP_MM",
    "WIDTH_MM",
    "Page",
    "TextStyle",
    "line_height_mm",
    "printable",
    "shortened",
    "text_width_mm",
    "wrap",
]

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
LEFT_MM, RIGHT_MM = 17.0, 193.0
TOP_MM, BOTTOM_MM = 22.0, 280.0
TEXT_MM = TEXT_WIDTH_MM

_MM_PER_INCH = 25.4
_MM_PER_PT = _MM_PER_INCH / 72.0
_LEADING = 1.35

# Control characters and plain blanks; a no-break space stays what it is.
_BLANKS = re.compile(r"[\x00-\x20\x7f]+")


@lru_cache(maxsize=4)
def _font(is_bold: bool) -> FT2Font:
    weight = "bold" if is_bold else "normal"
    return get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight)))


@lru_cache(maxsize=1)
def _known_characters() -> frozenset[int]:
    return frozenset(_font(False).get_charmap()) & frozenset(_font(True).get_charmap())


@lru_cache(maxsize=4096)
def _advance_em(character: str, is_bold: bool) -> float:
    font = _font(is_bold)
    font.set_size(100.0, 72.0)
    return float(font.load_char(ord(character)).linearHoriAdvance) / 65536.0 / 100.0


def printable(text: str) -> str:
    """The text on one line, with `?` for characters that the report's typeface lacks."""
    known = _known_characters()
    return "".join(c if ord(c) in known else "?" for c in _BLANKS.sub(" ", text).strip(" "))


def text_width_mm(text: str, size_pt: float, is_bold: bool = False) -> float:
    """Width of a line of text."""
    return sum(_advance_em(c, is_bold) for c in printable(text)) * size_pt * _MM_PER_PT


def line_height_mm(size_pt: float) -> float:
    """Distance between the baselines of a paragraph."""
    return size_pt * _LEADING * _MM_PER_PT


def wrap(text: str, width_mm: float, size_pt: float, is_bold: bool = False) -> list[str]:
    """The text in lines no wider than `width_mm`; words that are wider are broken."""
    lines: list[str] = []
    line = ""
    for word in printable(text).split(" "):
        longer = f"{line} {word}" if line else word
        if text_width_mm(longer, size_pt, is_bold) <= width_mm:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _broken(word, width_mm, size_pt, is_bold)
        lines.extend(whole)
    return [*lines, line]


def _broken(word: str, width_mm: float, size_pt: float, is_bold: bool) -> Iterator[str]:
    piece = ""
    for character in word:
        if piece and text_width_mm(piece + character, size_pt, is_bold) > width_mm:
            yield piece
            piece = ""
        piece += character
    yield piece


def shortened(text: str, width_mm: float, size_pt: float) -> str:
    """The text on one line, cut with an ellipsis where it is too wide."""
    text = printable(text)
    if text_width_mm(text, size_pt) <= width_mm:
        return text
    while text and text_width_mm(f"{text}…", size_pt) > width_mm:
        text = text[:-1]
    return f"{text}…"


@dataclass(frozen=True)
class TextStyle:
    """Size, colour and weight of text."""

    size_pt: float = BODY_PT
    color: str = INK
    is_bold: bool = False


class Page:
    """One A4 page; positions are millimetres from its upper left corner."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(WIDTH_MM / _MM_PER_INCH, HEIGHT_MM / _MM_PER_INCH))

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes for a figure in the given rectangle."""
        return self.figure.add_axes(
            (
                left / WIDTH_MM,
                1.0 - (top + height) / HEIGHT_MM,
                width / WIDTH_MM,
                height / HEIGHT_MM,
            )
        )

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        style: TextStyle = TextStyle(),
        align: str = "left",
    ) -> None:
        """One line of text; `align` says which end of it lies at `x`."""
        self.figure.text(
            x / WIDTH_MM,
            1.0 - baseline / HEIGHT_MM,
            printable(text),
            fontsize=style.size_pt,
            color=style.color,
            fontweight="bold" if style.is_bold else "normal",
            ha=align,
            va="baseline",
        )

    def paragraph(
        self,
        x: float,
        top: float,
        width: float,
        text: str,
        style: TextStyle = TextStyle(),
    ) -> float:
        """Wrapped text below `top`; returns where it ends."""
        step = line_height_mm(style.size_pt)
        for line in wrap(text, width, style.size_pt, style.is_bold):
            self.text(x, top + 0.78 * step, line, style)
            top += step
        return top

    def rule(self, y: float, *, left: float = LEFT_MM, right: float = RIGHT_MM) -> None:
        """A thin horizontal line."""
        height = 1.0 - y / HEIGHT_MM
        self.figure.add_artist(
            Line2D((left / WIDTH_MM, right / WIDTH_MM), (height, height), color=RULE, linewidth=0.6)
        )

    def box(self, left: float, top: float, width: float, height: float, color: str) -> None:
        """A filled rectangle."""
        self.figure.add_artist(
            Rectangle(
                (left / WIDTH_MM, 1.0 - (top + height) / HEIGHT_MM),
                width / WIDTH_MM,
                height / HEIGHT_MM,
                facecolor=color,
                edgecolor="none",
                zorder=-1,
            )
        )
