"""Plane geometry of calipers: hulls, farthest pairs, lines that stay inside, perpendiculars.

Everything here works on points (n, 2) in mm and knows nothing of images.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from lvt_track.core.geometry import FloatArray

__all__ = [
    "convex_hull",
    "crosses",
    "farthest_pair",
    "longest_clear_pair",
    "longest_perpendicular",
    "widest_at_most",
]

BoolVector = NDArray[np.bool_]
IndexVector = NDArray[np.intp]

# Segments are tested against edges in blocks of about this many pairs, to bound memory.
_BLOCK = 1 << 20

_ANGLES = np.arange(16) * np.pi / 16
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])


def convex_hull(points_mm: FloatArray) -> IndexVector:
    """Indices of the hull's corners, counter-clockwise; the two ends where all points are in line.

    Args:
        points_mm: (n, 2), at least one point.
    """
    if len(points_mm) > 2:
        try:
            return ConvexHull(points_mm).vertices.astype(np.intp)
        except QhullError:
            pass  # in one line: its ends are the hull
    order = np.lexsort(points_mm.T)
    return np.unique(order[[0, -1]])


def farthest_pair(points_mm: FloatArray) -> tuple[int, int, float]:
    """The two points farthest apart, and their distance: convex hull and rotating calipers.

    For every edge of the hull the corner opposite to it is found by the edge's angle, all edges
    at once (Shamos 1978, Computational Geometry, 4.1); the diameter is among the pairs of those
    corners with the ends of their edges. Exact.

    Args:
        points_mm: (n, 2), at least one point.
    """
    hull = convex_hull(points_mm)
    corners = points_mm[hull]
    count = len(hull)
    edge = np.roll(corners, -1, axis=0) - corners
    angle = np.unwrap(np.arctan2(edge[:, 1], edge[:, 0]))
    turned = np.concatenate([angle, angle + 2 * np.pi])
    opposite = np.searchsorted(turned, angle + np.pi)
    # One corner to either side covers parallel edges and rounding of the angles.
    first = np.repeat(np.arange(count), 6)
    first = (first + np.tile([0, 0, 0, 1, 1, 1], count)) % count
    second = (np.repeat(opposite, 6) + np.tile([-1, 0, 1], 2 * count)) % count
    distance = np.linalg.norm(corners[first] - corners[second], axis=1)
    best = int(distance.argmax())
    return int(hull[first[best]]), int(hull[second[best]]), float(distance[best])


def widest_at_most(points_mm: FloatArray) -> float:
    """A distance that no two points exceed, and that they miss by half a percent at most.

    Some direction out of 16 lies within π/32 of the line between the farthest two, so that the
    extent along it is their distance times the cosine of π/32 at least.

    Args:
        points_mm: (n, 2), at least one point.
    """
    extent = np.ptp(points_mm @ _DIRECTIONS, axis=0)
    return float(extent.max() / np.cos(np.pi / 2 / _DIRECTIONS.shape[1]))


def _side(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Twice the signed area of the triangles a, b, c."""
    result: FloatArray = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (
        b[..., 1] - a[..., 1]
    ) * (c[..., 0] - a[..., 0])
    return result


