"""Smooth random fields: cubic B-splines over random knots, evaluated on the axes of a grid.

A field is a function of position, not of the grid: the same seed gives the same field at any
voxel spacing and on any crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SmoothField"]

Float32 = NDArray[np.float32]

# Standard deviation of a cubic B-spline over unit-variance knots, per axis (Σ B² ≈ 0.479).
_DEVIATION_PER_AXIS = 0.692


def _basis(position: NDArray[np.float64], knots: int) -> Float32:
    """Weights (n, knots) of a uniform cubic B-spline at positions in knot units."""
    distance = np.abs(position[:, None] - np.arange(knots)[None, :])
    near = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    far = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    return np.where(distance < 1.0, near, far).astype(np.float32)


@dataclass(frozen=True, eq=False)
class SmoothField:
    """A random function of space with zero mean.

    Attributes:
        knots: random values (z, y, x).
        start_mm: position z, y, x of the first knot.
        knot_mm: distance of the knots.
    """

    knots: Float32
    start_mm: tuple[float, float, float]
    knot_mm: float

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        low_mm: tuple[float, float, float],
        high_mm: tuple[float, float, float],
        knot_mm: float,
        deviation: float,
    ) -> SmoothField:
        """A field of the given standard deviation over a box (z, y, x) in mm."""
        shape = [int(np.ceil((b - a) / knot_mm)) + 5 for a, b in zip(low_mm, high_mm, strict=True)]
        knots = rng.standard_normal(shape, dtype=np.float32)
        knots *= np.float32(deviation / _DEVIATION_PER_AXIS**3)
        z, y, x = (a - 2 * knot_mm for a in low_mm)
        return cls(knots, (z, y, x), knot_mm)

    def on_axes(
        self, z_mm: NDArray[np.float64], y_mm: NDArray[np.float64], x_mm: NDArray[np.float64]
    ) -> Float32:
        """Values (z, y, x) on the grid spanned by three axes."""
        basis = [
            _basis((axis - start) / self.knot_mm, n)
            for axis, start, n in zip(
                (z_mm, y_mm, x_mm), self.start_mm, self.knots.shape, strict=True
            )
        ]
        value = np.tensordot(basis[0], self.knots, axes=(1, 0))
        value = np.matmul(basis[1], value)
        result: Float32 = np.matmul(value, basis[2].T)
        return result
