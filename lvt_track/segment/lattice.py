"""Cells laid in world coordinates, the same ones whatever grid a body is stored on.

A network's answer depends on where its grid and its windows lie: half a voxel of shift alone
changes a fifth of the vessels. So both are counted from the world's origin, not a scan's corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lvt_track.core.geometry import Box, FloatArray
from lvt_track.segment.grid import Extent, Span

__all__ = ["Lattice", "Reach", "widened"]

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
        ends = [
            (_nearest(start / step - shift), _nearest(stop / step - shift))
            for (start, stop), step in zip(reach, step_mm, strict=True)
        ]
        first, last = [a for a, _ in ends], [max(a + 1, b) for a, b in ends]
        return cls._between(step_mm, first, last, shift)

    def part(self, box: Box) -> Lattice:
        """A block of its cells."""
        z, y, x = ((k + cut.start, k + cut.stop) for k, cut in zip(self.first, box, strict=True))
        return self._between(self.step_mm, [z[0], y[0], x[0]], [z[1], y[1], x[1]], self.shift)

    @property
    def corner_mm(self) -> FloatArray:
        """The first edge along z, y, x of the world."""
        corner: FloatArray = (np.array(self.first) + self.shift) * self.step_mm
        return corner

    @property
    def reach(self) -> Reach:
        """From the first cell's edge to the last's."""
        z, y, x = (
            (corner, corner + n * step)
            for corner, n, step in zip(
                self.corner_mm.tolist(), self.shape, self.step_mm, strict=True
            )
        )
        return z, y, x

    def spans(self, reach: Reach) -> tuple[Span, Span, Span]:
        """A reach in cells from this lattice's first edge."""
        z, y, x = (
            ((start - corner) / step, (stop - corner) / step)
            for (start, stop), step, corner in zip(
                reach, self.step_mm, self.corner_mm.tolist(), strict=True
            )
        )
        return z, y, x

    def reach_of(self, box: Box) -> Reach:
        """Edges of a box of cells."""
        z, y, x = (
            (corner + cut.start * step, corner + cut.stop * step)
            for corner, cut, step in zip(self.corner_mm.tolist(), box, self.step_mm, strict=True)
        )
        return z, y, x

    @classmethod
    def _between(
        cls,
        step_mm: tuple[float, float, float],
        first: list[int],
        last: list[int],
        shift: float,
    ) -> Lattice:
        sizes = [b - a for a, b in zip(first, last, strict=True)]
        return cls(step_mm, (first[0], first[1], first[2]), (sizes[0], sizes[1], sizes[2]), shift)


def widened(reach: Reach, margin_mm: float) -> Reach:
    """A reach with a margin at both ends of each axis."""
    z, y, x = ((start - margin_mm, stop + margin_mm) for start, stop in reach)
    return z, y, x


def _nearest(edge: float) -> int:
    """The cell whose centre comes first after an edge."""
    return int(np.ceil(edge - 0.5 - _ROUNDING))
