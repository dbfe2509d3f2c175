"""One visit of a simulated course, and how a model might have segmented it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.series import Phase
from lvt_track.core.volume import Masks, Volume

__all__ = ["DAYS", "SLICES_MM", "SimulatedVisit", "corrupted"]

SLICES_MM = (1.5, 2.0, 2.5, 3.0, 5.0)
DAYS = (40, 120)
_MISSED = 0.15
_FALSE = 0.15


@dataclass(frozen=True, eq=False)
class SimulatedVisit:
    """One scan and the truth about it.

    Attributes:
        date: of the scan.
        phase: its contrast phase.
        volume, masks: what the program is given.
        identities: which tumour each voxel belongs to, 0 outside.
        to_body: from places (n, 3) of this scan to places of the body, the same at all visits.
    """

    date: dt.date
    phase: Phase
    volume: Volume
    masks: Masks
    identities: NDArray[np.int16]
    to_body: Callable[[FloatArray], FloatArray]


def corrupted(visit: SimulatedVisit, rng: np.random.Generator, first_false: int) -> SimulatedVisit:
    """The visit as a model might have segmented it.

    Of the lesions 15 % are missed, 15 % are added somewhere in the liver, and each border is off
    by a voxel, outwards or inwards.

    Args:
        visit: the truth.
        rng: of the errors.
        first_false: identity of the first added lesion; later ones count up.
    """
    truth = visit.identities
    wrong = np.zeros_like(truth)
    spacing = np.array(visit.volume.geometry.spacing_mm)
    present = np.unique(truth[truth > 0])
    for identity, found in enumerate(ndimage.find_objects(truth), start=1):
        if found is None:
            continue
        box = tuple(slice(max(0, side.start - 2), side.stop + 2) for side in found)
        mask = truth[box] == identity
        if rng.random() < _MISSED:
            continue
        if rng.random() < 0.5:
            mask = ndimage.binary_dilation(mask)
        else:
            smaller = ndimage.binary_erosion(mask)
            mask = smaller if smaller.any() else mask
        wrong[box][mask & (wrong[box] == 0)] = identity
    places = np.argwhere(visit.masks.liver & (truth == 0))
    for number in range(rng.binomial(max(1, len(present)), _FALSE)):
        centre = places[rng.integers(len(places))]
        radius_mm = rng.uniform(2.5, 6)
        reach = np.ceil(radius_mm / spacing).astype(int) + 1
        low = np.maximum(centre - reach, 0)
        box = tuple(slice(a, b) for a, b in zip(low, centre + reach + 1, strict=True))
        index = np.indices(wrong[box].shape).transpose(1, 2, 3, 0) + low
        ball = (((index - centre) * spacing) ** 2).sum(axis=-1) < radius_mm**2
        wrong[box][ball & (wrong[box] == 0)] = first_false + number
    masks = Masks(visit.masks.liver, visit.masks.vessels, wrong > 0, visit.masks.geometry)
    return replace(visit, masks=masks, identities=wrong)
