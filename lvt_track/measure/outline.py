"""The outline of a lesion in one slice: where its boundary runs between the pixel centres.

A mask only says which pixel centres lie inside. The outline is put 0.28 of a pixel outside of
the outermost centres: chosen by measuring, since half a pixel (the pixels' own edges) makes
ellipses of 5 to 60 mm half a pixel too long, the centres themselves make them too short (see
docs/use/numbers.md). A caliper ends on this outline; between its ends it may run up to half a pixel
outside of it, so that the steps of a digital border do not stop it, but a gap of one pixel does.
"""

from __future__ import annotations

from dataclasses import dataclass

import contourpy
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray

__all__ = ["OUTSET_PIXELS", "SliceOutline", "extreme_points", "trace"]

OUTSET_PIXELS = 0.28
"""How far beyond the outermost pixel centres the outline runs."""

_BARRIER_OUTSET_PIXELS = 0.75
_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=np.bool_)


def trace(mask: BoolArray, outset_pixels: float, pixel_mm: tuple[float, float]) -> FloatArray:
    """Edges (m, 2, 2) of the polygons around a mask (y, x), as x, y in mm from pixel (0, 0).

    Args:
        mask: (y, x), not empty.
        outset_pixels: distance from the outermost pixel centres along rows and columns, 0 to 1.
        pixel_mm: size of a pixel along y, x.
    """
    padded = np.pad(mask, 1).astype(np.float64)
    polygons = contourpy.contour_generator(z=padded).lines(1.0 - outset_pixels)
    edges = np.concatenate(
        [np.stack([points[:-1], points[1:]], axis=1) for points in map(np.asarray, polygons)]
    )
    edges_mm: FloatArray = (edges - 1.0) * np.array(pixel_mm[::-1])
    return edges_mm


def extreme_points(mask: BoolArray, pixel_mm: tuple[float, float]) -> FloatArray:
    """Points (n, 2) as x, y in mm, among which are all corners of the outline's convex hull.

    They are the ends of the rows and of the columns of the mask (y, x), which must not be empty.
    """
    points = []
    for axis, lines in ((1, mask), (0, mask.T)):
        used = np.flatnonzero(lines.any(axis=1))
        first = lines[used].argmax(axis=1) - OUTSET_PIXELS
        last = lines.shape[1] - 1 - lines[used][:, ::-1].argmax(axis=1) + OUTSET_PIXELS
        ends = np.concatenate([first, last])
        both = np.tile(used, 2).astype(np.float64)
        points.append(np.stack([ends, both] if axis == 1 else [both, ends], axis=1))
    points_mm: FloatArray = np.concatenate(points) * np.array(pixel_mm[::-1])
    return points_mm


@dataclass(frozen=True, eq=False)
class SliceOutline:
    """One slice of a lesion, its holes filled, ready for calipers.

    Attributes:
        mask: (y, x), not empty, without holes.
        pixel_mm: size of a pixel along y, x.
    """

    mask: BoolArray
    pixel_mm: tuple[float, float]

    @classmethod
    def of(cls, mask: BoolArray, pixel_mm: tuple[float, float]) -> SliceOutline:
        """The outline of a slice (y, x), which must not be empty; necrotic holes are filled."""
        return cls(ndimage.binary_fill_holes(mask).astype(np.bool_), pixel_mm)

    @property
    def edges_mm(self) -> FloatArray:
        """Edges (m, 2, 2) of the outline as x, y in mm from pixel (0, 0)."""
        return trace(self.mask, OUTSET_PIXELS, self.pixel_mm)

    @property
    def barrier_mm(self) -> FloatArray:
        """Edges (m, 2, 2) that no caliper may cross."""
        return trace(self.mask, _BARRIER_OUTSET_PIXELS, self.pixel_mm)

    def may_hold(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Whether points (n, 2) can lie inside the barrier; False only where they cannot."""
        near = ndimage.binary_dilation(np.pad(self.mask, 1), _EIGHT_NEIGHBOURS)
        column, row = np.rint(points_mm / np.array(self.pixel_mm[::-1])).astype(np.intp).T + 1
        is_near: NDArray[np.bool_] = near[
            np.clip(row, 0, near.shape[0] - 1), np.clip(column, 0, near.shape[1] - 1)
        ]
        return is_near

    def island_at(self, point_mm: FloatArray) -> SliceOutline:
        """The piece of the slice (8-neighbour) to which a point (2,) on the outline belongs."""
        islands, count = ndimage.label(self.mask, _EIGHT_NEIGHBOURS)
        if count == 1:
            return self
        column, row = np.rint(point_mm / np.array(self.pixel_mm[::-1])).astype(np.intp)
        return SliceOutline(np.asarray(islands == islands[row, column]), self.pixel_mm)
