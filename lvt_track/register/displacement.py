"""A field of displacements: applied to points, undone, and checked for folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray, Geometry

__all__ = ["Displacement"]


@dataclass(frozen=True, eq=False)
class Displacement:
    """The map x -> x + field(x); the field is constant beyond the edges of its grid.

    Attributes:
        field_mm: displacement along x, y, z (3, z, y, x), float32.
        geometry: its grid, along the LPS axes.
    """

    field_mm: NDArray[np.float32]
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.field_mm.shape != (3, *self.geometry.shape):
            raise ValueError(
                f"field_mm has shape {self.field_mm.shape}, the geometry {self.geometry.shape}"
            )

    def at(self, points_mm: FloatArray) -> FloatArray:
        """Displacement (n, 3) in mm at LPS positions (n, 3), linearly interpolated."""
        index = self.geometry.to_index(points_mm).T
        parts = [
            ndimage.map_coordinates(part, index, order=1, mode="nearest", output=np.float64)
            for part in self.field_mm
        ]
        return np.stack(parts, axis=-1)

    def __call__(self, points_mm: FloatArray) -> FloatArray:
        """Map positions (n, 3)."""
        return points_mm + self.at(points_mm)

    def inverse(self, points_mm: FloatArray, steps: int = 20) -> FloatArray:
        """The positions that are mapped to these, by fixed-point iteration."""
        back = points_mm - self.at(points_mm)
        for _ in range(steps):
            back = points_mm - self.at(back)
        return back

    def jacobian(self) -> NDArray[np.float64]:
        """Determinant of the map's derivative at every voxel (z, y, x): 1 keeps the volume."""
        spacing = self.geometry.spacing_mm
        rows = [np.stack(np.gradient(part, *spacing)[::-1], axis=-1) for part in self.field_mm]
        derivative = np.stack(rows, axis=-2) + np.eye(3)
        determinant: NDArray[np.float64] = np.linalg.det(derivative)
        return determinant
