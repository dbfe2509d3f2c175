"""The longest diameter of a lesion in any direction."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.measure.outline import OUTSET_PIXELS

__all__ = ["longest_diameter_3d_mm", "surface_points"]

_ROWS = 512


def surface_points(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Points (n, 3) as z, y, x in mm, among which are all corners of the lesion's convex hull.

    They are the ends of the mask's lines of voxels along each axis, the same part of a voxel
    beyond the outermost centres as in the plane.

    Args:
        mask: boolean (z, y, x), not empty.
        spacing_mm: along z, y, x.
    """
    points = []
    for axis in range(3):
        lines = np.moveaxis(mask, axis, -1)
        used = np.nonzero(lines.any(axis=-1))
        rows = lines[used]
        first = rows.argmax(axis=1) - OUTSET_PIXELS
        last = rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1) + OUTSET_PIXELS
        for end in (first, last):
            place = [used[0].astype(np.float64), used[1].astype(np.float64)]
            place.insert(axis, end)
            points.append(np.stack(place, axis=1))
    points_mm: FloatArray = np.concatenate(points) * np.array(spacing_mm)
    return points_mm


def longest_diameter_3d_mm(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> float:
    """Longest distance between two points of the lesion's surface, in any direction.

    It may leave the lesion where that is concave. Exact: the two points are corners of the convex
    hull, and all pairs of corners are compared.

    Args:
        mask: boolean (z, y, x), not empty.
        spacing_mm: along z, y, x.
    """
    points = surface_points(mask, spacing_mm)
    corners = points[ConvexHull(points).vertices]
    blocks = (cdist(corners[k : k + _ROWS], corners).max() for k in range(0, len(corners), _ROWS))
    return float(max(blocks))
