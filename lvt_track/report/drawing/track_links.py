"""Which tumour a part of a chart stands for, so that a page can lead from it to the slices.

An artist says so in its group id, which SVG keeps and PDF knows nothing of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["TrackLink", "group_id", "parse_group_id"]

_MARK, _NAME = "mark", "name"


@dataclass(frozen=True)
class TrackLink:
    """A tumour to go to.

    Attributes:
        track: its number.
        date: of the visit to show; None for the last that shows it.
    """

    track: int
    date: dt.date | None = None


def group_id(links: Sequence[TrackLink], *, is_name: bool = False) -> str:
    """The group id of an artist: one link for all of it, or one for each of its markers.

    Args:
        links: where it leads.
        is_name: whether it is the tumour's name, which a keyboard goes to.
    """
    words = (f"{link.track}/{link.date or ''}" for link in links)
    return " ".join((_NAME if is_name else _MARK, *words))


def parse_group_id(text: str) -> tuple[tuple[TrackLink, ...], bool]:
    """The links of a group id and whether it is a name; no links where it is another id."""
    kind, *words = text.split(" ")
    if kind not in (_MARK, _NAME) or not words:
        return (), False
    parts = (word.split("/") for word in words)
    links = (TrackLink(int(n), dt.date.fromisoformat(d) if d else None) for n, d in parts)
    return tuple(links), kind == _NAME
