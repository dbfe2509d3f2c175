"""The vena cava: cut off from the vessels where they hold it, guessed from the liver elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.components import label_components
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.planning.lattice import distance_to_mm
from lvt_track.planning.vessels.groove import groove_axis, groove_score

__all__ = ["Cava", "LiverFrame", "assumed_cava", "find_cava"]

# The vena cava is 8 mm and more in radius over its course behind the liver; portal trunks are
# 5 to 7 mm, up to 8 in portal hypertension, and run aslant.
_CORE_MM = 8.0
_TALL_MM = 22.0
_TOP_MM = 6.0
_POINTS = 40
# Where no vessel shows it: shares from right to left and front to back, and between which heights
# the liver holds it. On three real livers and four phantoms it is 2 to 12 mm from the true axis.
_USUAL = (0.57, 0.60)
_USUAL_SPREAD = (0.10, 0.14)
_HEIGHTS = (0.55, 0.88)
_SLANT = (-0.04, 0.16)
"""How far it lies to the right and back for each mm further down: 0.1 to 0.3 on real livers."""
_HELD = (0.6, 0.9)
"""Between which heights the liver holds the cava from both sides; further down the caudate lobe
ends, and its groove opens to the left."""
_SHELL_MM = 1.5
_LINING_MM = 7.0


@dataclass(frozen=True)
class LiverFrame:
    """Places in shares of a liver's extent, so that livers of all sizes compare.

    Attributes:
        low_mm, high_mm: LPS x, y, z between which all but 1 % of the liver lies on each side.
    """

    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]

    @classmethod
    def of(cls, liver: BoolArray, geometry: Geometry) -> LiverFrame:
        """The frame of a mask (z, y, x) that is not empty."""
        first, last = np.zeros(3), np.zeros(3)
        for axis in range(3):
            others = tuple(k for k in range(3) if k != axis)
            share = np.cumsum(liver.sum(axis=others)) / np.count_nonzero(liver)
            first[axis], last[axis] = np.searchsorted(share, [0.01, 0.99])
        ends = geometry.to_world([first, last])
        (x0, y0, z0), (x1, y1, z1) = ends.min(axis=0), ends.max(axis=0)
        return cls((float(x0), float(y0), float(z0)), (float(x1), float(y1), float(z1)))

    def share(self, points_mm: FloatArray) -> FloatArray:
        """0 to 1 from right to left, front to back, bottom to top of points (..., 3)."""
        low = np.array(self.low_mm)
        size = np.maximum(np.array(self.high_mm) - low, 1e-3)
        shares: FloatArray = (points_mm - low) / size
        return shares

    def place(self, shares: tuple[float, float, float]) -> FloatArray:
        """LPS position of shares."""
        low, high = np.array(self.low_mm), np.array(self.high_mm)
        position: FloatArray = low + np.array(shares) * (high - low)
        return position


@dataclass(frozen=True, eq=False)
class Cava:
    """The vena cava behind the liver.

    Attributes:
        mask: on the lattice; None where the vessels do not show it.
        axis_mm: points (n, 3) of its axis from bottom to top.
        radius_mm: its radius.
        wall_mm: where it is seen, distance of every cube to it (z, y, x).
        geometry: of the lattice, where it is seen.
    """

    mask: BoolArray | None
    axis_mm: FloatArray
    radius_mm: float
    wall_mm: NDArray[np.float32] | None = None
    geometry: Geometry | None = None

    @property
    def is_seen(self) -> bool:
        """Whether the mask of vessels shows it."""
        return self.mask is not None

    def axis_at(self, z_mm: FloatArray) -> FloatArray:
        """x, y (..., 2) of the axis at heights z."""
        heights = self.axis_mm[:, 2]
        place: FloatArray = np.stack(
            [np.interp(z_mm, heights, self.axis_mm[:, axis]) for axis in (0, 1)], axis=-1
        )
        return place

    def moved_to(self, place_mm: FloatArray) -> Cava:
        """An assumed cava whose axis goes down and back from a place (3,)."""
        below = place_mm[2] - self.axis_mm[:, 2]
        axis = np.column_stack(
            [*(place_mm[:2, None] + np.outer(_SLANT, below)), self.axis_mm[:, 2]]
        )
        return Cava(None, axis, self.radius_mm)

    def in_groove(self, liver: BoolArray, geometry: Geometry, frame: LiverFrame) -> Cava:
        """An assumed cava in the groove that the liver (z, y, x) leaves for it; below the groove it
        goes on with the slant that most have."""
        low, high = (float(frame.place((0.5, 0.5, share))[2]) for share in _HELD)
        groove = groove_axis(liver, geometry, self.axis_mm, (low, high))
        below = self.axis_mm[self.axis_mm[:, 2] < low, 2]
        down = np.column_stack([groove[0, :2] + np.outer(low - below, _SLANT), below])
        return Cava(None, np.concatenate([down, groove]), self.radius_mm)

    def distance_mm(self, points_mm: FloatArray) -> FloatArray:
        """Distance of points (n, 3) to its wall; where only the axis is known, negative inside."""
        if self.wall_mm is not None and self.geometry is not None:
            index = np.rint(self.geometry.to_index(points_mm)).astype(np.intp)
            index = np.clip(index, 0, np.array(self.geometry.shape) - 1)
            near: FloatArray = self.wall_mm[tuple(index.T)].astype(np.float64)
            return near
        gap = np.linalg.norm(points_mm[:, None] - self.axis_mm[None], axis=-1).min(axis=1)
        wall: FloatArray = gap - self.radius_mm
        return wall


def find_cava(vessels: BoolArray, geometry: Geometry) -> Cava | None:
    """The vena cava within a mask of vessels (z, y, x) on an isotropic grid, if it is there."""
    depth = ndimage.distance_transform_edt(vessels, sampling=geometry.spacing_mm)
    core, count = ndimage.label(depth > _CORE_MM)
    best, tallest = 0, _TALL_MM
    for number, box in enumerate(ndimage.find_objects(core), start=1):
        tall, *wide = (
            (side.stop - side.start) * step
            for side, step in zip(box, geometry.spacing_mm, strict=True)
        )
        if tall >= tallest and tall > 0.9 * max(wide):
            best, tallest = number, tall
    if count == 0 or best == 0:
        return None
    heart = _with_top(core == best, depth)
    grown = distance_to_mm(heart, geometry.spacing_mm)
    mask = vessels & (grown <= _CORE_MM + _SHELL_MM)
    wall = distance_to_mm(mask, geometry.spacing_mm)
    # What only lines its wall is the cava's own.
    pieces, many = label_components(vessels & ~mask)
    if many:
        reach = ndimage.maximum(wall, pieces, np.arange(1, many + 1))
        lining = np.concatenate([[False], np.asarray(reach) < _LINING_MM])
        mask |= lining[pieces]
    inside = geometry.to_world(np.argwhere(heart))
    heights = np.linspace(inside[:, 2].min(), inside[:, 2].max(), _POINTS)
    step = max(float(heights[1] - heights[0]), geometry.spacing_mm[0])
    axis = np.array(
        [inside[np.abs(inside[:, 2] - height) <= step].mean(axis=0) for height in heights]
    )
    axis = ndimage.gaussian_filter1d(axis, 2.0, axis=0, mode="nearest")
    radius = float(
        np.median([depth[heart][inside[:, 2] == z].max() for z in np.unique(inside[:, 2])])
    )
    return Cava(mask, axis, radius, wall, geometry)


def _with_top(heart: BoolArray, depth: NDArray[np.float64]) -> BoolArray:
    """The core with what goes on above its middle, where hepatic veins join and narrow it."""
    rows = np.flatnonzero(heart.any(axis=(1, 2)))
    wide = depth > _TOP_MM
    wide[: (rows[0] + rows[-1]) // 2] = False
    pieces, _ = ndimage.label(wide | heart)
    top: BoolArray = pieces == pieces[heart][0]
    return top


def assumed_cava(liver: BoolArray, geometry: Geometry) -> Cava:
    """Where the vena cava must run: a place that the liver holds from most sides, near to where
    it lies in most livers.

    Args:
        liver: mask (z, y, x) on an axial isotropic grid; not empty.
        geometry: of the grid.
    """
    frame = LiverFrame.of(liver, geometry)
    step = geometry.spacing_mm[0]
    low, high = (frame.place((0.5, 0.5, share))[2] for share in _HEIGHTS)
    first, last = np.rint(geometry.to_index([[0, 0, low], [0, 0, high]])[:, 0]).astype(int)
    slab = liver[max(first, 0) : last + 1].mean(axis=0).astype(np.float32)
    rows, columns = np.indices(slab.shape)
    points = np.stack([columns, rows, np.zeros_like(rows)], axis=-1) * step
    share = frame.share(points + np.array(geometry.origin_mm))[..., :2]
    usual = np.exp(
        -0.5 * (((share - np.array(_USUAL)) / np.array(_USUAL_SPREAD)) ** 2).sum(axis=-1)
    )
    score = groove_score(slab, step) * usual
    row, column = np.unravel_index(score.argmax(), score.shape)
    x, y, _ = geometry.to_world([0, row, column])
    heights = np.linspace(frame.place((0.5, 0.5, 0.3))[2], frame.place((0.5, 0.5, 0.9))[2], _POINTS)
    axis = np.column_stack([np.full(_POINTS, x), np.full(_POINTS, y), heights])
    return Cava(None, axis, 10.0)
