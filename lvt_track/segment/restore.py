"""What a network saw on several lattices, brought back to the scan's own voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from torch import Tensor

from lvt_track.core.geometry import Box
from lvt_track.segment.scan import Scan
from lvt_track.segment.world_grid import Lattice, Reach

__all__ = ["Look", "Looks"]


_FAR_MM = 1e5


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen on one lattice.

    Attributes:
        values: probabilities of the classes (classes, z, y, x).
        likely: the locator's of liver (z, y, x).
        cells: where they are.
    """

    values: Tensor
    likely: Tensor
    cells: Lattice

    def shows(self, channel: int, reach: Reach, least: float) -> bool:
        """Whether a class is more likely than so much somewhere in a part of the world."""
        return bool((self.values[channel][self.cells.box_of(reach)] > least).any())


@dataclass(frozen=True, eq=False)
class Looks:
    """All looks at a part of a scan.

    Attributes:
        by_step: for each size of cells, the looks at that size.
        scan: what was looked at.
        box: the part of it that is wanted.
    """

    by_step: Sequence[Sequence[Look]]
    scan: Scan
    box: Box

    @property
    def every(self) -> list[Look]:
        """The looks at all sizes."""
        return [look for at_step in self.by_step for look in at_step]

    def means(self, channel: int, part: Box) -> list[Tensor]:
        """For each size of cells the mean of a class's probability, on voxels of the scan."""
        means = []
        for at_step in self.by_step:
            values = (self.scan.back(look.values[channel], look.cells, part) for look in at_step)
            means.append(reduce(add, values) / len(at_step))
        return means

    def above(self, channel: int, threshold: float) -> Box | None:
        """The part of the box outside which no look lets a class be above a threshold.

        What is read between cells is never above all of them, so nothing is lost: means and maxima
        of looks need be brought back there alone.

        Returns:
            The part; None where no look sees anything.
        """
        parts = []
        for look in self.every:
            above = look.values[channel] > threshold
            reach = _reach_above(above, look.cells, max(self.scan.spacing_mm))
            if reach is not None:
                parts.append(self.scan.box_of(reach))
        if not parts:
            return None
        z, y, x = (
            slice(
                max(cut.start, min(part[axis].start for part in parts)),
                min(cut.stop, max(part[axis].stop for part in parts)),
            )
            for axis, cut in enumerate(self.box)
        )
        return None if any(cut.stop <= cut.start for cut in (z, y, x)) else (z, y, x)


def _reach_above(above: Tensor, cells: Lattice, voxel_mm: float) -> Reach | None:
    """As far as cells make themselves felt: by a cell, or a voxel where those are larger."""
    spans = []
    seen = above.numpy()
    for axis, (step_mm, (start, _)) in enumerate(zip(cells.step_mm, cells.reach, strict=True)):
        hit = np.flatnonzero(seen.any(axis=tuple(other for other in range(3) if other != axis)))
        if not len(hit):
            return None
        first, last = int(hit[0]), int(hit[-1]) + 1
        margin_mm = step_mm + voxel_mm
        # The outermost cells hold for all beyond.
        spans.append(
            (
                start + first * step_mm - margin_mm if first > 0 else -_FAR_MM,
                start + last * step_mm + margin_mm if last < seen.shape[axis] else _FAR_MM,
            )
        )
    return spans[0], spans[1], spans[2]
