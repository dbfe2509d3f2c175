"""Implicit shapes: functions of position that are negative inside, roughly in mm of distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "capsule_level",
    "chain_level",
    "ellipsoid_level",
    "half_space_level",
    "rotation",
    "smooth_max",
    "smooth_min",
    "superellipse_level",
]

Float32 = NDArray[np.float32]
Coordinates = tuple[Float32, Float32, Float32]
"""x, y, z arrays of one shape."""


def rotation(about_x_deg: float, about_y_deg: float, about_z_deg: float) -> NDArray[np.float64]:
    """Rotation matrix about the axes x, then y, then z."""
    a, b, c = np.deg2rad([about_x_deg, about_y_deg, about_z_deg])
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    product: NDArray[np.float64] = rz @ ry @ rx
    return product


def ellipsoid_level(
    at: Coordinates,
    centre_mm: ArrayLike,
    radii_mm: ArrayLike,
    turn: NDArray[np.float64] | None = None,
) -> Float32:
    """Approximate signed distance to an ellipsoid; columns of `turn` are its axes."""
    centre = np.asarray(centre_mm, dtype=np.float32)
    radii = np.asarray(radii_mm, dtype=np.float32)
    x, y, z = (a - c for a, c in zip(at, centre, strict=True))
    if turn is not None:
        m = turn.T.astype(np.float32)
        x, y, z = (m[i, 0] * x + m[i, 1] * y + m[i, 2] * z for i in range(3))
    x, y, z = x / radii[0], y / radii[1], z / radii[2]
    length = np.sqrt(x * x + y * y + z * z)
    x, y, z = x / radii[0], y / radii[1], z / radii[2]
    slope = np.sqrt(x * x + y * y + z * z) + np.float32(1e-6)
    level: Float32 = length * (length - 1) / slope
    # At the very centre both vanish; any clearly negative number will do.
    level[length < 0.05] = -radii.min()
    return level


def half_space_level(at: Coordinates, point_mm: ArrayLike, normal: ArrayLike) -> Float32:
    """Signed distance to a plane; `normal` points outwards."""
    n = np.asarray(normal, dtype=np.float64)
    n = (n / np.linalg.norm(n)).astype(np.float32)
    p = np.asarray(point_mm, dtype=np.float32)
    level: Float32 = n[0] * (at[0] - p[0]) + n[1] * (at[1] - p[1]) + n[2] * (at[2] - p[2])
    return level


def superellipse_level(
    x: Float32, y: Float32, half_x: Float32 | float, half_y: Float32 | float, power: float
) -> Float32:
    """Radial distance to the curve |x/a|^p + |y/b|^p = 1."""
    k = (np.abs(x / half_x) ** power + np.abs(y / half_y) ** power) ** (1.0 / power)
    k = np.maximum(k, np.float32(1e-3))
    level: Float32 = (np.sqrt(x * x + y * y) * (1 - 1 / k)).astype(np.float32)
    return level


def capsule_level(
    at: Coordinates, start_mm: ArrayLike, end_mm: ArrayLike, start_radius: float, end_radius: float
) -> Float32:
    """Distance to a tapered tube with round ends."""
    a = np.asarray(start_mm, dtype=np.float32)
    d = np.asarray(end_mm, dtype=np.float32) - a
    x, y, z = at[0] - a[0], at[1] - a[1], at[2] - a[2]
    t = (x * d[0] + y * d[1] + z * d[2]) / np.float32(max(float(d @ d), 1e-6))
    t = np.clip(t, 0, 1)
    x, y, z = x - t * d[0], y - t * d[1], z - t * d[2]
    level: Float32 = np.sqrt(x * x + y * y + z * z) - (
        np.float32(start_radius) + t * np.float32(end_radius - start_radius)
    )
    return level


def chain_level(
    at: Coordinates, points_mm: Sequence[ArrayLike], radii_mm: Sequence[float], blend_mm: float = 0
) -> Float32:
    """Distance to a chain of tapered tubes through the points."""
    level: Float32 | None = None
    for i in range(len(points_mm) - 1):
        part = capsule_level(at, points_mm[i], points_mm[i + 1], radii_mm[i], radii_mm[i + 1])
        if level is None:
            level = part
        else:
            level = smooth_min(level, part, blend_mm) if blend_mm else np.minimum(level, part)
    assert level is not None
    return level


def smooth_min(a: Float32, b: Float32, blend_mm: float) -> Float32:
    """Union of two shapes with a rounded seam (polynomial smooth minimum)."""
    h = np.clip(0.5 + 0.5 * (b - a) / blend_mm, 0, 1)
    result: Float32 = b + (a - b) * h - np.float32(blend_mm) * h * (1 - h)
    return result


def smooth_max(a: Float32, b: Float32, blend_mm: float) -> Float32:
    """Intersection of two shapes with a rounded edge."""
    return -smooth_min(-a, -b, blend_mm)
