"""A label map being drawn, in the coordinates of a template body."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvt_track.core.geometry import Box, Geometry
from lvt_track.phantom.fields import SmoothField
from lvt_track.phantom.shapes import Coordinates, Float32, capsule_level
from lvt_track.phantom.tissues import Tissue

__all__ = ["Canvas"]

# The template is asked beyond a shape's own box because the body is warped.
_WARP_MARGIN_MM = 22.0


class Canvas:
    """Labels on a grid, and for every voxel its place in the template body.

    The template has its origin in the middle of the vertebral column at the disc between the
    twelfth thoracic and first lumbar vertebra; x to the left, y to the back, z to the head.

    Attributes:
        geometry: the grid.
        labels: uint8 (z, y, x) of `Tissue`.
        taken: voxels that no later organ may enter: organs and the fat that keeps them apart.
    """

    def __init__(
        self,
        geometry: Geometry,
        rng: np.random.Generator,
        scale: tuple[float, float, float],
        warp_mm: float,
    ) -> None:
        self.geometry = geometry
        self.labels = np.zeros(geometry.shape, dtype=np.uint8)
        self.taken = np.zeros(geometry.shape, dtype=bool)
        origin = np.array(geometry.origin_mm)[::-1]
        self._axes = [
            origin[i] + np.arange(geometry.shape[i]) * geometry.spacing_mm[i] for i in range(3)
        ]
        # Kept as x, y, z, as positions are.
        self._scale = np.array(scale[::-1])
        low, high = (-560.0, -300.0, -360.0), (340.0, 300.0, 360.0)
        self._low, self._high = low, high
        self.at: list[Float32] = []
        z, y, x = self._axes
        plain = (x[None, None, :], y[None, :, None], z[:, None, None])
        for i in range(3):
            broad = SmoothField.draw(rng, low, high, 110.0, warp_mm)
            fine = SmoothField.draw(rng, low, high, 45.0, warp_mm * 0.22)
            shift = broad.on_axes(z, y, x)
            shift += fine.on_axes(z, y, x)
            shift += (plain[i] / self._scale[i]).astype(np.float32)
            self.at.append(shift)

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
        return SmoothField.draw(rng, self._low, self._high, knot_mm, deviation).on_axes(z, y, x)

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

    def tube(
        self,
        points_mm: Sequence[ArrayLike],
        radii_mm: Sequence[float],
        paint: Callable[[Box, Float32], None],
    ) -> None:
        """Visit each piece of a chain of tubes with its box and level."""
        for i in range(len(points_mm) - 1):
            a, b = np.asarray(points_mm[i]), np.asarray(points_mm[i + 1])
            reach = max(radii_mm[i], radii_mm[i + 1]) + 4.0
            box = self.box(np.minimum(a, b) - reach, np.maximum(a, b) + reach)
            if any(s.stop <= s.start for s in box):
                continue
            paint(box, capsule_level(self.coordinates(box), a, b, radii_mm[i], radii_mm[i + 1]))

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
