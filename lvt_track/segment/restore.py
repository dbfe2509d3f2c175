"""What a network saw on several lattices, brought back to the scan's own voxels."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box
from lvt_track.core.threads import threads_of
from lvt_track.core.volume import BoolArray
from lvt_track.segment.grid import Extent, Image, counted_from
from lvt_track.segment.scan import Scan
from lvt_track.segment.world_grid import Lattice, Reach, widened

__all__ = ["Look", "Looks", "Restored"]

Join = Callable[[Sequence[Image]], Image]
"""What cells of several sizes say of a class, as one: never below the least, nor above the greatest
of them."""

_FAR_MM = 1e5
# Voxels that are brought back together: what they need stays in a core's cache.
_TILE: Extent = (32, 48, 48)
# Sums of weights that make one are off by less.
_ROUNDING = 1e-5


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen on one lattice.

    Attributes:
        values: probabilities of the classes (classes, z, y, x).
        likely: the locator's of liver (z, y, x).
        cells: where they are.
    """

    values: NDArray[np.float32]
    likely: Image
    cells: Lattice

    def shows(self, channel: int, reach: Reach, least: float) -> bool:
        """Whether a class is more likely than so much somewhere in a part of the world."""
        return bool((self.values[channel][self.cells.box_of(reach)] > least).any())

    def span(self, channel: int, reach: Reach) -> tuple[float, float]:
        """The least and the greatest probability of a class that is felt in a part of the world."""
        z, y, x = (
            slice(min(cut.start, size - 1), max(cut.stop, 1))
            for cut, size in zip(self.cells.box_of(reach), self.cells.shape, strict=True)
        )
        felt = self.values[channel, z, y, x]
        return float(felt.min()), float(felt.max())


@dataclass(frozen=True, eq=False)
class Restored:
    """A class on voxels of the scan.

    Attributes:
        mask: where it is more likely than its threshold.
        probability: of it; zero where no look comes near what is wanted. None where not asked for.
        on_first: where cells of the first size alone are above the threshold; None likewise.
    """

    mask: BoolArray
    probability: Image | None = None
    on_first: BoolArray | None = None


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

    def restored(
        self,
        channel: int,
        threshold: float,
        join: Join,
        part: Box,
        kept_from: float | None = None,
    ) -> Restored:
        """A class on the voxels of a part of the box, brought back where looks leave it open.

        Args:
            channel: of the class.
            threshold: above which a voxel belongs to it.
            join: of what cells of several sizes say, the mean of those of one size each.
            part: of the box.
            kept_from: probability from which values are wanted too; None where just the mask is.
        """
        shape = tuple(cut.stop - cut.start for cut in part)
        mask = np.zeros(shape, dtype=bool)
        keeps = kept_from is not None
        probability = np.zeros(shape, np.float32) if keeps else None
        on_first = np.zeros(shape, dtype=bool) if keeps else None
        lowest = threshold if kept_from is None else min(threshold, kept_from)

        def restore(tile: Box) -> None:
            place = counted_from(tile, [cut.start for cut in part])
            least, most = self._span(channel, tile)
            if most < lowest - _ROUNDING:
                return
            if least > threshold + _ROUNDING and not keeps:
                mask[place] = True
                return
            at_steps = self.means(channel, tile)
            values = join(at_steps)
            mask[place] = values > threshold
            if probability is not None and on_first is not None:
                probability[place] = values
                on_first[place] = at_steps[0] > threshold

        with ThreadPoolExecutor(threads_of()) as pool:
            deque(pool.map(restore, _tiles(part)), maxlen=0)
        return Restored(mask, probability, on_first)

    def means(self, channel: int, part: Box) -> list[Image]:
        """For each size of cells the mean of a class's probability, on voxels of the scan."""
        means = []
        for at_step in self.by_step:
            values = (self.scan.back(look.values[channel], look.cells, part) for look in at_step)
            means.append(reduce(add, values) / np.float32(len(at_step)))
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

    def _span(self, channel: int, tile: Box) -> tuple[float, float]:
        """The least and the greatest probability that any look has near a part of the scan."""
        reach, voxel_mm = self.scan.reach_of(tile), max(self.scan.spacing_mm)
        spans = [
            look.span(channel, widened(reach, max(look.cells.step_mm) + voxel_mm))
            for look in self.every
        ]
        return min(least for least, _ in spans), max(most for _, most in spans)


def _tiles(part: Box) -> Iterator[Box]:
    """A box in pieces."""
    starts = (range(cut.start, cut.stop, size) for cut, size in zip(part, _TILE, strict=True))
    for first in product(*starts):
        z, y, x = (
            slice(start, min(start + size, cut.stop))
            for start, size, cut in zip(first, _TILE, part, strict=True)
        )
        yield z, y, x


def _reach_above(above: BoolArray, cells: Lattice, voxel_mm: float) -> Reach | None:
    """As far as cells make themselves felt: by a cell, or a voxel where those are larger."""
    spans = []
    for axis, (step_mm, (start, _)) in enumerate(zip(cells.step_mm, cells.reach, strict=True)):
        hit = np.flatnonzero(above.any(axis=tuple(other for other in range(3) if other != axis)))
        if not len(hit):
            return None
        first, last = int(hit[0]), int(hit[-1]) + 1
        margin_mm = step_mm + voxel_mm
        # The outermost cells hold for all beyond.
        spans.append(
            (
                start + first * step_mm - margin_mm if first > 0 else -_FAR_MM,
                start + last * step_mm + margin_mm if last < above.shape[axis] else _FAR_MM,
            )
        )
    return spans[0], spans[1], spans[2]
