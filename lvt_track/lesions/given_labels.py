"""Tumours that a reader told apart by giving each a label of its own.

Pieces of different labels that touch are lesions of their own, but for a piece that lies in
another: a dead core, a rim or a sliver that painting left, most of whose surface is shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lvt_track.core.components import label_components
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
    remarks.append(
        f"labels {_listed(_touching(inside))} of the tumour mask touch: lesions of their own, "
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
    pieces, count = label_components(labels)
    shared_mm2, surface_mm2 = _contacts(pieces, count, spacing_mm)
    share = {k: sum(by.values()) / surface_mm2[k] for k, by in shared_mm2.items() if surface_mm2[k]}
    k = max(share, key=lambda piece: (share[piece], -piece), default=0)
    if not k or share[k] < WITHIN_SHARE:
        return None
    neighbour = max(shared_mm2[k], key=lambda piece: (shared_mm2[k][piece], -piece))
    where = pieces == k
    return where, int(labels[where][0]), int(labels[pieces == neighbour][0])


def _contacts(
    pieces: LabelArray, count: int, spacing_mm: tuple[float, float, float]
) -> tuple[dict[int, dict[int, float]], list[float]]:
    """Areas in mm² that pieces share by faces, by piece and neighbour; and whole surfaces."""
    shared: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    surface = [0.0] * (count + 1)
    padded = np.pad(pieces, 1)
    for axis in range(3):
        area = float(np.prod([spacing_mm[other] for other in range(3) if other != axis]))
        one, other = np.delete(padded, -1, axis), np.delete(padded, 0, axis)
        differ = one != other
        pairs, faces = np.unique(np.stack([one[differ], other[differ]]), axis=1, return_counts=True)
        for (a, b), number in zip(pairs.T.tolist(), faces.tolist(), strict=True):
            for piece, neighbour in ((a, b), (b, a)):
                if piece:
                    surface[piece] += number * area
                if piece and neighbour:
                    shared[piece][neighbour] += number * area
    return shared, surface


def _touching(labels: LabelArray) -> list[int]:
    """Labels of which a voxel shares a face, an edge or a corner with another's."""
    inside = labels != 0
    lumps, _ = label_components(inside)
    pairs = np.unique(np.stack([lumps[inside], labels[inside]]), axis=1)
    labels_in = np.bincount(pairs[0])
    return sorted({int(label) for lump, label in pairs.T if labels_in[lump] > 1})


def _listed(values: Sequence[int]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last
