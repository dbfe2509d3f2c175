"""From a scan's own grid to the one a network sees, and back.

Networks see arrays whose axes are the patient's: z to the head, y to the back, x to the left. Here
an oblique scan is taken along its closest axes; `scan` reads what then remains of its tilt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lvt_track.core.geometry import Box, FloatArray

__all__ = [
    "Extent",
    "Orientation",
    "Span",
    "counted_from",
    "extent_of",
    "resample",
    "shape_at",
    "support",
    "weigh",
]

Scalar = TypeVar("Scalar", bound=np.generic)

Span = tuple[float, float]
"""First and last edge of a part of an axis, in voxels."""

Extent = tuple[int, int, int]
"""Voxels along three axes."""

_SLAB_VOXELS = 8_000_000


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
        _, axes = linear_sum_assignment(-np.abs(cosines))
        z, y, x = (int(axis) for axis in axes)
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


def extent_of(array: NDArray[np.generic] | Tensor) -> Extent:
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
    array: NDArray[np.generic] | Tensor,
    shape: Extent,
    extent: tuple[Span, Span, Span] | None = None,
) -> Tensor:
    """The array (z, y, x) on a grid of another size over the same extent; float32.

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
    to_z, to_y, to_x = (
        _triangles(old, new, span) for old, new, span in zip(sizes, shape, spans, strict=True)
    )
    return weigh(array, (to_z, to_y, to_x))


def weigh(array: NDArray[np.generic] | Tensor, weights: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The array (z, y, x) with each axis mapped by a matrix (new, old); float32.

    One axis at a time, as a matrix product; a scan is read in slabs, so that no float copy of the
    whole is made, and only where a weight is not zero.
    """
    cuts = [support(matrix) for matrix in weights]
    array = array[cuts[0], cuts[1], cuts[2]]
    device = array.device if isinstance(array, Tensor) else None
    to_z, to_y, to_x = (
        matrix[:, cut].to(device) for matrix, cut in zip(weights, cuts, strict=True)
    )
    z, y, x = array.shape
    step = max(1, _SLAB_VOXELS // (y * x))
    rows = torch.cat(
        [
            torch.matmul(torch.matmul(to_y, _as_float(array[first : first + step])), to_x.T)
            for first in range(0, z, step)
        ]
    )
    return torch.matmul(to_z, rows.reshape(z, -1)).reshape(
        to_z.shape[0], to_y.shape[0], to_x.shape[0]
    )


def support(matrix: Tensor) -> slice:
    """The columns of a matrix between the first and the last that is not zero."""
    columns = matrix.any(dim=0).nonzero()
    return slice(int(columns[0]), int(columns[-1]) + 1)


def _as_float(slab: NDArray[np.generic] | Tensor) -> Tensor:
    if isinstance(slab, Tensor):
        return slab.float()
    return torch.from_numpy(np.ascontiguousarray(slab, dtype=np.float32))


def _triangles(old: int, new: int, span: Span) -> Tensor:
    """Weights (new, old) of the old samples in each new one; every row sums to one."""
    first, last = span
    step = (last - first) / new
    centre = first + (torch.arange(new, dtype=torch.float64) + 0.5) * step - 0.5
    reach = max(1.0, step)
    centre = centre.clamp(0.0, old - 1.0) if step <= 1.0 else centre.clamp(-0.5, old - 0.5)
    distance = (torch.arange(old, dtype=torch.float64)[None] - centre[:, None]).abs()
    weights = (1.0 - distance / reach).clamp(min=0.0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()
