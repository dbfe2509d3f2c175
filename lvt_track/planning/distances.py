"""How far a tumour is from what a surgeon minds, and between which two points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.records import Point
from lvt_track.core.volume import BoolArray

__all__ = ["Gap", "gap_between", "gap_to_surface", "rim_mm"]

_CANDIDATES = 8


@dataclass(frozen=True)
class Gap:
    """The shortest way between two shapes of voxels.

    Attributes:
        distance_mm: between their borders; 0 where they touch or overlap.
        start_mm, end_mm: centres of the two voxels it runs between, LPS.
    """

    distance_mm: float
    start_mm: Point
    end_mm: Point


def rim_mm(mask: BoolArray, geometry: Geometry) -> FloatArray:
    """Centres (n, 3), LPS, of the voxels of a mask (z, y, x) that have a face outside it."""
    inner = ndimage.binary_erosion(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    return geometry.to_world(np.argwhere(mask & ~inner))


def gap_between(
    mask: BoolArray, rim: FloatArray, other: BoolArray, geometry: Geometry
) -> Gap | None:
    """The shortest way from a shape to another, in mm on any grid.

    Voxels are boxes: neighbours that share a face, edge or corner are 0 mm apart. The pair is
    that whose boxes are nearest among those whose centres are.

    Args:
        mask: the shape (z, y, x).
        rim: centres of its border voxels (n, 3), from `rim_mm`.
        other: the other shape, on the same grid.
        geometry: of the grid.

    Returns:
        None when either is empty.
    """
    shared = mask & other
    if shared.any():
        place = geometry.to_world(np.argwhere(shared)[0])
        return Gap(0.0, _point(place), _point(place))
    goal = rim_mm(other, geometry)
    if len(rim) == 0 or len(goal) == 0:
        return None
    return _nearest(rim, goal, geometry)


def gap_to_surface(
    mask: BoolArray, rim: FloatArray, liver: BoolArray, geometry: Geometry
) -> Gap | None:
    """The shortest way from a tumour to the outside of the liver; 0 where it reaches it.

    The end of the scan is no surface.
    """
    outside = ~liver & ~mask
    # Only the shell around the liver can be nearest.
    shell = ndimage.binary_dilation(liver | mask, np.ones((3, 3, 3), dtype=bool)) & outside
    return gap_between(mask, rim, shell, geometry)


def _nearest(rim: FloatArray, goal: FloatArray, geometry: Geometry) -> Gap:
    tree = cKDTree(goal)
    k = min(_CANDIDATES, len(goal))
    found_mm, found = tree.query(rim, k=k)
    centre_mm = np.asarray(found_mm, dtype=np.float64).reshape(len(rim), k)
    index = np.asarray(found, dtype=np.intp).reshape(len(rim), k)
    diagonal = float(np.linalg.norm(geometry.spacing_mm))
    rows, columns = np.nonzero(centre_mm <= centre_mm.min() + diagonal)
    start, end = rim[rows], goal[index[rows, columns]]
    # Along the axes of the grid two boxes are apart by what their centres are, less one voxel.
    apart = np.abs((end - start) @ geometry.direction) - np.array(geometry.spacing_mm[::-1])
    box_mm = np.linalg.norm(np.maximum(apart, 0.0), axis=1)
    best = int(np.lexsort((centre_mm[rows, columns], box_mm))[0])
    return Gap(float(box_mm[best]), _point(start[best]), _point(end[best]))


def _point(place: FloatArray) -> Point:
    return float(place[0]), float(place[1]), float(place[2])
