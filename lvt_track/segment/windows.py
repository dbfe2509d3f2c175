"""Sliding windows: a network over a volume larger than its patch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box
from lvt_track.core.volume import BoolArray
from lvt_track.segment.grid import Extent

__all__ = [
    "Blend",
    "aligned_boxes",
    "aligned_starts",
    "blended",
    "extend",
    "gaussian_weight",
    "window_boxes",
    "window_starts",
]

_SIGMA = 1.0 / 8.0
_LEAST_WEIGHT = 6e-9


@dataclass(frozen=True, eq=False)
class Blend:
    """What the windows say together.

    Attributes:
        values: float32 (outputs, z, y, x); zero where no window was.
        seen: bool (z, y, x), where a window was.
    """

    values: NDArray[np.float32]
    seen: BoolArray

    def crop(self, box: Box) -> Blend:
        """The part inside the box."""
        return Blend(self.values[(slice(None), *box)], self.seen[box])


def window_starts(size: int, patch: int, overlap: float) -> list[int]:
    """First voxels of evenly spread windows that cover an axis.

    Args:
        size: voxels along the axis.
        patch: voxels of a window.
        overlap: least share of a window that its neighbour covers too, 0 to below 1.
    """
    if size <= patch:
        return [0]
    count = -int(-(size - patch) // max(1.0, patch * (1.0 - overlap))) + 1
    return [round(i * (size - patch) / (count - 1)) for i in range(count)]


def aligned_starts(first: int, size: int, patch: int, overlap: float, offset: float) -> list[int]:
    """First cells of windows that cover an axis of a lattice, counted from its origin.

    Where an axis begins and ends matters only to the windows there: the others lie where those of
    any longer axis would. So a scan that was cropped, or read in part, is seen as the whole one.

    Args:
        first: number of the axis's first cell.
        size: cells along it.
        patch: cells of a window.
        overlap: share of a window that its neighbour covers too, 0 to below 1.
        offset: of all windows, as a share of the step between them.

    Returns:
        Numbers from the origin; neighbours are a step apart, at an end up to an eighth more.
    """
    last = first + size - patch
    if last <= first:
        return [first]
    step = max(1.0, patch * (1.0 - overlap))
    numbers = range(math.ceil(first / step - offset), math.floor(last / step - offset) + 1)
    starts = [first, *(round((k + offset) * step) for k in numbers), last]
    kept = [first]
    for start, following in pairwise(sorted(set(starts))[1:]):
        if following - kept[-1] > 1.125 * step:
            kept.append(start)
    return [*kept, last]


def aligned_boxes(
    first: Extent, shape: Extent, patch: Extent, overlap: float, offset: float = 0.0
) -> list[Box]:
    """Windows over a block of a lattice, from its first cell; see `aligned_starts`.

    Args:
        first: number of the block's first cell along each axis.
        shape: cells of the block; where a window is larger, it reaches beyond, see `extend`.
        patch, overlap, offset: of the windows.
    """
    z, y, x = (
        [start - low for start in aligned_starts(low, size, window, overlap, offset)]
        for low, size, window in zip(first, shape, patch, strict=True)
    )
    return _boxes(z, y, x, patch)


def window_boxes(shape: Sequence[int], patch: Extent, overlap: float) -> list[Box]:
    """Boxes of all windows that cover a volume at least as large as a window; see `extend`."""
    z, y, x = (window_starts(n, p, overlap) for n, p in zip(shape, patch, strict=True))
    return _boxes(z, y, x, patch)


def extend(
    image: NDArray[np.float32], patch: Extent, fill: float | None = None
) -> tuple[NDArray[np.float32], Box]:
    """The volume (z, y, x) made at least as large as a window, and where it lies in that.

    Args:
        image: the volume.
        patch: size of a window.
        fill: what is put around it; its own edge where None.
    """
    missing = [max(0, p - n) for p, n in zip(patch, image.shape, strict=True)]
    z, y, x = (slice(m // 2, m // 2 + n) for m, n in zip(missing, image.shape, strict=True))
    if not any(missing):
        return image, (z, y, x)
    padding = [(m // 2, m - m // 2) for m in missing]
    if fill is None:
        return np.pad(image, padding, mode="edge"), (z, y, x)
    return np.pad(image, padding, constant_values=fill), (z, y, x)


def blended(
    values: Iterable[NDArray[np.float32]],
    boxes: Sequence[Box],
    shape: tuple[int, int, int, int],
    progress: Callable[[float], None] | None = None,
) -> Blend:
    """What windows say, blended by a Gaussian.

    Args:
        values: of each window (outputs, z, y, x), in the order of the boxes.
        boxes: where they lie, all of one size.
        shape: outputs, z, y, x of the whole.
        progress: called with the share that is done.
    """
    total, weights = np.zeros(shape, np.float32), np.zeros(shape[1:], np.float32)
    weight = gaussian_weight(boxes[0]) if boxes else weights
    for done, (box, value) in enumerate(zip(boxes, values, strict=True), start=1):
        total[(slice(None), *box)] += value * weight
        weights[box] += weight
        if progress is not None:
            progress(done / len(boxes))
    total /= np.maximum(weights, np.finfo(np.float32).tiny)
    return Blend(total, weights > 0)


def gaussian_weight(box: Box) -> NDArray[np.float32]:
    """Weight of each voxel of a window, as nnU-Net's: high in its middle, never zero."""
    weight = np.ones((), np.float32)
    for cut in box:
        size = cut.stop - cut.start
        offset = (np.arange(size) - size // 2) / (size * _SIGMA)
        weight = weight[..., None] * np.exp(-0.5 * offset**2).astype(np.float32)
    return np.maximum(weight, np.float32(_LEAST_WEIGHT))


def _boxes(z: list[int], y: list[int], x: list[int], patch: Extent) -> list[Box]:
    return [
        (slice(i, i + patch[0]), slice(j, j + patch[1]), slice(k, k + patch[2]))
        for i, j, k in product(z, y, x)
    ]
