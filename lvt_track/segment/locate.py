"""Find the liver in the whole scan, at low resolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lvt_track.core.components import largest_component
from lvt_track.segment.cards import Part
from lvt_track.segment.network.intensity import normalise
from lvt_track.segment.network.weights import Network
from lvt_track.segment.scan import Scan
from lvt_track.segment.segmenter import Coarse, Run
from lvt_track.segment.windows import aligned_boxes, extend
from lvt_track.segment.world_grid import Lattice

__all__ = ["Locator"]

_OVERLAP = 0.25
_LEAST_LIVER_ML = 20.0


@dataclass(frozen=True, eq=False)
class Locator:
    """The network that sees the whole scan.

    Attributes:
        part: what its card says of it.
        network: its first channel is the liver.
        threshold: probability from which a cell is liver.
    """

    part: Part
    network: Network
    threshold: float

    def locate(self, scan: Scan, run: Run, report: Callable[[float], None]) -> Coarse:
        """The liver on a coarse grid; empty where nothing of 20 mL is seen."""
        part = self.part
        cells = Lattice.within(scan.reach, part.spacing_mm)
        image, inner = extend(normalise(scan.on(cells), part.window_hu), part.patch)
        boxes = aligned_boxes(cells.first, cells.shape, part.patch, _OVERLAP)
        blend = run.classify(part, self.network, image, boxes, report)
        probability = blend.crop(inner).values[0]
        liver, _ = largest_component(probability > self.threshold)
        if np.count_nonzero(liver) * np.prod(part.spacing_mm) / 1000.0 < _LEAST_LIVER_ML:
            liver = np.zeros_like(liver)
        return Coarse(probability, liver, cells)
