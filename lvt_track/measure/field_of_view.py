"""Whether a lesion goes on beyond what its scan shows: the ends of the grid, blank slices, padding.

Such a lesion has no size that could be compared: it is not evaluable there, however large its
visible part.
"""

from __future__ import annotations

import numpy as np

from lvt_track.core.field_of_view import blank_slices, padding_beside
from lvt_track.core.geometry import Box
from lvt_track.core.volume import BoolArray, Volume

__all__ = ["blank_warning", "is_cut", "touches_padding"]


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

    Args:
        mask: the lesion (z, y, x) in its box.
        box: where that lies.
        volume: the whole scan.
    """
    for k, z in enumerate(range(box[0].start, box[0].stop)):
        plane = volume.hu[z]
        inside = np.zeros(plane.shape, np.bool_)
        inside[box[1:]] = mask[k]
        if padding_beside(inside, plane) is not None:
            return True
    return False
