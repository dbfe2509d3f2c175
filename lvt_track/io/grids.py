"""Comparing grids: the same voxels in another order, or another grid, and in what it differs."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry

__all__ = ["describe_difference", "reorient"]

Scalar = TypeVar("Scalar", bound=np.generic)

# Headers in float32 and different converters agree to about this; a voxel is far larger.
_TOLERANCE_MM = 0.05


def reorient(array: NDArray[Scalar], own: Geometry, wanted: Geometry) -> NDArray[Scalar] | None:
    """The voxels in the axis order and directions of another grid; None when it is another grid.

    Args:
        array: array (z, y, x) on the grid `own`.
        own: its grid.
        wanted: a grid that has the same voxel centres, perhaps in another order.
    """
    alignment = wanted.direction.T @ own.direction
    # Row: axis of `wanted`; column: axis of `own`; both x, y, z.
    axes_xyz = np.abs(alignment).argmax(axis=1)
    if sorted(axes_xyz) != [0, 1, 2]:
        return None
    signs_xyz = np.sign(alignment[range(3), axes_xyz])
    axes = tuple(int(2 - axes_xyz[2 - axis]) for axis in range(3))
    flips = tuple(axis for axis in range(3) if signs_xyz[2 - axis] < 0)
    first = np.zeros(3)
    for axis in flips:
        first[axes[axis]] = own.shape[axes[axis]] - 1
    columns = own.direction[:, axes_xyz] * signs_xyz
    origin = own.to_world(first)
    turned = Geometry(
        (own.shape[axes[0]], own.shape[axes[1]], own.shape[axes[2]]),
        (own.spacing_mm[axes[0]], own.spacing_mm[axes[1]], own.spacing_mm[axes[2]]),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        columns,
    )
    if not turned.is_close(wanted, _TOLERANCE_MM):
        return None
    return np.ascontiguousarray(np.flip(array.transpose(axes), flips))


def describe_difference(own: Geometry, wanted: Geometry) -> str:
    """In words, which numbers of two grids differ."""
    parts: list[str] = []
    if own.shape != wanted.shape:
        parts.append(f"{_sizes(own.shape)} voxels instead of {_sizes(wanted.shape)}")
    for name, one, other, unit, tolerance in (
        ("spacing", own.spacing_mm[::-1], wanted.spacing_mm[::-1], " mm", 1e-3),
        ("axes", own.direction.ravel(), wanted.direction.ravel(), "", 1e-3),
        ("origin", own.origin_mm, wanted.origin_mm, " mm", _TOLERANCE_MM),
    ):
        if not np.allclose(one, other, rtol=0, atol=tolerance):
            parts.append(f"{name} {_numbers(one)}{unit} instead of {_numbers(other)}{unit}")
    return "; ".join(parts) or "small differences in angle or spacing that add up"


def _sizes(shape: tuple[int, int, int]) -> str:
    return " × ".join(str(n) for n in shape[::-1])


def _numbers(values: Any) -> str:
    return "(" + ", ".join(f"{float(v):.4g}" for v in values) + ")"
