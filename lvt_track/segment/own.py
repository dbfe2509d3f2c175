"""The segmenter of models trained here: a sigmoid per class, the liver shared with the locator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lvt_track.core.geometry import Box
from lvt_track.core.volume import CLASSES
from lvt_track.segment.cards import Card
from lvt_track.segment.lattice import Lattice
from lvt_track.segment.network import ResidualUNet, normalise
from lvt_track.segment.scan import Scan
from lvt_track.segment.segmenter import Coarse, Drawing, Run
from lvt_track.segment.windows import extend, window_boxes

__all__ = ["OwnSegmenter"]

# The locator sees more of the body around, the segmenter more detail: the liver is their mean.
_LOCATOR_SHARE = 0.5
_WORTH_A_WINDOW = 0.05
# Around the liver, and in blocks of cells: windows stay where they are when its edge moves.
_CONTEXT_MM, _BLOCK = 16.0, 8


@dataclass(frozen=True, eq=False)
class OwnSegmenter:
    """The network that draws liver, vessels and tumours in the liver's box.

    Attributes:
        card: of its model.
        network: one channel per class.
    """

    card: Card
    network: ResidualUNet

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes it draws."""
        return CLASSES

    def draw(self, scan: Scan, coarse: Coarse, box: Box, run: Run) -> Drawing:
        """See `segmenter.Segmenter`."""
        shifts = [k / run.effort.lattices for k in range(run.effort.lattices)]
        seen = [self._see(scan, coarse, shift, run) for shift in shifts]
        drawing = Drawing()
        with run.stage("restore"):
            for channel, name in enumerate(CLASSES):
                first, *rest = (scan.back(found[channel], cells, box) for found, cells in seen)
                probability = (sum(rest, first) / len(seen)).numpy()
                drawing.masks[name] = probability > self.card.thresholds[channel]
                if name in run.keep_probabilities:
                    drawing.probabilities[name] = probability.astype(np.float16)
        return drawing

    def _see(self, scan: Scan, coarse: Coarse, shift: float, run: Run) -> tuple[Tensor, Lattice]:
        """Probabilities of the classes (3, z, y, x) on the cells around the liver, and these."""
        part = self.card.segmenter
        with run.stage("resample"):
            cells = Lattice.within(scan.reach, part.spacing_mm, shift)
            if run.effort.skips:
                cells = cells.around(coarse.reach_around(_CONTEXT_MM), part.patch, _BLOCK)
            image, inner = extend(normalise(scan.on(cells), part.window_hu), part.patch)
            likely = coarse.seen_in(cells)
            boxes = window_boxes(image.shape, part.patch, run.effort.overlap)
            if run.effort.skips:
                wanted, _ = extend(likely > _WORTH_A_WINDOW, part.patch, fill=0)
                boxes = [window for window in boxes if bool(wanted[window].any())]
        with run.stage("network") as report:
            network = self.network.to(run.device)
            blend = run.predict(
                lambda x: network(x).float().sigmoid(), image, boxes, part.network.outputs, report
            )
            found = blend.crop(inner).values
            found[0] = (1.0 - _LOCATOR_SHARE) * found[0] + _LOCATOR_SHARE * likely
        return found, cells
