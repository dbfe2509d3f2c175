"""Rigid and affine alignment of two livers by Gauss-Newton steps, from a coarse search.

Two features are compared around the liver: the signed distance to its surface, and the kind of
tissue (air, fat, soft tissue), which contrast medium does not change. Where a field of view cuts
the liver, the distance is only trusted as far as the cut is farther away than the surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.register.liver_image import LiverImage, distance_to_liver

__all__ = ["Affine", "SurfaceMap", "align_affine", "align_rigid", "search_start", "surface_map"]

BAND_MM = 20.0
"""Distances to the surface are compared up to this far from it."""

SAMPLES = 12_000
"""Voxels compared in each step."""

_TISSUE_HU = (-150.0, 30.0)
_TISSUE_SCALE_HU = 60.0
"""HU between air and soft tissue, and how many of them weigh as much as `_SURFACE_SCALE_MM`."""

_SURFACE_SCALE_MM = 4.0
_HUBER = 1.5
"""Residuals beyond this many scales pull no harder: a resected part must not bend the rest."""

_UNKNOWN = 0.6
"""Cost of a place the other scan does not show: more than of a fit, less than of a misfit."""

_STEPS = 25
_DAMPING = 1e-3
_CONVERGED_MM = 0.02


@dataclass(frozen=True, eq=False)
class Affine:
    """x -> matrix @ (x - centre) + centre + shift, in LPS mm, from the fixed to the moving."""

    matrix: FloatArray
    shift_mm: FloatArray
    centre_mm: FloatArray

    def __call__(self, points_mm: FloatArray) -> FloatArray:
        """Map positions (n, 3)."""
        moved: FloatArray = (
            (points_mm - self.centre_mm) @ self.matrix.T + self.centre_mm + self.shift_mm
        )
        return moved

    def inverse(self, points_mm: FloatArray) -> FloatArray:
        """Map positions (n, 3) back."""
        return self.reversed()(points_mm)

    def reversed(self) -> Affine:
        """The affine map from the moving to the fixed."""
        back: FloatArray = np.linalg.inv(self.matrix).astype(np.float64)
        return Affine(back, -self.shift_mm, self.centre_mm + self.shift_mm)


@dataclass(frozen=True, eq=False)
class SurfaceMap:
    """What the affine steps compare of one visit.

    Attributes:
        features: scaled distance and tissue (2, z, y, x).
        trusted: where the distance is known despite the limits of the field of view (z, y, x).
        band: where samples are drawn (z, y, x).
        geometry: the grid.
    """

    features: NDArray[np.float32]
    trusted: BoolArray
    band: BoolArray
    geometry: Geometry


def surface_map(image: LiverImage) -> SurfaceMap:
    """Features of a visit for rigid and affine alignment."""
    distance, trusted = distance_to_liver(image, BAND_MM)
    tissue = ndimage.gaussian_filter(
        np.clip(image.hu.astype(np.float32), *_TISSUE_HU), 1.0, truncate=2.0
    )
    features = np.stack(
        [
            np.clip(distance, -2 * BAND_MM, 2 * BAND_MM) / _SURFACE_SCALE_MM,
            tissue / _TISSUE_SCALE_HU,
        ]
    )
    band = image.inside & (np.abs(distance) < BAND_MM)
    return SurfaceMap(features, trusted, band, image.geometry)


def search_start(
    fixed: LiverImage, moving: LiverImage, fixed_surface: SurfaceMap, moving_surface: SurfaceMap
) -> Affine:
    """The shift that lays the livers on each other best, out of a wide coarse search.

    The search is laid around the difference of the centroids, but does not rely on it: a liver
    that is cut by the field of view or resected has its centroid elsewhere.

    Args:
        fixed, moving: the two visits.
        fixed_surface, moving_surface: their surface maps.
    """
    centre = fixed.liver_points_mm().mean(axis=0)
    offset = moving.liver_points_mm().mean(axis=0) - centre
    points, values = _samples(fixed_surface, 1500)
    steps = [np.arange(-n, n + 1) * size for n, size in ((2, 18.0), (2, 18.0), (6, 12.0))]
    shifts = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3) + offset
    scores = [_mismatch(points + shift, values, moving_surface) for shift in shifts]
    return Affine(np.eye(3), shifts[int(np.argmin(scores))], centre)


def align_rigid(fixed: SurfaceMap, moving: SurfaceMap, start: Affine) -> Affine:
    """Rotate and shift from the start until the features lie on each other."""
    return _gauss_newton(fixed, moving, start, is_rigid=True)


def align_affine(fixed: SurfaceMap, moving: SurfaceMap, start: Affine) -> Affine:
    """Likewise with all twelve parameters."""
    return _gauss_newton(fixed, moving, start, is_rigid=False)


def _samples(surface: SurfaceMap, count: int) -> tuple[FloatArray, NDArray[np.float32]]:
    """Evenly drawn voxels of the band: their positions (n, 3) and features (2, n)."""
    index = np.argwhere(surface.band & surface.trusted)
    index = index[:: max(1, len(index) // count)]
    values = surface.features[:, index[:, 0], index[:, 1], index[:, 2]]
    return surface.geometry.to_world(index), values


def _mismatch(points_mm: FloatArray, values: NDArray[np.float32], other: SurfaceMap) -> float:
    """Mean absolute difference where both are known; elsewhere something is charged for it."""
    index = other.geometry.to_index(points_mm).T
    known = ndimage.map_coordinates(other.trusted.astype(np.float32), index, order=0) > 0
    if known.mean() < 0.25:
        return np.inf
    error = np.zeros(len(points_mm))
    for channel, value in zip(other.features, values, strict=True):
        moving_value = ndimage.map_coordinates(channel, index[:, known], order=1, mode="nearest")
        error[known] += np.minimum(np.abs(moving_value - value[known]), 2 * _HUBER)
    error[~known] = _UNKNOWN
    return float(error.mean())


def _gauss_newton(
    fixed: SurfaceMap, moving: SurfaceMap, start: Affine, *, is_rigid: bool
) -> Affine:
    points, values = _samples(fixed, SAMPLES)
    slopes = [np.gradient(channel, *moving.geometry.spacing_mm) for channel in moving.features]
    trusted = moving.trusted.astype(np.float32)
    matrix, shift = start.matrix.copy(), start.shift_mm.copy()
    reach = float(np.linalg.norm(points - start.centre_mm, axis=1).mean())
    for _ in range(_STEPS):
        arm = points - start.centre_mm
        moved = Affine(matrix, shift, start.centre_mm)(points)
        index = moving.geometry.to_index(moved).T
        known = ndimage.map_coordinates(trusted, index, order=0)
        normal = np.zeros((12, 12)) if not is_rigid else np.zeros((6, 6))
        pull = np.zeros(len(normal))
        for channel, slope, value in zip(moving.features, slopes, values, strict=True):
            residual = value - ndimage.map_coordinates(channel, index, order=1, mode="nearest")
            gradient = np.stack(
                [ndimage.map_coordinates(slope[axis], index, order=1) for axis in (2, 1, 0)], -1
            )
            if is_rigid:
                turned = arm @ matrix.T
                rows = np.concatenate([gradient, np.cross(turned, gradient)], axis=1)
            else:
                outer = gradient[:, :, None] * arm[:, None, :]
                rows = np.concatenate([gradient, outer.reshape(-1, 9)], axis=1)
            weight = known * np.minimum(1, _HUBER / np.maximum(np.abs(residual), 1e-6))
            normal += (rows * weight[:, None]).T @ rows
            pull += rows.T @ (weight * residual)
        normal[np.diag_indices_from(normal)] *= 1 + _DAMPING
        step = np.linalg.solve(normal, pull)
        shift = shift + step[:3]
        turn = step[3:].astype(np.float64)
        matrix = _rotation(turn) @ matrix if is_rigid else matrix + turn.reshape(3, 3)
        if np.abs(step[:3]).max() + np.abs(step[3:]).max() * reach < _CONVERGED_MM:
            break
    return Affine(matrix, shift, start.centre_mm)


def _rotation(angles: FloatArray) -> FloatArray:
    """Rotation by the vector's length about its direction (Rodrigues)."""
    angle = float(np.linalg.norm(angles))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = angles / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: FloatArray = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned
