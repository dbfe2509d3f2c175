"""A border that a fissure marks, drawn where the liver between both parts is narrow.

What lies near it is told anew: each cube is of the part that a random walk within the liver from
there reaches first (Grady, IEEE Trans Pattern Anal Mach Intell 2006;28:1768-1783). Within plain
liver a border stays where it is; near a fissure it moves there.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import cg

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray

__all__ = ["drawn_at_neck"]

_EVERY = 2  # cubes
_KEPT = 1e-3  # of a step of the walk: what lies by itself stays as most of it was
_EXACT = 1e-3


def drawn_at_neck(
    part: BoolArray, whole: BoolArray, near_mm: float, spacing_mm: float
) -> BoolArray:
    """The part (z, y, x) with its border to the rest of the whole where that is narrow.

    Args:
        part: of the whole.
        whole: both parts; a walk does not leave it.
        near_mm: how far the border may move.
        spacing_mm: edge of a cube.
    """
    some = (slice(None, None, _EVERY),) * 3
    one, all_of_it = part[some], whole[some]
    width = 2 * round(near_mm / (_EVERY * spacing_mm)) + 1
    other = all_of_it & ~one
    near = one & ndimage.maximum_filter(other, width)
    near |= other & ndimage.maximum_filter(one, width)
    if not near.any():
        return part
    moved = one.copy()
    moved[near] = _share_of_walks(one, all_of_it, near) > 0.5
    drawn: BoolArray = whole & np.where(
        _on_cubes(all_of_it, part.shape), _on_cubes(moved, part.shape), part
    )
    return drawn


def _on_cubes(coarse: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    fine = coarse
    for axis, count in enumerate(shape):
        fine = np.repeat(fine, _EVERY, axis=axis).take(range(count), axis=axis)
    return fine


def _share_of_walks(part: BoolArray, whole: BoolArray, near: BoolArray) -> FloatArray:
    """The share of walks from each of the cubes near the border (n,) that reach the part first."""
    number = np.full(whole.shape, -1, dtype=np.intp)
    count = int(np.count_nonzero(near))
    number[near] = np.arange(count)
    start, end, reached = [], [], _KEPT * part[near]
    for axis in range(3):
        before = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        after = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        for here, there in ((before, after), (after, before)):
            is_step = near[here] & whole[there]
            start.append(number[here][is_step])
            end.append(number[there][is_step])
            is_end = part[there][is_step] & ~near[there][is_step]
            reached = reached + np.bincount(start[-1][is_end], minlength=count)
    row, column = np.concatenate(start), np.concatenate(end)
    steps = np.bincount(row, minlength=count) + _KEPT
    inner = column >= 0
    moves = coo_array((np.ones(inner.sum()), (row[inner], column[inner])), shape=(count, count))
    system = csr_array(diags_array(steps) - moves)
    share, _ = cg(system, reached, x0=part[near].astype(np.float64), rtol=_EXACT)
    walks: FloatArray = share
    return walks
