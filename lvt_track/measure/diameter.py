"""The longest diameter of a lesion in any direction."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.measure.outline import OUTSET_PIXELS

__all__ = ["longest_diameter_3d_mm"]

_ROWS = 512


def longest_diameter_3d_mm(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> float:
    """Longest distance between two points of the lesion's surface, in any direction.

    It may leave the lesion where that is concave. The surface runs beyond the outermost voxel
    centres by the same part of a voxel, along each axis, as the outline in the plane. Exact: the
    two points come from corners of the convex hull, and all pairs of corners are compared.

    Args:
        mask: boolean (z, y, x), not empty.
        spacing_mm: along z, y, x.
    """
    corners = _hull_corners(_row_ends(mask) * np.array(spacing_mm))
    outset_mm = 2 * OUTSET_PIXELS * np.array(spacing_mm)
    longest = 0.0
    for k in range(0, len(corners), _ROWS):
        block = corners[k : k + _ROWS]
        distance = cdist(block, corners)
        # The outset adds no more than its own size: other pairs are out of the running.
        row, column = np.nonzero(distance >= max(longest, distance.max()) - outset_mm.max())
        squares = distance[row, column] ** 2
        apart = np.abs(block[row] - corners[column])
        moved = squares[:, None] + 2 * apart * outset_mm + outset_mm**2
        longest = max(longest, float(np.sqrt(moved.max(initial=0.0))))
    return longest


def _row_ends(mask: BoolArray) -> FloatArray:
    """First and last voxel of each row along x, as (n, 3) indices: the hull's corners are among."""
    z, y = np.nonzero(mask.any(axis=2))
    rows = mask[z, y]
    ends = [rows.argmax(axis=1), rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)]
    indices: FloatArray = np.concatenate([np.stack([z, y, x], axis=1) for x in ends]).astype(float)
    return indices


def _hull_corners(points: FloatArray) -> FloatArray:
    """The corners of the convex hull; all points where they lie in one plane."""
    if len(points) > 4:
        try:
            return points[ConvexHull(points).vertices]
        except QhullError:
            pass
    return points
