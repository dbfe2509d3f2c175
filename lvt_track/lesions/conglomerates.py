"""Lesions that labels keep apart where they touch, and that another visit draws as one.

A sum would compare lesions with their conglomerate: two of 30 mm, side by side, count 60 mm where a
reader labelled each and 33 mm where not, a progression or a response of the pencil alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lvt_track.core.components import count_components
from lvt_track.core.lesion.lesion import Edge, Event
from lvt_track.core.volume import LabelArray

__all__ = ["Conglomerate", "conglomerates", "touching_labels"]


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


def touching_labels(labels: LabelArray) -> frozenset[tuple[int, int]]:
    """Pairs of labels (lower, higher) of which voxels share a face, an edge or a corner.

    Args:
        labels: of the lesions of a visit (z, y, x), each of one piece; 0 outside.
    """
    lumps = count_components(labels > 0)
    boxes = ndimage.find_objects(labels)
    present = [label for label, box in enumerate(boxes, start=1) if box is not None]
    if len(present) == lumps:  # each in a lump of its own
        return frozenset()
    touching: set[tuple[int, int]] = set()
    for label in present:
        wide = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in boxes[label - 1])
        around = ndimage.binary_dilation(labels[wide] == label, np.ones((3, 3, 3), bool))
        others = np.unique(labels[wide][around])
        touching |= {(label, int(other)) for other in others if other > label}
    return frozenset(touching)


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
