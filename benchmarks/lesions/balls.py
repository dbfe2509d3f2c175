"""Balls in a scan: how much of each voxel they fill, as slices of any thickness cross them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvt_track.core.geometry import Box

SUBVOXELS = 4


def ball(
    shape: tuple[int, ...],
    spacing_mm: tuple[float, float, float],
    middle: ArrayLike,
    radius_mm: float,
    margin: int = 1,
) -> tuple[Box, NDArray[np.float64]]:
    """Where a ball lies in a scan, and how much of each voxel there it fills.

    Args:
        shape, spacing_mm: of the scan (z, y, x).
        middle: of the ball, in voxels.
        radius_mm: of the ball, more than nothing.
        margin: voxels to hold around it, as far as the scan goes.
    """
    centre, spacing = np.asarray(middle), np.array(spacing_mm)
    reach = np.ceil(radius_mm / spacing).astype(int) + margin
    low = np.maximum(np.rint(centre).astype(int) - reach, 0)
    high = np.minimum(np.rint(centre).astype(int) + reach + 1, shape)
    ends = list(zip(low.tolist(), high.tolist(), strict=True))
    fine = [(np.arange(SUBVOXELS * a, SUBVOXELS * b) + 0.5) / SUBVOXELS - 0.5 for a, b in ends]
    z, y, x = ((f - m) * s for f, m, s in zip(fine, centre, spacing, strict=True))
    inside = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius_mm**2
    blocks = inside.reshape([n for a, b in ends for n in (b - a, SUBVOXELS)])
    along_z, along_y, along_x = (slice(a, b) for a, b in ends)
    return (along_z, along_y, along_x), blocks.mean(axis=(1, 3, 5))