def crosses(starts_mm: FloatArray, ends_mm: FloatArray, edges_mm: FloatArray) -> BoolVector:
    """Whether each segment crosses any of the edges of closed polygons; touching is allowed.

    A segment through a corner of a polygon is judged as if moved a hair to either side: it
    crosses when it does so on both.

    Args:
        starts_mm, ends_mm: (n, 2), not on an edge.
        edges_mm: (m, 2, 2), first and last point of each edge.
    """
    result = np.zeros(len(starts_mm), dtype=np.bool_)
    step = max(1, _BLOCK // max(1, len(edges_mm)))
    a, b = edges_mm[None, :, 0], edges_mm[None, :, 1]
    for k in range(0, len(starts_mm), step):
        p, q = starts_mm[k : k + step, None], ends_mm[k : k + step, None]
        reaches = _side(a, b, p) * _side(a, b, q) < 0
        side_a, side_b = _side(p, q, a), _side(p, q, b)
        moved_left = (reaches & ((side_a > 0) != (side_b > 0))).any(axis=1)
        moved_right = (reaches & ((side_a >= 0) != (side_b >= 0))).any(axis=1)
        result[k : k + step] = moved_left & moved_right
    return result


def longest_clear_pair(
    points_mm: FloatArray,
    barrier_mm: FloatArray,
    may_be_clear: Callable[[FloatArray], BoolVector],
    longer_than_mm: float = 0.0,
) -> tuple[int, int, float] | None:
    """The farthest two points whose connecting line crosses no edge of the barrier.

    Args:
        points_mm: (n, 2).
        barrier_mm: (m, 2, 2) edges that the line may not cross.
        may_be_clear: whether positions (k, 2) can lie on a clear line: cheap, and False only
            where that is certain.
        longer_than_mm: shorter lines are not looked for.

    Returns:
        The indices of the two points and their distance; None if no such line is longer.
    """
    first, second, length = farthest_pair(points_mm)
    if length <= longer_than_mm:
        return None
    if not crosses(points_mm[[first]], points_mm[[second]], barrier_mm)[0]:
        return first, second, length
    distance = pdist(points_mm)
    row, column = np.triu_indices(len(points_mm), 1)
    keep = distance > longer_than_mm
    distance, row, column = distance[keep], row[keep], column[keep]
    for part in (0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875):
        keep = may_be_clear(points_mm[row] * (1 - part) + points_mm[column] * part)
        distance, row, column = distance[keep], row[keep], column[keep]
    order = np.argsort(-distance, kind="stable")
    size = 16
    while order.size:
        head, order = order[:size], order[size:]
        clear = ~crosses(points_mm[row[head]], points_mm[column[head]], barrier_mm)
        if clear.any():
            best = head[clear.argmax()]
            return int(row[best]), int(column[best]), float(distance[best])
        size *= 2
    return None


def longest_perpendicular(
    start_mm: FloatArray,
    end_mm: FloatArray,
    outline_mm: FloatArray,
    barrier_mm: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The longest line at a right angle to an axis that ends on the outline or on its hull.

    Along a digital border the hull bridges the steps between pixels, as a reader's eye does; it
    counts only where it stays inside the barrier. Between their corners both are straight, so
    that the length of the perpendicular changes linearly along the axis: the longest one passes
    through a corner, and all are tried, on both sides of it.

    Args:
        start_mm, end_mm: (2,) ends of the axis, apart.
        outline_mm: (m, 2, 2) edges of closed polygons.
        barrier_mm: (k, 2, 2) edges of closed polygons around the outline.

    Returns:
        The two ends, (2,) each.
    """
    along = (end_mm - start_mm) / np.linalg.norm(end_mm - start_mm)
    across = np.array([-along[1], along[0]])
    frame = np.stack([along, across], axis=1)
    hull = outline_mm[:, 0][convex_hull(outline_mm[:, 0])]
    around = np.stack([hull, np.roll(hull, -1, axis=0)], axis=1)
    borders = (np.concatenate([outline_mm, around]) - start_mm) @ frame
    barrier = (barrier_mm - start_mm) @ frame
    corners = np.unique(borders[:, 0, 0])
    nudge = 1e-7 * max(1.0, float(np.ptp(corners)))
    places = np.concatenate([corners - nudge, corners + nudge])

    row_b, across_b = _crossings(places, barrier)
    row_o, across_o = _crossings(places, borders)
    row = np.concatenate([row_b, row_o])
    position = np.concatenate([across_b, across_o])
    is_end = np.arange(len(row)) >= len(row_b)
    order = np.lexsort([position, row])
    row, position, is_end = row[order], position[order], is_end[order]
    # Barrier crossings come in pairs per place: their running count numbers the stretches between
    # them, and is odd inside.
    stretch = np.cumsum(~is_end)
    is_end &= stretch % 2 == 1
    row, position, stretch = row[is_end], position[is_end], stretch[is_end]
    opens = np.flatnonzero(np.r_[True, np.diff(stretch) != 0])
    closes = np.r_[opens[1:], len(stretch)] - 1
    best = int((position[closes] - position[opens]).argmax())
    place = places[row[opens[best]]]
    ends = [start_mm + frame @ [place, position[k]] for k in (opens[best], closes[best])]
    return ends[0], ends[1]


def _crossings(places: FloatArray, edges: FloatArray) -> tuple[IndexVector, FloatArray]:
    """Where lines of constant first coordinate cross edges: the line, and the second coordinate."""
    before = edges[None, :, 0, 0] <= places[:, None]
    after = edges[None, :, 1, 0] <= places[:, None]
    line, edge = np.nonzero(before != after)
    (u0, v0), (u1, v1) = edges[edge, 0].T, edges[edge, 1].T
    return line, v0 + (places[line] - u0) / (u1 - u0) * (v1 - v0)
