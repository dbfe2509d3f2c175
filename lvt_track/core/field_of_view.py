"""What of its grid a scan shows: neither blank slices nor padding beyond a round field of view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Box, FloatArray, Geometry, bounding_box
from lvt_track.core.volume import BoolArray, Volume

__all__ = [
    "HiddenPart",
    "blank_slices",
    "hidden_voxels",
    "liver_is_cut",
    "padding_beside",
    "shown_box",
]

_EMPTY_HU = -900
"""Padding is no brighter than this: it is written as air, or below."""


@dataclass(frozen=True, eq=False)
class HiddenPart:
    """Places on a scan's grid that the scan does not show, near the liver.

    Attributes:
        mask: cells (z, y, x) that hold padding.
        geometry: their grid; beyond it a place is as the nearest cell is.
    """

    mask: BoolArray
    geometry: Geometry

    def holds(self, points_mm: FloatArray) -> BoolArray:
        """Whether LPS positions (n, 3) are among them."""
        last = np.array(self.mask.shape) - 1
        cells = np.clip(np.rint(self.geometry.to_index(points_mm)), 0, last).astype(np.intp)
        held: BoolArray = self.mask[tuple(cells.T)]
        return held


def blank_slices(volume: Volume | None) -> frozenset[int]:
    """The slices of a scan that show nothing: padding at its ends, and what was lost between.

    Args:
        volume: the scan; None where there is none, and all of the grid counts as shown.
    """
    if volume is None:
        return frozenset()
    return frozenset(k for k, plane in enumerate(volume.hu) if _is_blank(plane))


def shown_box(volume: Volume) -> Box:
    """The box of a scan without blank slices at its ends; all of it where every one is blank."""
    blank = blank_slices(volume)
    shown = [k for k in range(len(volume.hu)) if k not in blank]
    z, y, x = volume.geometry.whole
    return (slice(shown[0], shown[-1] + 1) if shown else z), y, x


def hidden_voxels(volume: Volume, liver: BoolArray) -> BoolArray | None:
    """Voxels (z, y, x) that hold no data, where that hides a part of the liver or its surroundings.

    Blank slices, and in the others the padding that the liver ends at. Air around the body may be
    of one value too, but no liver ends at it.

    Args:
        volume: the scan.
        liver: its liver (z, y, x).

    Returns:
        None where the scan shows all of its grid.
    """
    blank = sorted(blank_slices(volume))
    shown = [k for k in range(len(volume.hu)) if k not in set(blank)]
    is_round = any(
        padding_beside(liver[k], volume.hu[k]) is not None for k in shown if liver[k].any()
    )
    if not blank and not is_round:
        return None
    hidden = np.zeros(volume.hu.shape, np.bool_)
    hidden[blank] = True
    for k in shown if is_round else ():
        hidden[k] = _padding(volume.hu[k])
    return hidden


def liver_is_cut(liver: BoolArray, hidden: BoolArray | None) -> bool:
    """Whether a liver may go on beyond what the scan shows: at its ends, or beside what is hidden.

    Args:
        liver: on the grid of the scan (z, y, x).
        hidden: its voxels without data, as `hidden_voxels` tells them.
    """
    box = bounding_box(liver)
    if box is None:
        return False
    if box[0].start == 0 or box[0].stop == len(liver):
        return True
    if hidden is None:
        return False
    z, y, x = (slice(max(0, side.start - 1), side.stop + 1) for side in box)
    return bool((ndimage.binary_dilation(liver[z, y, x]) & hidden[z, y, x]).any())


def padding_beside(mask: BoolArray, plane: NDArray[np.generic]) -> BoolArray | None:
    """The padding (y, x) of a slice that a mask (y, x) ends at; None where it ends at none.

    Padding has one value, from a corner of the picture on. Air around the body has noise, and lies
    at the skin.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    around = tuple(slice(max(0, side[0] - 1), side[-1] + 2) for side in (rows, columns))
    ends = ndimage.binary_dilation(mask[around])
    if not np.isin(plane[around][ends], _corner_values(plane)).any():
        return None
    padding = _padding(plane)
    return padding if (ends & padding[around]).any() else None


def _padding(plane: NDArray[np.generic]) -> BoolArray:
    """The pieces (y, x) of one value, that of padding, which hold a corner of the slice."""
    padding = np.zeros(plane.shape, np.bool_)
    for value in _corner_values(plane):
        pieces, _ = ndimage.label(plane == value)
        corners = {int(pieces[y, x]) for y in (0, -1) for x in (0, -1)} - {0}
        padding |= np.isin(pieces, sorted(corners))
    return padding


def _corner_values(plane: NDArray[np.generic]) -> list[int]:
    values = set(plane[[0, 0, -1, -1], [0, -1, 0, -1]].tolist())
    return sorted(value for value in values if value <= _EMPTY_HU)


def _is_blank(plane: NDArray[np.generic]) -> bool:
    """Whether a slice shows nothing at all: one value everywhere, as padding has."""
    first = plane.flat[0]
    return bool((plane[::16, ::16] == first).all() and (plane == first).all())
