"""The segmenter of models trained here: a sigmoid per class, the liver shared with the locator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from lvt_track.core.geometry import Box
from lvt_track.core.volume import CLASSES
from lvt_track.segment.cards import Card
from lvt_track.segment.grid import Extent, Image, counted_from, extent_of
from lvt_track.segment.network.intensity import normalise
from lvt_track.segment.network.weights import Network
from lvt_track.segment.postprocess.second_look import without_doubtful
from lvt_track.segment.restore import Look, Looks
from lvt_track.segment.scan import Scan
from lvt_track.segment.segmenter import Coarse, Drawing, Run
from lvt_track.segment.windows import aligned_boxes, extend
from lvt_track.segment.world_grid import Lattice

__all__ = ["DOUBTFUL", "DefaultSegmenter"]

DOUBTFUL = "the model's two networks disagree on the liver: check that it is one, and its outline"

# The locator sees more of the body around, the segmenter more detail. Where they contradict each
# other the segmenter is right more often: a vena cava in the liver, which the locator takes for it.
_LOCATOR_SHARE = 0.3
# Livers at hand, real and synthetic, are confirmed to 0.87 and more; a full bladder, in a scan of
# the pelvis alone, to less than 0.5.
_LEAST_CONFIRMED, _DOUBTFUL_CONFIRMED = 0.55, 0.75
_OVERLAP = 0.25
# Where a first look sees less liver than this all over the part of a window that no neighbour is
# closer to, the others need not look: together they would hardly reach the threshold.
_LITTLE = 0.2


@dataclass(frozen=True, eq=False)
class DefaultSegmenter:
    """The network that draws liver, vessels and tumours in the liver's box.

    Attributes:
        card: of its model.
        network: one channel per class.
    """

    card: Card
    network: Network

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes it draws."""
        return CLASSES

    def draw(self, scan: Scan, coarse: Coarse, box: Box, run: Run) -> Drawing:
        """See `segmenter.Segmenter`."""
        part, lattices = self.card.segmenter, run.effort.lattices
        shifts = [k / lattices for k in range(lattices)]
        first = self._see(scan, coarse, (part.spacing_mm, 0.0), run)
        others = ((part.spacing_mm, shift) for shift in shifts[1:])
        by_step = [[first, *(self._see(scan, coarse, cells, run, first) for cells in others)]]
        if part.finer_mm is not None and run.effort.finer:
            by_step.append([self._see(scan, coarse, (part.finer_mm, 0.0), run, first)])
        looks = Looks(by_step, scan, box)
        confirmed = sum(_confirmed(look) for look in looks.every) / len(looks.every)
        if confirmed < _LEAST_CONFIRMED:
            return _nothing(extent_of(scan.hu[box]), run)
        drawing = Drawing(warnings=(DOUBTFUL,) if confirmed < _DOUBTFUL_CONFIRMED else ())
        with run.stage("restore"):
            for look in looks.every:
                liver = look.values[0]
                look.values[0] = (1.0 - _LOCATOR_SHARE) * liver + _LOCATOR_SHARE * look.likely
            for name in CLASSES:
                self._restore(name, looks, drawing, run)
        return drawing

    def _restore(self, name: str, looks: Looks, drawing: Drawing, run: Run) -> None:
        """Put a class into the drawing, brought back where it may be above its threshold."""
        channel, box = CLASSES.index(name), looks.box
        threshold = self.card.thresholds[channel]
        mask = drawing.masks[name] = np.zeros(extent_of(looks.scan.hu[box]), dtype=bool)
        keeps = name in run.keep_probabilities
        part = box if keeps else looks.above(channel, threshold)
        if part is None:
            return
        inner = counted_from(part, [cut.start for cut in box])
        looks_again = name == "tumors" and len(looks.by_step) > 1
        join = _greatest if name == "tumors" else _mean
        kept_from = 0.0 if keeps else threshold if looks_again else None
        restored = looks.restored(channel, threshold, join, part, kept_from)
        mask[inner] = restored.mask
        if restored.probability is None or restored.on_first is None:
            return
        if keeps:
            drawing.probabilities[name] = restored.probability.astype(np.float16)
        if looks_again:
            mask[inner], count = without_doubtful(
                restored.mask,
                restored.on_first,
                drawing.masks["vessels"][inner],
                restored.probability,
                float(np.prod(looks.scan.spacing_mm)) / 1000.0,
            )
            if count:
                run.notes.append(f"doubtful spots, seen on fine voxels alone: {count}")

    def _see(
        self,
        scan: Scan,
        coarse: Coarse,
        kind: tuple[tuple[float, float, float], float],
        run: Run,
        before: Look | None = None,
    ) -> Look:
        """Cells around the liver, and what is seen on them.

        Args:
            scan: the scan.
            coarse: where the liver may be.
            kind: edges of the cells and their shift.
            run: where and how the network runs.
            before: a look whose word on where there is liver counts more.
        """
        part, (step_mm, shift) = self.card.segmenter, kind
        with run.stage("resample"):
            cells = Lattice.within(scan.reach, step_mm, shift)
            overlap = run.effort.overlap_or(_OVERLAP)
            boxes = aligned_boxes(cells.first, cells.shape, part.patch, overlap, shift)
            if run.effort.skips:
                boxes = [
                    box
                    for box in boxes
                    if coarse.touches(cells.reach_of(_core(box, cells.shape, overlap)))
                ]
            if run.effort.skips and before is not None:
                boxes = [
                    box
                    for box in boxes
                    if before.shows(
                        0, cells.reach_of(_nearest_part(box, cells.shape, overlap)), _LITTLE
                    )
                ]
            around = _union(boxes, cells.shape)
            cells = cells.part(around)
            boxes = [counted_from(box, [cut.start for cut in around]) for box in boxes]
            image, inner = extend(normalise(scan.on(cells), part.window_hu), part.patch)
            likely = coarse.seen_in(cells)
        with run.stage("network") as report:
            probabilities = (
                run.classify(part, self.network, image, boxes, report).crop(inner).values
            )
        return Look(probabilities, likely, cells)


