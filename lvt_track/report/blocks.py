"""What a section of a report shows, as data: paper and screen each set it in their own way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from lvt_track.core.course import KeyImage
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.axis_labels import LABEL_ROOM_MM
from lvt_track.report.drawing.style import INK, SMALL_PT

__all__ = [
    "TEXT_WIDTH_MM",
    "Block",
    "Cell",
    "Chart",
    "Charts",
    "Column",
    "Counts",
    "Definitions",
    "Panel",
    "PictureRow",
    "Pictures",
    "Section",
    "Table",
    "Text",
    "Verdict",
    "Verdicts",
    "Warnings",
    "Workplace",
    "chunks",
]

TEXT_WIDTH_MM = 176.0
"""Width of a line on paper, for those who choose the widths of columns and charts."""


@dataclass(frozen=True)
class Text:
    """A paragraph that says how to read what follows it.

    Attributes:
        text: the paragraph.
        title: above it; empty for none.
        tells_window: whether it ends with the level and width of the pictures that follow.
    """

    text: str
    title: str = ""
    tells_window: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, its width on paper, and `left`, `right` or `center`."""

    title: str
    width_mm: float
    align: str = "left"


@dataclass(frozen=True)
class Cell:
    """One or more lines in a table; the later ones are set smaller.

    Attributes:
        lines: what it says; each is wrapped to the column.
        color: of the first line.
        is_bold: whether the first line is bold.
    """

    lines: tuple[str, ...]
    color: str = INK
    is_bold: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells; where it is wider than a page, paper sets it in several parts.

    Attributes:
        columns: from left to right.
        rows: cells, one per column.
        size_pt: of the first line of a cell; the other lines and the titles are a point smaller.
        padding_mm: room around what a cell says.
        repeated: indices of the columns that every part has.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    size_pt: float = SMALL_PT
    padding_mm: float = 1.2
    repeated: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Chart:
    """A drawing on matplotlib axes.

    Attributes:
        title: what it shows, for those who cannot see it too.
        draw: draws on axes.
        width_mm, height_mm: of the axes.
        left_mm, right_mm: room for what is written beside them.
    """

    title: str
    draw: Callable[[Axes], None]
    width_mm: float
    height_mm: float
    left_mm: float = 13.0
    right_mm: float = LABEL_ROOM_MM


@dataclass(frozen=True)
class Charts:
    """Charts side by side, as many as fit.

    Attributes:
        charts: from left to right.
        title, note: above all of them.
        is_titled: whether each has its own title above it.
        only_if_room: on paper only, and only where the page has room left.
    """

    charts: tuple[Chart, ...]
    title: str = ""
    note: str = ""
    is_titled: bool = True
    only_if_room: bool = False


@dataclass(frozen=True)
class Panel:
    """A picture of one tumour at one visit.

    Attributes:
        date: of the visit.
        image: the picture, or None.
        missing: why there is none.
        title, color: a word below it, such as a verdict.
        lines: what is said below that.
    """

    date: str
    image: KeyImage | None
    missing: str = "no image"
    title: str = ""
    color: str = INK
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class PictureRow:
    """The pictures of one tumour: its name, its state, a panel for each visit."""

    name: str
    state: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Pictures:
    """Rows of pictures."""

    rows: tuple[PictureRow, ...]


@dataclass(frozen=True)
class Verdict:
    """The response by one criterion.

    Attributes:
        criterion: its name.
        category, color: the category, and in what colour it is written.
        cause: what decided it, in few words; stands large.
        sentence: sum and change.
        reason: the whole reason.
    """

    criterion: str
    category: str
    color: str
    cause: str
    sentence: str
    reason: str


@dataclass(frozen=True)
class Verdicts:
    """The responses, one below the other."""

    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Counts:
    """Numbers that stand large, each with its name."""

    numbers: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Warnings:
    """What a reader must know; paper shows as many as fit, for all stand with the scans."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Definitions:
    """Terms and what they mean."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Workplace:
    """The visits side by side, to scroll, to turn and to correct; on screen only."""


Block = Text | Table | Charts | Pictures | Verdicts | Counts | Warnings | Definitions | Workplace


@dataclass(frozen=True)
class Section:
    """One entry of the report's list, the same on paper and on screen.

    Attributes:
        key: names it in links; unique.
        title: above it; empty where what it shows speaks for itself.
        blocks: what it shows of a content; nothing where the report has no such section.
        short: its name where a page lists its sections; empty where it is not listed.
    """

    key: str
    title: str
    blocks: Callable[[ReportContent], Sequence[Block]]
    short: str = ""


def chunks(count: int, most: int) -> list[range]:
    """`count` things in the fewest ranges of at most `most`, of nearly the same length."""
    parts = max(-(-count // most), 1)
    bounds = [round(i * count / parts) for i in range(parts + 1)]
    return [range(a, b) for a, b in itertools.pairwise(bounds)]
