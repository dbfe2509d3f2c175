"""Spline interpolation as nnU-Net does it, one matrix per axis.

nnU-Net resamples with `skimage.transform.resize(order, mode="edge", anti_aliasing=False)`, which is
`scipy.ndimage.zoom` on a grid of cell centres (nnunetv2/preprocessing/resampling). A spline is
linear in its samples and separable, so that the same values come from a matrix product per axis,
many times faster, and for any part of the new grid alone.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["SplineOrder", "spline_orders", "spline_weights"]

SplineOrder = Literal[0, 1, 3]
"""Nearest, linear, cubic."""

_ANISOTROPIC = 3.0
# A cubic spline reaches everywhere, but beyond a dozen samples with nothing that float32 can tell.
_NEGLIGIBLE = 1e-7


def spline_weights(old: int, new: int, order: SplineOrder) -> NDArray[np.float32]:
    """Weights (new, old), float32, of an axis' old samples in the new ones over the same extent.

    Args:
        old, new: samples before and after.
        order: 0 nearest, 1 linear, 3 cubic; the ends are repeated.
    """
    if old == new:
        return np.eye(old, dtype=np.float32)
    if order == 0:
        centre = (np.arange(new) + 0.5) * (old / new) - 0.5
        nearest = np.clip(np.floor(centre + 0.5).astype(int), 0, old - 1)
        repeated: NDArray[np.float32] = np.eye(old, dtype=np.float32)[nearest]
        return repeated
    from scipy import ndimage

    # What becomes of every unit impulse.
    impulses = np.eye(old)
    weights = ndimage.zoom(impulses, (new / old, 1.0), order=order, mode="nearest", grid_mode=True)
    weights[np.abs(weights) < _NEGLIGIBLE] = 0.0
    return weights.astype(np.float32)


def spline_orders(
    spacing_mm: tuple[float, ...], other_mm: tuple[float, ...], order: SplineOrder
) -> tuple[SplineOrder, SplineOrder, SplineOrder]:
    """Order per axis: nearest along the axis of slices far thicker than the rest, if there is one.

    Args:
        spacing_mm: before resampling; decides if it is anisotropic.
        other_mm: after resampling; decides otherwise.
        order: of all other axes.
    """
    orders: list[SplineOrder] = [order] * 3
    for spacing in (np.asarray(spacing_mm), np.asarray(other_mm)):
        if spacing.max() / spacing.min() > _ANISOTROPIC:
            thick = np.flatnonzero(spacing == spacing.max())
            if thick.size == 1:
                orders[int(thick[0])] = 0
            break
    return orders[0], orders[1], orders[2]
