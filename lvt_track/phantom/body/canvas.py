"""A label map being drawn, in the coordinates of a template body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvt_track.core.geometry import Box, Geometry
from lvt_track.phantom.body.fields import SmoothField
from lvt_track.phantom.body.shapes import Coordinates, Float32
from lvt_track.phantom.body.tissues import Tissue

__all__ = ["Canvas", "Warp"]

# The template is asked beyond a shape's own box because the body is warped.
_WARP_MARGIN_MM = 22.0

# Fields are drawn over this box (z, y, x) whatever the grid, so that they do not depend on it.
LOW_MM, HIGH_MM = (-560.0, -300.0, -360.0), (340.0, 300.0, 360.0)


@dataclass(frozen=True, eq=False)
class Warp:
    """How one body differs from the template: its size, and a smooth displacement.

    Attributes:
        scale: size along x, y, z.
        shifts: for x, y, z, fields in mm of the template that are summed.
    """

    scale: NDArray[np.float64]
    shifts: tuple[tuple[SmoothField, ...], ...]

    @classmethod
    def draw(
        cls, rng: np.random.Generator, scale_zyx: tuple[float, float, float], deviation_mm: float
    ) -> Warp:
        """A warp whose displacement has the given standard deviation."""
        shifts = tuple(
            (
                SmoothField.draw(rng, LOW_MM, HIGH_MM, 110.0, deviation_mm),
                SmoothField.draw(rng, LOW_MM, HIGH_MM, 45.0, deviation_mm * 0.22),
            )
            for _ in range(3)
        )
        return cls(np.array(scale_zyx[::-1]), shifts)


class Canvas:
    """Labels on a grid, and for every voxel its place in the template body.

    The template has its origin in the middle of the vertebral column at the disc between the
    twelfth thoracic and first lumbar vertebra; x to the left, y to the back, z to the head.

    Attributes:
        geometry: the grid.
        labels: uint8 (z, y, x) of `Tissue`.
        taken: voxels that no later organ may enter: organs and the fat that keeps them apart.
        at: template x, y, z of every voxel.
    """

    def __init__(self, geometry: Geometry, warp: Warp) -> None:
        self.geometry = geometry
        self.labels = np.zeros(geometry.shape, dtype=np.uint8)
        self.taken = np.zeros(geometry.shape, dtype=bool)
        origin = np.array(geometry.origin_mm)[::-1]
        self._axes = [
            origin[i] + np.arange(geometry.shape[i]) * geometry.spacing_mm[i] for i in range(3)
        ]
        self._warp = warp
        self._scale = warp.scale
        self.at: list[Float32] = []
        z, y, x = self._axes
        plain = (x[None, None, :], y[None, :, None], z[:, None, None])
        for place, scale, (broad, fine) in zip(plain, warp.scale, warp.shifts, strict=True):
            shift = broad.on_axes(z, y, x)
            shift += fine.on_axes(z, y, x)
            shift += (place / scale).astype(np.float32)
            self.at.append(shift)

    def coarser(self, spacing_mm: float) -> Canvas:
        """An empty canvas of the same body on a coarser grid that covers this one."""
        step = [max(1.0, spacing_mm / s) for s in self.geometry.spacing_mm]
        shape = [
            int(np.ceil((n - 1) / k)) + 1 for n, k in zip(self.labels.shape, step, strict=True)
        ]
        spacing = [s * k for s, k in zip(self.geometry.spacing_mm, step, strict=True)]
        geometry = Geometry.axial(
            (shape[0], shape[1], shape[2]),
            (spacing[0], spacing[1], spacing[2]),
            self.geometry.origin_mm,
        )
        return Canvas(geometry, self._warp)

    def refine(self, values: Float32, coarse: Canvas, box: Box | None = None) -> Float32:
        """Values (z, y, x) of a whole coarser canvas, interpolated linearly onto a box of this."""
        out = values
        for axis, knots in enumerate(coarse._axes):
            fine = self._axes[axis] if box is None else self._axes[axis][box[axis]]
            place = np.clip((fine - knots[0]) / (knots[1] - knots[0]), 0, len(knots) - 1)
            below = np.minimum(place.astype(np.int64), len(knots) - 2)
            share = (place - below).astype(np.float32)
            weight = np.zeros((len(fine), len(knots)), dtype=np.float32)
            weight[np.arange(len(fine)), below] = 1 - share
            weight[np.arange(len(fine)), below + 1] += share
            out = np.moveaxis(np.tensordot(weight, out, axes=(1, axis)), 0, axis)
        result: Float32 = np.ascontiguousarray(out)
        return result

    def cut(self, box: Box) -> Canvas:
        """An empty canvas of the same body on the grid of a box of this one."""
        return Canvas(self.geometry.crop(box), self._warp)

    def box(self, low_mm: ArrayLike, high_mm: ArrayLike) -> Box:
        """Index ranges that surely hold the template box (x, y, z)."""
        low = (np.asarray(low_mm) - _WARP_MARGIN_MM) * self._scale
        high = (np.asarray(high_mm) + _WARP_MARGIN_MM) * self._scale
        ranges = []
        for axis, a, b in zip(self._axes, low[::-1], high[::-1], strict=True):
            first, last = np.searchsorted(axis, [a, b])
            ranges.append(slice(int(first), max(int(last), int(first))))
        return ranges[0], ranges[1], ranges[2]

    def coordinates(self, box: Box) -> Coordinates:
        """Template x, y, z of the voxels of a box."""
        return self.at[0][box], self.at[1][box], self.at[2][box]

    def field(
        self, rng: np.random.Generator, box: Box, knot_mm: float, deviation: float
    ) -> Float32:
        """A smooth random field on the voxels of a box (in world space, for surfaces)."""
        z, y, x = (axis[s] for axis, s in zip(self._axes, box, strict=True))
        return SmoothField.draw(rng, LOW_MM, HIGH_MM, knot_mm, deviation).on_axes(z, y, x)

    def paint(
        self, box: Box, level: Float32, tissue: Tissue, gap_mm: Float32 | float | None = None
    ) -> NDArray[np.bool_]:
        """Fill where the level is negative and nothing else is; returns what was filled.

        With `gap_mm`, the shape and a rim of that width are closed to later organs.
        """
        filled: NDArray[np.bool_] = (level < 0) & ~self.taken[box]
        self.labels[box][filled] = tissue
        if gap_mm is not None:
            self.taken[box] |= level < gap_mm
        return filled

    def tight_box(self, centre_mm: ArrayLike, radius_mm: float) -> Box:
        """Index ranges that hold a small template ball, found through the warp at its centre."""
        centre = np.asarray(centre_mm, dtype=np.float64)
        place = centre * self._scale
        for _ in range(3):
            index = [
                int(np.clip(np.searchsorted(axis, p), 0, len(axis) - 1))
                for axis, p in zip(self._axes, place[::-1], strict=True)
            ]
            here = np.array([a[index[0], index[1], index[2]] for a in self.at])
            place = place + (centre - here) * self._scale
        ranges = []
        for axis, p, s in zip(self._axes, place[::-1], self._scale[::-1], strict=True):
            reach = radius_mm * s * 1.25 + 1.5
            first, last = np.searchsorted(axis, [p - reach, p + reach])
            ranges.append(slice(int(first), int(last)))
        return ranges[0], ranges[1], ranges[2]
