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

__all__ = ["blank_slices", "blank_warning", "is_cut", "touches_padding"]

_EMPTY_HU = -900
"""Padding is no brighter than this: it is written as air, or below."""


def blank_slices(volume: Volume | None) -> frozenset[int]:
    """The slices of a scan that show nothing: padding at its ends, and what was lost between.

    Args:
        volume: the scan; None where there is none, and all of the grid counts as shown.
    """
    if volume is None:
        return frozenset()
    return frozenset(k for k, plane in enumerate(volume.hu) if _is_blank(plane))


def blank_warning(volume: Volume) -> tuple[str, ...]:
    """What is told of blank slices between others; nothing without such."""
    blank = blank_slices(volume)
    shown = [k for k in range(volume.geometry.shape[0]) if k not in blank]
    lost = [k + 1 for k in sorted(blank) if shown and shown[0] < k < shown[-1]]
    if not lost:
        return ()
    which = f"slice {lost[0]} shows"
    if len(lost) > 1:
        which = f"{len(lost)} slices between {lost[0]} and {lost[-1]} show"
    return (f"{which} nothing: what lies there is not seen",)


def is_cut(box: Box, shape: tuple[int, ...], blank: frozenset[int]) -> bool:
    """Whether what fills a box reaches an end of what the scan shows, and may go on beyond it.

    Args:
        box: on the grid of the scan.
        shape: of that grid (z, y, x).
        blank: its slices that show nothing.
    """
    z = box[0]
    is_at_blank = any(k in blank for k in range(z.start - 1, z.stop + 1))
    return is_at_blank or any(
        side.start <= 0 or side.stop >= size
        for side, size in zip(box, shape, strict=True)
        if size > 1
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
    first = plane.flat[0]
    return bool((plane[::16, ::16] == first).all() and (plane == first).all())
