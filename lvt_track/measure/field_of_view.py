"""Whether a lesion goes on beyond what its scan shows: the ends of the grid, blank slices, padding.

Such a lesion has no size that could be compared: it is not evaluable there, however large its
visible part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Box
from lvt_track.core.volume import BoolArray, Volume

__all__ = ["is_cut", "shown_box", "touches_padding"]

_EMPTY_HU = -900
"""Padding is no brighter than this: it is written as air, or below."""


def shown_box(shape: tuple[int, ...], volume: Volume | None) -> Box:
    """The part of a grid that shows something: without the slices at its ends that are blank.

    Args:
        shape: of the grid (z, y, x).
        volume: the scan; None where there is none, and all of the grid counts as shown.
    """
    first, stop = 0, shape[0]
    if volume is not None:
        while first < stop and _is_blank(volume.hu[first]):
            first += 1
        while stop > first and _is_blank(volume.hu[stop - 1]):
            stop -= 1
    return slice(first, stop), slice(0, shape[1]), slice(0, shape[2])


def is_cut(box: Box, shown: Box) -> bool:
    """Whether what fills a box reaches an end of what the scan shows, and may go on beyond it."""
    return any(
        side.start <= whole.start or side.stop >= whole.stop
        for side, whole in zip(box, shown, strict=True)
        if whole.stop - whole.start > 1
    )


def touches_padding(mask: BoolArray, box: Box, volume: Volume) -> bool:
    """Whether a lesion reaches the edge of a round field of view, or of a tilted or moved one.

    Beyond it a slice has one value, from a corner of the picture on. Air around the body has
    noise, and lies at the skin.

    Args:
        mask: the lesion (z, y, x) in its box.
        box: where that lies.
        volume: the whole scan.
    """
    for k, z in enumerate(range(box[0].start, box[0].stop)):
        plane = volume.hu[z]
        rows, columns = (slice(max(0, side.start - 1), side.stop + 1) for side in box[1:])
        near = plane[rows, columns]
        values = set(plane[[0, 0, -1, -1], [0, -1, 0, -1]].tolist())
        for value in sorted(v for v in values if v <= _EMPTY_HU and (near == v).any()):
            padding = _from_corners(plane == value)[rows, columns]
            inside = np.zeros(near.shape, np.bool_)
            y, x = box[1].start - rows.start, box[2].start - columns.start
            inside[y : y + mask.shape[1], x : x + mask.shape[2]] = mask[k]
            if (ndimage.binary_dilation(inside) & padding).any():
                return True
    return False


def _from_corners(empty: BoolArray) -> BoolArray:
    """The pieces of a slice (y, x) that hold one of its corners."""
    pieces, _ = ndimage.label(empty)
    corners = {int(pieces[y, x]) for y in (0, -1) for x in (0, -1)} - {0}
    held: BoolArray = np.isin(pieces, sorted(corners))
    return held


def _is_blank(plane: NDArray[np.generic]) -> bool:
    """Whether a slice shows nothing at all: one value everywhere, as padding has."""
    return bool((plane == plane.flat[0]).all())
