"""Tumours that are veins which contrast has not reached."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.components import label_components
from lvt_track.core.volume import BoolArray

__all__ = ["VESSEL_SHARE", "without_veins"]

# In arterial phantoms such veins lie 26 HU and more below their liver; what else was drawn as both
# were tumours, down to 15 HU below it, and small arteries.
_DARKER_HU = 20.0
VESSEL_SHARE = 0.35
"""Of a tumour, from which it may be a vessel.

Of dark true lesions at most a tenth is drawn as vessel (seven phantoms, arterial and portal), of
veins that are drawn as tumour often less than half.
"""


def without_veins(
    tumors: BoolArray, vessels: BoolArray, liver: BoolArray, hu: NDArray[np.generic]
) -> tuple[BoolArray, int]:
    """The tumours without those that are dark veins, and how many those were.

    Before contrast has reached it, a vein is as dark and, cut across, as round as a lesion. A
    network that sees both there draws both; of a dark lesion hardly any voxel is drawn as vessel.
    Taken for a vein is a component of which more than 35 % is drawn as vessel and whose mean lies
    more than 20 HU below the median of the liver around. Bright ones stay: a network draws some of
    the lesions that take up contrast as vessel too.

    Args:
        tumors, vessels, liver: masks (z, y, x).
        hu: the scan there.
    """
    number, count = label_components(tumors)
    inside = number[tumors]
    voxels = np.maximum(np.bincount(inside, minlength=count + 1), 1)
    shared = np.bincount(number[tumors & vessels], minlength=count + 1) / voxels
    is_vein = shared > VESSEL_SHARE
    parenchyma = liver & ~vessels & ~tumors
    if not is_vein.any() or not parenchyma.any():
        return tumors, 0
    mean_hu = np.bincount(inside, hu[tumors], minlength=count + 1) / voxels
    liver_hu = float(np.median(hu[parenchyma].astype(np.float32)))
    is_vein &= mean_hu < liver_hu - _DARKER_HU
    kept: BoolArray = tumors & ~is_vein[number]
    return kept, int(np.count_nonzero(is_vein))
