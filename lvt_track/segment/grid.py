"""From a scan's own grid to the one a network sees, and back.

Networks see arrays whose axes are the patient's: z to the head, y to the back, x to the left. Here
an oblique scan is taken along its closest axes; `scan` reads what then remains of its tilt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lvt_track.core.geometry import Box, FloatArray
from lvt_track.core.threads import threads_of

__all__ = [
    "Extent",
    "Image",
    "Orientation",
    "Span",
    "counted_from",
    "extent_of",
    "resample",
    "shape_at",
    "support",
    "triangle_weights",
    "weigh",
]

Scalar = TypeVar("Scalar", bound=np.generic)

Span = tuple[float, float]
"""First and last edge of a part of an axis, in voxels."""

Extent = tuple[int, int, int]
"""Voxels along three axes."""

Image = NDArray[np.float32]
"""Values on a grid (z, y, x), or a matrix that maps an axis."""

_SLAB_VOXELS = 2_000_000


@dataclass(frozen=True)
class Orientation:
    """How to turn an array (z, y, x) of a scan so that its axes are others', the patient's say.

    Attributes:
        axes: for each new axis (z, y, x) the array axis that becomes it.
        flipped: for each new axis, whether that array axis runs against it.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @classmethod
    def of(cls, direction: FloatArray) -> Orientation:
        """To the patient's axes, from a grid with this direction (see `core.geometry.Geometry`)."""
        # Rows: patient axes z, y, x; columns: array axes z, y, x.
        cosines = np.asarray(direction)[::-1, ::-1]
        z, y, x = max(permutations(range(3)), key=lambda axes: _alignment(cosines, axes))
        signs = [bool(cosines[row, axis] < 0) for row, axis in enumerate((z, y, x))]
        return cls((z, y, x), (signs[0], signs[1], signs[2]))

    @property
    def inverse(self) -> Orientation:
        """The way back."""
        z, y, x = (self.axes.index(axis) for axis in range(3))
        return Orientation((z, y, x), (self.flipped[z], self.flipped[y], self.flipped[x]))

    def then(self, after: Orientation) -> Orientation:
        """This turn, and another after it, as one."""
        z, y, x = (self.axes[axis] for axis in after.axes)
        a, b, c = (
            self.flipped[axis] != flip for axis, flip in zip(after.axes, after.flipped, strict=True)
        )
        return Orientation((z, y, x), (a, b, c))

    def spacing(self, spacing_mm: tuple[float, float, float]) -> tuple[float, float, float]:
        """Spacing along the new axes of an array's spacing along its own."""
        z, y, x = (spacing_mm[axis] for axis in self.axes)
        return z, y, x

    def box(self, box: Box, shape: tuple[int, ...]) -> Box:
        """Where a box of an array of this shape lies after the turn."""
        z, y, x = (
            slice(shape[axis] - box[axis].stop, shape[axis] - box[axis].start)
            if flip
            else box[axis]
            for axis, flip in zip(self.axes, self.flipped, strict=True)
        )
        return z, y, x

    def apply(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """A view of the array along the new axes."""
        flips = tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)
        return array.transpose(self.axes)[flips]


def extent_of(array: NDArray[np.generic]) -> Extent:
    """The shape of an array (z, y, x)."""
    z, y, x = array.shape
    return z, y, x


def counted_from(box: Box, first: Sequence[int]) -> Box:
    """The same box, its voxels counted from another first one (z, y, x)."""
    z, y, x = (slice(cut.start - low, cut.stop - low) for cut, low in zip(box, first, strict=True))
    return z, y, x


def shape_at(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    target_mm: tuple[float, float, float],
) -> Extent:
    """Size of the grid that covers the same extent at about the target spacing."""
    z, y, x = (
        max(1, round(n * s / t)) for n, s, t in zip(shape, spacing_mm, target_mm, strict=True)
    )
    return z, y, x


