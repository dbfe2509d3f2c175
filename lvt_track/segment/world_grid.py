"""Cells laid in world coordinates, the same ones whatever grid a body is stored on.

A network's answer depends on where its grid and its windows lie: half a voxel of shift alone
changes a fifth of the vessels. So both are counted from the world's origin, not a scan's corner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvt_track.core.geometry import Box, FloatArray
from lvt_track.segment.grid import Extent, Span

__all__ = ["Lattice", "Reach", "reach_of", "spans_of", "widened"]

Reach = tuple[Span, Span, Span]
"""First and last edge along the patient's axes z, y, x, in mm."""

# Edges that fall on the middle of a cell must not be rounded by the last bit of a header.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Lattice:
    """A block of cells; cell k of an axis reaches from k to k + 1 steps from the origin.

    Attributes:
        step_mm: of the cells along z, y, x.
        first: number of the first cell along each.
        shape: cells along each.
        shift: of the origin from the world's along all axes, in steps.
    """

    step_mm: tuple[float, float, float]
    first: Extent
    shape: Extent
    shift: float = 0.0

    @classmethod
    def within(
        cls, reach: Reach, step_mm: tuple[float, float, float], shift: float = 0.0
    ) -> Lattice:
        """The cells whose centres lie in the reach; one at least."""
        z, y, x = (
            (_nearest(start / step - shift), _nearest(stop / step - shift))
            for (start, stop), step in zip(reach, step_mm, strict=True)
        )
        depth, height, width = (max(1, last - first) for first, last in (z, y, x))
        return cls(step_mm, (z[0], y[0], x[0]), (depth, height, width), shift)

    def part(self, box: Box) -> Lattice:
        """A block of its cells."""
        z, y, x = (k + cut.start for k, cut in zip(self.first, box, strict=True))
        depth, height, width = (cut.stop - cut.start for cut in box)
        return replace(self, first=(z, y, x), shape=(depth, height, width))

    @property
    def corner_mm(self) -> FloatArray:
        """The first edge along z, y, x of the world."""
        corner: FloatArray = (np.array(self.first) + self.shift) * self.step_mm
        return corner

    @property
    def reach(self) -> Reach:
        """From the first cell's edge to the last's."""
        z, y, x = (slice(0, n) for n in self.shape)
        return self.reach_of((z, y, x))

    def spans(self, reach: Reach) -> tuple[Span, Span, Span]:
        """A reach in cells from this lattice's first edge."""
        return spans_of(reach, self.corner_mm.tolist(), self.step_mm)

    def box_of(self, reach: Reach) -> Box:
        """The cells that a reach touches; none where it lies beside them."""
        z, y, x = (
            slice(min(size, max(0, math.floor(start))), max(0, min(size, math.ceil(stop))))
            for (start, stop), size in zip(self.spans(reach), self.shape, strict=True)
        )
        return z, y, x

    def reach_of(self, box: Box) -> Reach:
        """Edges of a box of cells."""
        return reach_of(box, self.corner_mm.tolist(), self.step_mm)


def reach_of(box: Box, corner_mm: Sequence[float], step_mm: Sequence[float]) -> Reach:
    """Edges of a box of cells, counted from a corner."""
    z, y, x = (
        (corner + cut.start * step, corner + cut.stop * step)
        for corner, cut, step in zip(corner_mm, box, step_mm, strict=True)
    )
    return z, y, x


def spans_of(
    reach: Reach, corner_mm: Sequence[float], step_mm: Sequence[float]
) -> tuple[Span, Span, Span]:
    """A reach in cells, counted from a corner."""
    z, y, x = (
        ((start - corner) / step, (stop - corner) / step)
        for (start, stop), corner, step in zip(reach, corner_mm, step_mm, strict=True)
    )
    return z, y, x


def widened(reach: Reach, margin_mm: float) -> Reach:
    """A reach with a margin at both ends of each axis."""
    z, y, x = ((start - margin_mm, stop + margin_mm) for start, stop in reach)
    return z, y, x


def _nearest(edge: float) -> int:
    """The cell whose centre comes first after an edge."""
    return int(np.ceil(edge - 0.5 - _ROUNDING))
