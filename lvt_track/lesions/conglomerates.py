"""Lesions that labels keep apart where they touch, and that another visit draws as one.

A sum would compare lesions with their conglomerate: two of 30 mm, side by side, count 60 mm where a
reader labelled each and 33 mm where not, a progression or a response of the pencil alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from lvt_track.core.lesion.lesion import Edge, Event

__all__ = ["Conglomerate", "conglomerates"]


@dataclass(frozen=True)
class Conglomerate:
    """Lesions of one visit that hang together and are one lesion at another.

    Attributes:
        visit: at which they are several.
        labels: of the lesions there, in rising order.
        drawn_at: the visit that has them as one.
    """

    visit: int
    labels: tuple[int, ...]
    drawn_at: int


def conglomerates(
    edges: Iterable[Edge], touching: Sequence[Collection[tuple[int, int]]]
) -> tuple[Conglomerate, ...]:
    """The lesions that touch and of which another visit has one.

    Args:
        edges: of a course.
        touching: of each visit the pairs of labels that touch.
    """
    parts: dict[tuple[tuple[int, int], int], set[int]] = defaultdict(set)
    for edge in edges:
        if edge.event is not Event.SAME:
            is_split = edge.event is Event.SPLIT
            whole, part = (edge.earlier, edge.later) if is_split else (edge.later, edge.earlier)
            parts[whole, part[0]].add(part[1])
    return tuple(
        Conglomerate(visit, group, whole[0])
        for (whole, visit), labels in sorted(parts.items())
        for group in _joined(labels, touching[visit])
    )


def _joined(
    labels: Collection[int], touching: Collection[tuple[int, int]]
) -> list[tuple[int, ...]]:
    """Groups of two labels and more that hang together by pairs that touch."""
    groups = [{label} for label in sorted(labels)]
    for pair in touching:
        if set(pair) <= set(labels):
            first, second = (next(one for one in groups if label in one) for label in pair)
            if first is not second:
                first |= second
                groups.remove(second)
    return [tuple(sorted(group)) for group in groups if len(group) > 1]
