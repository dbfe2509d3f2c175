"""Connected components: one rule of neighbourhood for lesions everywhere.

Voxels that share a face, an edge or a corner (26 neighbours) belong to one lesion; organs hang
together by faces (6). The one place that calls cc3d.
"""

from __future__ import annotations

import cc3d
import numpy as np

from lvt_track.core.geometry import bounding_box
from lvt_track.core.volume import BoolArray, LabelArray

__all__ = [
    "FACES",
    "count_components",
    "label_by_size",
    "label_components",
    "label_contacts",
    "largest_component",
]

FACES = 6
"""Neighbours of a voxel that share a face with it."""

_NEIGHBOURS = 26


def label_components(
    mask: BoolArray | LabelArray, neighbours: int = _NEIGHBOURS
) -> tuple[LabelArray, int]:
    """Number the connected components of a mask (z, y, x) from 1, in scan order.

    Args:
        mask: (z, y, x), or (y, x) where the neighbours are 4 or 8; of a label map voxels of
            different labels are never of one component.
        neighbours: 26, or `FACES`.

    Returns:
        The label map (z, y, x; 0 outside) and how many there are.
    """
    labels, count = cc3d.connected_components(
        np.ascontiguousarray(mask), connectivity=neighbours, return_N=True
    )
    return labels, int(count)


def largest_component(mask: BoolArray) -> tuple[BoolArray, int]:
    """The largest component by faces of a mask (z, y, x), and how many others there were."""
    labels, count = label_components(mask, FACES)
    if count == 0:
        return np.zeros_like(mask), 0
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == int(sizes.argmax()), count - 1


def count_components(mask: BoolArray) -> int:
    """How many 26-connected components a mask (z, y, x) has."""
    return label_components(mask)[1]


def label_by_size(mask: BoolArray, apart: LabelArray | None = None) -> LabelArray:
    """Number the 26-connected components of a mask from 1 by decreasing size.

    Of equal ones the first in scan order comes first.

    Args:
        mask: (z, y, x).
        apart: labels (z, y, x) of at least 0; voxels of different ones are of different components.

    Returns:
        The label map (z, y, x), int32; 0 outside.
    """
    numbered: LabelArray = np.zeros(mask.shape, dtype=np.int32)
    box = bounding_box(mask)
    if box is None:
        return numbered
    inside = mask[box] if apart is None else np.where(mask[box], apart[box] + 1, 0)
    labels, count = label_components(inside)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rank = np.zeros(count + 1, dtype=np.int32)
    rank[np.argsort(-sizes, kind="stable") + 1] = np.arange(1, count + 1)
    numbered[box] = rank[labels]
    return numbered


def label_contacts(
    labels: LabelArray,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    neighbours: int = _NEIGHBOURS,
) -> dict[tuple[int, int], float]:
    """Which labels of a map touch, and where.

    Args:
        labels: (z, y, x); 0 is outside, and touches nothing.
        spacing_mm: of the grid, z, y, x.
        neighbours: 26, or `FACES`.

    Returns:
        By pair, the lower label first, the area of the faces that they share in mm²; 0 where they
        share an edge or a corner alone.
    """
    pairs = cc3d.contacts(labels, connectivity=neighbours, anisotropy=spacing_mm)
    return {(min(pair), max(pair)): float(area) for pair, area in sorted(pairs.items())}
