"""Which lines of a sheet name its columns: one below a title, or up to three together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.lines import Lines

__all__ = ["Header", "HeaderWords", "IsHeader", "find_header"]

IsHeader = Callable[[Sequence[str]], bool]
"""Whether the cells of a line are the names of the columns that are looked for."""

IsSecondLine = Callable[[Sequence[str], Sequence[str]], bool]
"""Whether a line goes on with the names of the columns that the line above it begins."""

# A title, a name and a legend above the table are common; more is another kind of document.
_MOST_LINES_ABOVE = 40
_MOST_LINES = 3


@dataclass(frozen=True)
class HeaderWords:
    """How the names of columns are known.

    Attributes:
        is_header: of a line.
        is_second_line: of a line and the names above it; None where names have one line.
        is_whole: of a name that is whole without what stands above it.
    """

    is_header: IsHeader
    is_second_line: IsSecondLine | None = None
    is_whole: Callable[[str], bool] = lambda name: False


@dataclass(frozen=True)
class Header:
    """The names of the columns.

    Attributes:
        columns: one a column; of several lines the upper name first.
        first, last: places of its lines among those of the sheet.
    """

    columns: tuple[str, ...]
    first: int
    last: int


def find_header(lines: Lines, words: HeaderWords, path: Path) -> Header | None:
    """The first line with the names of the columns, and those below that go on with them.

    Where no line names them alone, two or three that follow each other are taken together: a name
    that stands over several columns, as a merged cell does, goes before the name of each.

    Raises:
        InputError: when an upper name does not say over which columns it stands.
    """
    top = range(min(len(lines.rows), _MOST_LINES_ABOVE))
    for first in top:
        if not words.is_header(lines.rows[first][1]):
            continue
        return _continued(Header(tuple(lines.rows[first][1]), first, first), lines, words, path)
    for count in range(2, _MOST_LINES + 1) if words.is_second_line else ():
        for first in top:
            last = first + count - 1
            if last >= len(lines.rows):
                break
            try:
                columns = _joined(lines, range(first, last + 1), words, path)
            except InputError:
                continue
            lower = range(first + 1, last + 1)
            if words.is_header(columns) and all(
                _goes_on(lines, lines.rows[place - 1][1], place, words) for place in lower
            ):
                return _continued(Header(tuple(columns), first, last), lines, words, path)
    return None


def _continued(header: Header, lines: Lines, words: HeaderWords, path: Path) -> Header:
    """A header with the lines below it that go on with its names."""
    columns, last = header.columns, header.last
    while last + 1 < min(len(lines.rows), header.first + _MOST_LINES) and _goes_on(
        lines, columns, last + 1, words
    ):
        last += 1
        columns = tuple(_joined(lines, range(header.first, last + 1), words, path))
    return Header(columns, header.first, last)


def _goes_on(lines: Lines, upper: Sequence[str], place: int, words: HeaderWords) -> bool:
    return words.is_second_line is not None and words.is_second_line(
        upper, _unrepeated(lines, place)
    )


def _unrepeated(lines: Lines, place: int) -> list[str]:
    """The cells of a line without those that repeat the merged one above."""
    number, cells = lines.rows[place]
    return ["" if (number, k) in lines.repeated else cell for k, cell in enumerate(cells)]


def _joined(lines: Lines, places: range, words: HeaderWords, path: Path) -> list[str]:
    """The names of columns that several lines hold together."""
    names = _unrepeated(lines, places[-1])
    for place in reversed(places[:-1]):
        above = _unrepeated(lines, place) if place > places[0] else list(lines.rows[place][1])
        for k, name in enumerate(names[: len(above)]):
            if words.is_whole(name):
                above[k] = ""
        names = _below(above, names, path)
    return names


def _below(upper: Sequence[str], lower: Sequence[str], path: Path) -> list[str]:
    """Names of a line put below those of the line above it."""
    width = max(len(upper), len(lower))
    upper, lower = ([*cells, *[""] * (width - len(cells))] for cells in (list(upper), list(lower)))
    names: list[str] = []
    within: set[str] = set()
    without: set[str] = set()
    over = ""
    for above, below in zip(upper, lower, strict=True):
        if above or not below:
            over = above if below else ""
        (within if over else without).add(below)
        names.append(" ".join(filter(None, (above or over, "" if below == above else below))))
    if unclear := sorted(within & without - {""}):
        raise InputError(
            f"a column {unclear[0]!r} stands below no name of the line above, others do",
            path=path,
            remedy="Write the name of the upper line over the first of its columns, or over each",
        )
    return names
