"""The shift between two series of one study: a breath apart, minutes at most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray

__all__ = ["liver_shift_mm"]

_CELL_MM = 2.5
_MOST_MM = 40.0


def liver_shift_mm(
    one: tuple[BoolArray, Geometry], other: tuple[BoolArray, Geometry]
) -> FloatArray:
    """How far the liver of one scan is shifted to lie on that of another, in LPS mm (3,).

    The shift of most overlap, up to 40 mm along each axis: where a liver is cut by the end of a
    scan, centroids would lie.

    Args:
        one, other: mask (z, y, x) and its grid; nothing is shifted where one is empty.
    """
    if not one[0].any() or not other[0].any():
        return np.zeros(3)
    extents = [_extent_mm(*side) for side in (one, other)]
    low = np.minimum(extents[0][0], extents[1][0]) - _MOST_MM
    high = np.maximum(extents[0][1], extents[1][1]) + _MOST_MM
    size = [fft.next_fast_len(int(n) + 1, real=True) for n in np.ceil((high - low) / _CELL_MM)]
    spectra = [fft.rfftn(_on_cells(*side, low, size)) for side in (one, other)]
    overlap = fft.irfftn(np.conj(spectra[0]) * spectra[1], size)
    reach = int(_MOST_MM / _CELL_MM)
    near = overlap[np.ix_(*([*range(-reach, 0), *range(reach + 1)] for _ in range(3)))]
    best = np.array(np.unravel_index(int(near.argmax()), near.shape))
    shift: FloatArray = _CELL_MM * (best - reach + [_between(near, best, k) for k in range(3)])
    return shift


def _extent_mm(mask: BoolArray, geometry: Geometry) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest corner of a box around a mask, in LPS mm."""
    used = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {k}))) for k in range(3)]
    corners = [[used[k][-(i >> k & 1)] for k in range(3)] for i in range(8)]
    places = geometry.to_world(np.array(corners))
    return places.min(axis=0), places.max(axis=0)


def _on_cells(
    mask: BoolArray, geometry: Geometry, low_mm: FloatArray, size: list[int]
) -> NDArray[np.float32]:
    """The mask at the middles of cells along x, y, z, whose first one lies at `low_mm`."""
    cells = np.moveaxis(np.indices(size), 0, -1).reshape(-1, 3)
    index = np.rint(geometry.to_index(low_mm + _CELL_MM * cells)).astype(np.intp)
    inside = ((index >= 0) & (index < mask.shape)).all(axis=1)
    values = np.zeros(len(cells), dtype=np.float32)
    values[inside] = mask[tuple(index[inside].T)]
    return values.reshape(size)


def _between(overlap: NDArray[np.floating], best: NDArray[np.intp], axis: int) -> float:
    """Where between its neighbours along an axis a peak lies, by a parabola, -0.5 to 0.5."""
    if not 0 < best[axis] < overlap.shape[axis] - 1:
        return 0.0
    step = np.eye(3, dtype=np.intp)[axis]
    before, peak, after = (float(overlap[tuple(best + k * step)]) for k in (-1, 0, 1))
    bend = before - 2 * peak + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
