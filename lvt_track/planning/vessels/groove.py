"""The groove of the vena cava: a place beside the liver, not in it, that the liver holds.

Where no mask shows the cava, a mask of the liver still leaves it out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray

__all__ = ["groove_axis", "groove_score"]

_TUBE_MM, _HELD_MM = 6.0, 16.0
_STEP_MM, _SLAB_MM = 5.0, 5.0
# How far from where it is assumed the groove is looked for, and how far it mostly is.
_REACH_MM, _SPREAD_MM, _EVERY_MM = 24.0, 12.0, 2.5
_SHARP = 4.0
_SMOOTH_MM = 10.0


def groove_score(slab: NDArray[np.float32], spacing_mm: float) -> NDArray[np.float32]:
    """How far a tube at each place of a slab (y, x) lies outside the liver, and is held by it.

    Args:
        slab: share of the slab's height that is liver, 0 to 1.
        spacing_mm: edge of a cube.
    """
    near = ndimage.gaussian_filter(slab, _TUBE_MM / spacing_mm)
    around = ndimage.gaussian_filter(slab, _HELD_MM / spacing_mm)
    score: NDArray[np.float32] = (1.15 - near) * around
    return score


def groove_axis(
    liver: BoolArray, geometry: Geometry, axis_mm: FloatArray, span_mm: tuple[float, float]
) -> FloatArray:
    """The axis of the groove, LPS (n, 3) from bottom to top, near an assumed one.

    Args:
        liver: mask (z, y, x) on an axial isotropic grid.
        geometry: of the grid.
        axis_mm: of the assumed cava (m, 3), from bottom to top.
        span_mm: heights between which the liver holds the cava from more than one side.
    """
    step = geometry.spacing_mm[0]
    origin = np.array(geometry.origin_mm)
    aside = np.arange(-_REACH_MM, _REACH_MM + _EVERY_MM, _EVERY_MM)
    away = np.stack(np.meshgrid(aside, aside), axis=-1).reshape(-1, 2)
    usual = np.exp(-0.5 * ((away / _SPREAD_MM) ** 2).sum(axis=1))
    heights = np.arange(span_mm[0], span_mm[1], _STEP_MM)
    places = []
    for height in heights:
        middle, half = (height - origin[2]) / step, 0.5 * _SLAB_MM / step
        rows = slice(max(round(middle - half), 0), round(middle + half) + 1)
        score = groove_score(liver[rows].mean(axis=0).astype(np.float32), step)
        start = np.array([np.interp(height, axis_mm[:, 2], axis_mm[:, k]) for k in (0, 1)])
        near = start + away
        index = (near - origin[:2])[:, ::-1] / step
        weight = usual * ndimage.map_coordinates(score, index.T, order=1).clip(0.0) ** _SHARP
        places.append(start if weight.sum() == 0.0 else np.average(near, axis=0, weights=weight))
    smooth = ndimage.gaussian_filter1d(
        np.array(places), _SMOOTH_MM / _STEP_MM, axis=0, mode="nearest"
    )
    return np.column_stack([smooth, heights])