def _mean(at_steps: Sequence[Image]) -> Image:
    """Liver and vessels are seen on cells of all sizes."""
    mean: Image = reduce(np.add, at_steps) / np.float32(len(at_steps))
    return mean


def _greatest(at_steps: Sequence[Image]) -> Image:
    """A small tumour shows on fine cells alone, and much of a mass on coarse ones alone."""
    return reduce(np.maximum, at_steps)


def _nothing(shape: Extent, run: Run) -> Drawing:
    """What is drawn where there is no liver."""
    kept = {name: np.zeros(shape, dtype=np.float16) for name in run.keep_probabilities}
    return Drawing({name: np.zeros(shape, dtype=bool) for name in CLASSES}, kept)


def _confirmed(look: Look) -> float:
    """Share of what the locator took for liver that the segmenter takes for liver too."""
    taken = look.likely > 0.5
    return float((look.values[0][taken] > 0.5).mean()) if taken.any() else 0.0


def _core(box: Box, shape: Extent, overlap: float) -> Box:
    """The middle of a window, and all of it to the ends of the scan.

    What lies around is at least a quarter of a window closer to the middle of its neighbour, beside
    whose weight the window's own is next to nothing.
    """
    return _inner(box, shape, max(0.0, overlap / 2.0 - 0.125))


def _nearest_part(box: Box, shape: Extent, overlap: float) -> Box:
    """The part of a window that is nearer to its middle than to any other's, to the scan's ends."""
    return _inner(box, shape, overlap / 2.0)


def _inner(box: Box, shape: Extent, rim: float) -> Box:
    """A window without a rim, as a share of it, but for the ends of the scan."""
    rims = (round(rim * (cut.stop - cut.start)) for cut in box)
    z, y, x = (
        slice(
            cut.start + rim if cut.start > 0 else 0,
            cut.stop - rim if cut.stop < size else size,
        )
        for cut, rim, size in zip(box, rims, shape, strict=True)
    )
    return z, y, x


def _union(boxes: list[Box], shape: Extent) -> Box:
    """The least box around others, inside a block of cells; one cell where there are none."""
    z, y, x = (
        slice(
            min((box[axis].start for box in boxes), default=0),
            min(max((box[axis].stop for box in boxes), default=1), size),
        )
        for axis, size in enumerate(shape)
    )
    return z, y, x
