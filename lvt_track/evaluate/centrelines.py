"""Centrelines of vessels, and how far two masks hold each other's.

Thinning takes away border voxels as long as nothing is cut, filled or opened by it: only simple
points (Bertrand and Malandain, Pattern Recognit Lett 1994;15:169-175) that are no line's end, in
six directions by turns, in eight interleaved sets of voxels of which no two touch, so that a
whole set can go at once. What is left has the pieces, tunnels and hollows of the mask. This is
ours because the usual implementations do not keep that: scikit-image 0.26 leaves nothing of a
solid box of 14 × 6 × 6 voxels, and ITK thins slice by slice.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.volume import BoolArray

__all__ = ["centreline", "centreline_dice"]

Indices = NDArray[np.intp]

_AROUND = np.array([o for o in itertools.product((-1, 0, 1), repeat=3) if any(o)])
_STEPS = np.abs(_AROUND[:, None] - _AROUND[None])
# Which of the 26 neighbours touch each other by a face, edge or corner.
_TOUCH = (_STEPS.max(axis=2) == 1).astype(np.float32)
_REACH = np.abs(_AROUND).sum(axis=1)
_FACES = _REACH == 1
# The background is connected through faces only, within the 18 neighbours that share an edge.
_NEAR = _REACH <= 2
_BESIDE = ((_STEPS.sum(axis=2) == 1) & _NEAR[:, None] & _NEAR[None]).astype(np.float32)


def centreline_dice(predicted: BoolArray, truth: BoolArray) -> float | None:
    """Harmonic mean of the shares of each mask's centreline that lie inside the other mask.

    clDice (Shit et al., CVPR 2021:16560-16569), 0 to 1.

    Args:
        predicted, truth: (z, y, x) on one grid.

    Returns:
        None when both masks are empty, 0 when one is.
    """
    if not predicted.any() and not truth.any():
        return None
    if not predicted.any() or not truth.any():
        return 0.0
    precision = float(truth[centreline(predicted)].mean())
    sensitivity = float(predicted[centreline(truth)].mean())
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else 0.0


def centreline(mask: BoolArray) -> BoolArray:
    """Thin a mask (z, y, x) to lines one voxel wide, and sheets around hollows.

    Voxels are taken off by their number, not by mm: on grids with thick slices the line runs in
    the middle of each slice.
    """
    line = np.zeros_like(mask)
    if not mask.any():
        return line
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    inside = np.pad(mask[box], 1)
    flat = inside.ravel()
    strides = np.array([inside.shape[1] * inside.shape[2], inside.shape[2], 1])
    around = _AROUND @ strides
    left = np.flatnonzero(flat)
    count = len(left) + 1
    while len(left) < count:
        count = len(left)
        for face in around[_FACES]:
            _peel(flat, left[~flat[left + face]], around, inside.shape)
            left = left[flat[left]]
    line[box] = inside[1:-1, 1:-1, 1:-1]
    return line


def _peel(flat: BoolArray, border: Indices, around: Indices, shape: tuple[int, ...]) -> None:
    """Take off what can go of the border, set by set."""
    # Who is an end is settled before the first set goes: what only becomes one on the way is none.
    border = border[flat[border[:, None] + around].sum(axis=1) > 1]
    place = np.stack(np.unravel_index(border, shape)) % 2
    sets = place[0] * 4 + place[1] * 2 + place[2]
    for k in range(8):
        voxels = border[sets == k]
        if voxels.size:
            flat[voxels[_are_simple(flat[voxels[:, None] + around])]] = False


def _are_simple(neighbours: BoolArray) -> BoolArray:
    """Whether voxels, by their 26 neighbours (n, 26), can go without a change of topology."""
    patterns, which = np.unique(np.packbits(neighbours, axis=1), axis=0, return_inverse=True)
    unique_neighbours = np.unpackbits(patterns, axis=1, count=26).astype(np.bool_)
    is_whole = _are_connected(unique_neighbours, unique_neighbours, _TOUCH)
    is_open = _are_connected(~unique_neighbours & _NEAR, ~unique_neighbours & _FACES, _BESIDE)
    are_simple: BoolArray = (is_whole & is_open)[which.ravel()]
    return are_simple


def _are_connected(
    members: BoolArray, required: BoolArray, touch: NDArray[np.float32]
) -> BoolArray:
    """Whether the required members (n, 26), at least one, are joined by paths over members."""
    reached = np.zeros_like(members)
    some = np.flatnonzero(required.any(axis=1))
    reached[some, required[some].argmax(axis=1)] = True
    size = -1
    while (now := int(reached.sum())) > size:
        size = now
        reached |= members & (reached.astype(np.float32) @ touch > 0)
    is_missed = np.any(required & ~reached, axis=1)
    connected: BoolArray = np.any(required, axis=1) & ~is_missed
    return connected
