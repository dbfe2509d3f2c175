"""The place of the falciform ligament in a scan: where focal fat lies as often as a metastasis.

The fissure of the ligament is a gap of fat in the front of the liver, near its middle. Higher up
the gap closes: bits of fat inside the liver go on from it, about the umbilical part of the left
portal vein. From there the ligament runs up along the front of the liver, forwards and to the
patient's left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from lvt_track.core.components import label_components
from lvt_track.core.geometry import Box, FloatArray
from lvt_track.core.volume import BoolArray, Masks, Volume

__all__ = ["REACH_MM", "fissure_mm", "is_beside"]

_NEAR_MM, _WIDEST_MM = 12.0, 30.0
# Above the fissure: so far to the right, to the left, up and down, and back from its upper end.
_RIGHT_MM, _LEFT_MM, _ABOVE_MM, _BELOW_MM, _BEHIND_MM = 12.0, 28.0, 30.0, 12.0, 12.0
_UPPER_END_MM = 10.0
_CLOSED_MM, _CELL_MM, _LEAST_ML = 12.0, 2.0, 0.01

REACH_MM = _CLOSED_MM + _CELL_MM
"""So far about the liver the scan is asked for the fissure."""

# Where in the liver's box the fissure lies: shares of it from the right and from the front.
_ASIDE_SHARE, _FRONT_SHARE = (0.4, 0.75), 0.25
_FATTY_HU = (-160.0, 0.0)
# A gap narrower than a few voxels is fat with liver in it: darker than any lesion but for bile.
_GAP_HU, _WITHIN_MM, _LINKED_MM = 20.0, 3.0, 8.0
_UPRIGHT = 0.9


def is_beside(points_mm: FloatArray, fissure_mm: FloatArray) -> bool:
    """Whether a lesion (n, 3) lies beside the fissure (m, 3), or along the ligament above it.

    What is wider than 30 mm reaches too far into the liver for focal fat.
    """
    width_mm = np.ptp(points_mm[:, :2], axis=0).max()
    if width_mm > _WIDEST_MM:
        return False
    nearest_mm, _ = cKDTree(fissure_mm).query(points_mm)
    if np.median(nearest_mm) < _NEAR_MM:
        return True
    top = fissure_mm[:, 2].max()
    end_mm = np.median(fissure_mm[fissure_mm[:, 2] > top - _UPPER_END_MM], axis=0)
    left, back, _ = points_mm.mean(axis=0) - end_mm
    up = float(points_mm[:, 2].mean()) - top
    is_ahead = -_RIGHT_MM < left < _LEFT_MM and back < _BEHIND_MM
    return bool(is_ahead and -_BELOW_MM < up < _ABOVE_MM)


def fissure_mm(volume: Volume, masks: Masks) -> FloatArray:
    """Points (n, 3) of the fat in the fissure of the falciform ligament; none where none is seen.

    They lie where a disc of 12 mm does not get in from outside, in the front of the liver, near
    its middle; with what goes on from them inside the liver.

    Args:
        volume: the scan in the liver's box and `REACH_MM` about it.
        masks: on its grid, with some liver.
    """
    grid, nothing = volume.geometry, np.zeros((0, 3))
    if abs(grid.direction[2, 2]) < _UPRIGHT:
        return nothing
    steps = np.array([1, *(max(1, round(_CELL_MM / mm)) for mm in grid.spacing_mm[1:])])
    spacing_mm = np.array(grid.spacing_mm) * steps
    cells = masks.liver[:, :: steps[1], :: steps[2]]
    ends_mm = grid.to_world(np.argwhere(cells) * steps)
    low, high = ends_mm.min(axis=0), ends_mm.max(axis=0)
    size_mm = np.maximum(high - low, 1.0)
    first = low + size_mm * (_ASIDE_SHARE[0], 0.0, 0.0) - (0.0, _CLOSED_MM, 0.0)
    last = low + size_mm * (_ASIDE_SHARE[1], _FRONT_SHARE, 1.0)
    # Elsewhere nothing is asked for, and no further away does a closing see.
    corners = [np.where(ends, last, first) for ends in np.ndindex(2, 2, 2)]
    index = grid.to_index(corners) / steps
    reach = (2 * _CLOSED_MM + _CELL_MM) / spacing_mm
    start = np.clip(np.floor(index.min(axis=0) - reach), 0, cells.shape).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0) + reach) + 1, start, cells.shape).astype(int)
    within_mm = np.stack([_within_mm(plane, spacing_mm[1:]) for plane in cells[_box(start, stop)]])
    box = _box(start * steps, stop * steps)
    hu = ndimage.uniform_filter(volume.hu[box].astype(np.float32), (1, 3, 3))
    smooth_hu = hu[:, :: steps[1], :: steps[2]]
    tumors = masks.tumors[box][:, :: steps[1], :: steps[2]]
    fatty = (within_mm > 0) & (smooth_hu > _FATTY_HU[0]) & (smooth_hu < _FATTY_HU[1])
    gaps = (within_mm > _WITHIN_MM) & (smooth_hu < _GAP_HU) & ~tumors
    at = np.argwhere(fatty | gaps)
    points_mm = grid.to_world((at + start) * steps)
    inside = ((points_mm > first) & (points_mm < last))[:, :2].all(axis=1)
    at, points_mm = at[inside], points_mm[inside]
    if not len(at):
        return nothing
    pieces = _linked(at, fatty.shape, spacing_mm)
    sizes = np.bincount(pieces)
    cells_of_fat = np.bincount(pieces[fatty[tuple(at.T)]], minlength=len(sizes))
    sizes[cells_of_fat * float(np.prod(spacing_mm)) / 1000 < _LEAST_ML] = 0
    if not sizes.any():
        return nothing
    largest: FloatArray = points_mm[pieces == sizes.argmax()]
    return largest


def _linked(
    at: NDArray[np.intp], shape: tuple[int, ...], spacing_mm: NDArray[np.floating]
) -> NDArray[np.integer]:
    """For each cell (n, 3) its piece: a chain of cells within 8 mm of each other."""
    away = np.ones(shape, dtype=bool)
    away[tuple(at.T)] = False
    near = ndimage.distance_transform_edt(away, sampling=spacing_mm) <= _LINKED_MM / 2
    labels, _ = label_components(near)
    pieces: NDArray[np.integer] = labels[tuple(at.T)]
    return pieces


def _box(start: NDArray[np.integer], stop: NDArray[np.integer]) -> Box:
    """The voxels from `start` on and before `stop`, both (3,)."""
    z, y, x = (slice(low, high) for low, high in zip(start.tolist(), stop.tolist(), strict=True))
    return z, y, x


def _within_mm(plane: BoolArray, spacing_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """How deep each pixel lies in a slice of a liver (y, x) and what a disc does not get into.

    Not above 0 outside.
    """
    if not plane.any():
        return np.zeros(plane.shape)
    near = ndimage.distance_transform_edt(~plane, sampling=spacing_mm) <= _CLOSED_MM
    if near.all():
        return np.full(plane.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(near, sampling=spacing_mm) - _CLOSED_MM)
