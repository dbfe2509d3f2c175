"""Comparing grids: the same voxels in another order, or another grid, and in what it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry

__all__ = [
    "describe_difference",
    "is_part_of_grid",
    "is_same_grid",
    "mask_grid_fault",
    "pad_to_grid",
    "reorient",
]

Scalar = TypeVar("Scalar", bound=np.generic)

# Headers in float32 and different converters agree to about this; a voxel is far larger.
_TOLERANCE_MM = 0.05


def is_same_grid(grid: Geometry, wanted: Geometry) -> bool:
    """Whether both grids have the same voxel centres, perhaps in another order."""
    turn = _turn(grid, wanted)
    return turn is not None and turn.geometry.is_close(wanted, _TOLERANCE_MM)


def is_part_of_grid(grid: Geometry, wanted: Geometry) -> bool:
    """Whether every voxel centre of a grid is one of another, as after cropping."""
    return _box_within(grid, wanted) is not None


def mask_grid_fault(grid: Geometry, scan: Geometry, *, is_map: bool) -> str:
    """Why a mask on that grid is none of a scan; empty where it can be used.

    Args:
        grid: grid of the mask.
        scan: grid of the scan.
        is_map: whether it is a map of several labels, which programs crop to what is drawn.
    """
    if (is_part_of_grid if is_map else is_same_grid)(grid, scan):
        return ""
    return f"not on the grid of its scan: {describe_difference(grid, scan)}"


def pad_to_grid(array: NDArray[Scalar], grid: Geometry, wanted: Geometry) -> NDArray[Scalar] | None:
    """Voxels cropped from another grid in their places there, with 0 around; None elsewhere.

    Args:
        array: array (z, y, x) on that grid.
        grid: its grid.
        wanted: the grid it was cropped from, perhaps with its axes in another order.
    """
    turn, box = _turn(grid, wanted), _box_within(grid, wanted)
    if turn is None or box is None:
        return None
    padded = np.zeros(wanted.shape, array.dtype)
    padded[box] = turn.apply(array)
    return padded


def reorient(array: NDArray[Scalar], grid: Geometry, wanted: Geometry) -> NDArray[Scalar] | None:
    """The voxels in the axis order and directions of another grid; None when it is another grid.

    Args:
        array: array (z, y, x) on that grid.
        grid: its grid.
        wanted: a grid that has the same voxel centres, perhaps in another order.
    """
    turn = _turn(grid, wanted)
    if turn is None or not turn.geometry.is_close(wanted, _TOLERANCE_MM):
        return None
    return np.ascontiguousarray(turn.apply(array))


@dataclass(frozen=True)
class _Turn:
    """Order of axes, axes to flip after that, and the grid that comes of it."""

    axes: tuple[int, ...]
    flips: tuple[int, ...]
    geometry: Geometry

    def apply(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        turned: NDArray[Scalar] = np.flip(array.transpose(self.axes), self.flips)
        return turned


def _turn(grid: Geometry, wanted: Geometry) -> _Turn | None:
    """What brings the axes of an array nearest to those of another grid."""
    alignment = (wanted.direction.T @ grid.direction)[::-1, ::-1]  # both z, y, x
    axes = [int(axis) for axis in np.abs(alignment).argmax(axis=1)]
    if sorted(axes) != [0, 1, 2]:
        return None
    signs = [float(np.sign(alignment[row, axis])) for row, axis in enumerate(axes)]
    flips = [row for row in range(3) if signs[row] < 0]
    first = np.zeros(3)
    for row in flips:
        first[axes[row]] = grid.shape[axes[row]] - 1
    x, y, z = grid.to_world(first)
    columns = grid.direction[:, [2 - axis for axis in reversed(axes)]] * signs[::-1]
    a, b, c = axes
    turned = Geometry(
        (grid.shape[a], grid.shape[b], grid.shape[c]),
        (grid.spacing_mm[a], grid.spacing_mm[b], grid.spacing_mm[c]),
        (float(x), float(y), float(z)),
        columns,
    )
    return _Turn(tuple(axes), tuple(flips), turned)


def _box_within(grid: Geometry, wanted: Geometry) -> tuple[slice, slice, slice] | None:
    turn = _turn(grid, wanted)
    if turn is None:
        return None
    first = np.rint(wanted.to_index(turn.geometry.origin_mm)).astype(int)
    z, y, x = (
        slice(int(at), int(at) + n) for at, n in zip(first, turn.geometry.shape, strict=True)
    )
    box = (z, y, x)
    if first.min() < 0 or any(s.stop > n for s, n in zip(box, wanted.shape, strict=True)):
        return None
    return box if turn.geometry.is_close(wanted.crop(box), _TOLERANCE_MM) else None


def describe_difference(grid: Geometry, wanted: Geometry) -> str:
    """In words, which numbers of two grids differ."""
    parts: list[str] = []
    if grid.shape != wanted.shape:
        parts.append(f"{_sizes(grid.shape)} voxels instead of {_sizes(wanted.shape)}")
    for name, one, other, unit, tolerance in (
        ("spacing", grid.spacing_mm[::-1], wanted.spacing_mm[::-1], " mm", 1e-3),
        ("axes", grid.direction.ravel(), wanted.direction.ravel(), "", 1e-3),
        ("origin", grid.origin_mm, wanted.origin_mm, " mm", _TOLERANCE_MM),
    ):
        if not np.allclose(one, other, rtol=0, atol=tolerance):
            parts.append(f"{name} {_numbers(one)}{unit} instead of {_numbers(other)}{unit}")
    return "; ".join(parts) or "small differences in angle or spacing that add up"


def _sizes(shape: tuple[int, int, int]) -> str:
    return " × ".join(str(n) for n in shape[::-1])


def _numbers(values: Any) -> str:
    return "(" + ", ".join(f"{float(v) + 0.0:.4g}" for v in values) + ")"
