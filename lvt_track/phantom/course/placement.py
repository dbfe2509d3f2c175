"""Where in a liver tumours fit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Point
from lvt_track.phantom.body.tissues import LIVER_TISSUES

__all__ = ["Placement"]

# A tumour may bulge over the liver's edge by this share of its radius; it is cut off there.
_BULGE = 0.25
_GAP_MM = 7.0
_TRIES = 400


@dataclass
class Placement:
    """A liver that is filled with tumours one after the other, none touching another.

    Attributes:
        places_mm: LPS positions (n, 3) inside the liver.
        depth_mm: distance of each to the liver's edge.
        taken: centre and radius of each place given away.
    """

    places_mm: FloatArray
    depth_mm: FloatArray
    taken: list[tuple[Point, float]] = field(default_factory=list)

    @classmethod
    def of(cls, labels: NDArray[np.uint8], geometry: Geometry) -> Placement:
        """An empty placement in the liver of a label map."""
        coarse = labels[::2, ::2, ::2]
        liver = np.isin(coarse, list(LIVER_TISSUES))
        spacing = [2 * s for s in geometry.spacing_mm]
        depth = distance_transform_edt(liver, sampling=spacing)
        index = np.argwhere(liver)
        return cls(geometry.to_world(2 * index), depth[tuple(index.T)])

    def find(self, radius_mm: float, rng: np.random.Generator) -> Point | None:
        """A random place for a ball away from all others, now taken; None where none is found."""
        fitting = np.flatnonzero(self.depth_mm >= radius_mm * (1 - _BULGE))
        if len(fitting) == 0:
            return None
        for choice in rng.choice(fitting, _TRIES):
            x, y, z = (float(v) for v in self.places_mm[choice])
            if all(
                np.hypot(np.hypot(x - a, y - b), z - c) >= radius_mm + radius + _GAP_MM
                for (a, b, c), radius in self.taken
            ):
                self.taken.append(((x, y, z), radius_mm))
                return x, y, z
        return None