def resample(
    array: NDArray[np.generic],
    shape: Extent,
    extent: tuple[Span, Span, Span] | None = None,
) -> Image:
    """The array (z, y, x) on a grid of another size over the same extent.

    Linear where the new grid is finer. Where it is coarser, the triangle widens with the step, so
    that every voxel counts and nothing aliases. The ends are repeated.

    Args:
        array: what to resample.
        shape: size of the new grid.
        extent: the part of the array that the new grid covers, per axis in voxels of the array,
            fractions allowed: (0, n) is the whole axis of n voxels. Default: the whole array.
    """
    sizes = extent_of(array)
    spans = extent or ((0.0, sizes[0]), (0.0, sizes[1]), (0.0, sizes[2]))
    z, y, x = (
        _triangle_map(old, new, span) for old, new, span in zip(sizes, shape, spans, strict=True)
    )
    return _mapped(array, (z, y, x))


def weigh(array: NDArray[np.generic], weights: tuple[Image, Image, Image]) -> Image:
    """The array (z, y, x) with each axis mapped by a matrix (new, old); float32."""
    z, y, x = (_AxisMap.of(matrix) for matrix in weights)
    return _mapped(array, (z, y, x))


def support(matrix: Image) -> slice:
    """The columns of a matrix between the first and the last that is not zero."""
    columns = np.flatnonzero(matrix.any(axis=0))
    return slice(int(columns[0]), int(columns[-1]) + 1)


def triangle_weights(old: int, new: int, span: Span) -> Image:
    """Weights (new, old), float32, of the old samples in each new one; every row sums to one.

    Args:
        old, new: samples before and after.
        span: the part of the axis that the new samples cover, see `resample`.
    """
    first, last = span
    step = (last - first) / new
    centre = first + (np.arange(new) + 0.5) * step - 0.5
    reach = max(1.0, step)
    centre = np.clip(centre, 0.0, old - 1.0) if step <= 1.0 else np.clip(centre, -0.5, old - 0.5)
    distance = np.abs(np.arange(old)[None] - centre[:, None])
    weights = np.maximum(1.0 - distance / reach, 0.0)
    shares: Image = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


@dataclass(frozen=True, eq=False)
class _AxisMap:
    """How the samples of an axis make new ones.

    Attributes:
        needed: the old samples that count.
        weights: (new, needed), few of them not zero. Added in their order by one thread, they give
            the same bits on any machine, which products of full matrices do not.
    """

    needed: slice
    weights: csr_array

    @classmethod
    def of(cls, matrix: Image) -> _AxisMap:
        """By a full matrix (new, old)."""
        needed = support(matrix)
        return cls(needed, csr_array(matrix[:, needed]))

    def __call__(self, samples: NDArray[np.generic]) -> Image:
        """Along the first axis of (old, ...)."""
        old, *others = samples.shape
        flat = np.ascontiguousarray(samples, dtype=np.float32).reshape(old, -1)
        mapped: Image = (self.weights @ flat).reshape(-1, *others)
        return mapped


@lru_cache(maxsize=1024)
def _triangle_map(old: int, new: int, span: Span) -> _AxisMap:
    return _AxisMap.of(triangle_weights(old, new, span))


def _mapped(array: NDArray[np.generic], maps: tuple[_AxisMap, _AxisMap, _AxisMap]) -> Image:
    """The array (z, y, x), each of its axes mapped; read in slabs, so that no float copy of a scan
    is made, and only where it counts."""
    to_z, to_y, to_x = maps
    array = array[to_z.needed, to_y.needed, to_x.needed]
    z, y, x = array.shape
    planes = np.empty((z, to_y.weights.shape[0], to_x.weights.shape[0]), np.float32)
    step = max(1, _SLAB_VOXELS // (y * x))

    def fill(first: int) -> None:
        slab = array[first : first + step]
        by_y = to_y(slab.transpose(1, 0, 2))  # (y, z, x)
        planes[first : first + step] = to_x(by_y.transpose(2, 1, 0)).transpose(1, 2, 0)

    if z <= step:
        fill(0)
    else:
        with ThreadPoolExecutor(threads_of()) as pool:
            deque(pool.map(fill, range(0, z, step)), maxlen=0)
    return to_z(planes)


def _alignment(cosines: FloatArray, axes: Sequence[int]) -> float:
    """How well array axes lie along the patient's."""
    return float(sum(abs(cosines[row, axis]) for row, axis in enumerate(axes)))
