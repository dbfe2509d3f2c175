"""Tumours that a reader told apart by giving each a label of its own.

Pieces of different labels that touch are lesions of their own, but for a piece that lies in
another: a dead core, a rim or a sliver that painting left, most of whose surface is shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lvt_track.core.components import FACES, label_components, label_contacts
from lvt_track.core.geometry import bounding_box
from lvt_track.core.volume import LabelArray

__all__ = ["TumorLabels", "tumor_labels"]

WITHIN_SHARE = 0.35
"""Share of its surface from which on a piece lies in its neighbour, by the faces of voxels.

Half a ball shares a quarter of its surface with the other half, a cap as high as half the radius a
third, a sliver nearly half, and what is enclosed all of it."""


@dataclass(frozen=True, eq=False)
class TumorLabels:
    """What the labels of a tumour mask say beyond where tumours are.

    Attributes:
        values: the labels, 0 left out, in rising order.
        apart: label map (z, y, x) whose labels keep lesions apart that touch; None where no two
            lesions do, so that the mask alone tells them.
        remarks: what a reader must know of labels that touch.
    """

    values: tuple[int, ...] = ()
    apart: LabelArray | None = None
    remarks: tuple[str, ...] = ()


def tumor_labels(labels: LabelArray, spacing_mm: tuple[float, float, float]) -> TumorLabels:
    """What the labels of a tumour mask say of lesions that touch.

    Args:
        labels: (z, y, x); 0 outside.
        spacing_mm: of the grid, z, y, x.
    """
    box = bounding_box(labels != 0)
    if box is None:
        return TumorLabels()
    inside = labels[box].copy()
    values = tuple(int(value) for value in np.unique(inside) if value)
    if len(values) == 1 or values[0] < 0:
        return TumorLabels(values)
    lumped = label_components(inside != 0)[1]
    if label_components(inside)[1] == lumped:
        return TumorLabels(values)
    joined: set[tuple[int, int]] = set()
    while one := _most_enclosed(inside, spacing_mm):
        piece, label, neighbour = one
        joined.add((label, neighbour))
        inside[piece] = neighbour
    remarks = [
        f"label {a} of the tumour mask lies in label {b}: one lesion with it"
        for a, b in sorted(joined)
    ]
    if label_components(inside)[1] == lumped:
        return TumorLabels(values, remarks=tuple(remarks))
    apart = np.zeros_like(labels)
    apart[box] = inside
    touching = sorted({label for pair in label_contacts(inside) for label in pair})
    remarks.append(
        f"labels {_listed(touching)} of the tumour mask touch: lesions of their own, "
        "as they are labelled"
    )
    return TumorLabels(values, apart, tuple(remarks))


def _most_enclosed(
    labels: LabelArray, spacing_mm: tuple[float, float, float]
) -> tuple[LabelArray, int, int] | None:
    """The piece that shares most of its surface with others, if that is enough.

    Returns:
        Where it is (bool, z, y, x), its label, and the label of the neighbour it shares most with.
    """
    pieces, _ = label_components(labels)
    shared_mm2, surface_mm2 = _contacts(pieces, spacing_mm)
    share = {k: sum(by.values()) / surface_mm2[k] for k, by in shared_mm2.items()}
    k = max(share, key=lambda piece: (share[piece], -piece), default=0)
    if not k or share[k] < WITHIN_SHARE:
        return None
    neighbour = max(shared_mm2[k], key=lambda piece: (shared_mm2[k][piece], -piece))
    where = pieces == k
    return where, int(labels[where][0]), int(labels[pieces == neighbour][0])


def _contacts(
    pieces: LabelArray, spacing_mm: tuple[float, float, float]
) -> tuple[dict[int, dict[int, float]], dict[int, float]]:
    """Areas in mm² that pieces share by faces, by piece and neighbour; and whole surfaces."""
    shared: dict[int, dict[int, float]] = defaultdict(dict)
    surface: dict[int, float] = defaultdict(float)
    # What lies around is label 1, so that its faces count.
    for (a, b), area in label_contacts(np.pad(pieces, 1) + 1, spacing_mm, FACES).items():
        for piece, neighbour in ((a - 1, b - 1), (b - 1, a - 1)):
            surface[piece] += area
            if piece and neighbour:
                shared[piece][neighbour] = area
    return shared, surface


def _listed(values: Sequence[int]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last
