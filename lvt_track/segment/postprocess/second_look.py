"""What a second look on finer voxels may add to the tumours that the first shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.components import label_components
from lvt_track.core.volume import BoolArray
from lvt_track.segment.postprocess.veins import VESSEL_SHARE

__all__ = ["without_doubtful"]

# Of what fine voxels alone show on phantoms kept for such choices, tumours reach 0.82 and more, and
# of the false spots half do not; what is wider than this would show on coarse voxels too.
_LEAST_PEAK, _WIDEST_MM = 0.8, 12.0


def without_doubtful(
    tumors: BoolArray,
    surely: BoolArray,
    vessels: BoolArray,
    probability: NDArray[np.floating],
    voxel_ml: float,
) -> tuple[BoolArray, int]:
    """The tumours without doubtful spots that fine voxels alone show, and how many those were.

    Taken for doubtful is a component of which nothing is seen on coarse voxels, and that is drawn
    as vessel by more than 35 %, or nowhere more likely than 0.8, or larger than a ball of 12 mm.

    Args:
        tumors: as both looks together show them (z, y, x).
        surely: as the coarse voxels do.
        vessels: mask.
        probability: of tumour, by both looks.
        voxel_ml: volume of a voxel.
    """
    number, count = label_components(tumors)
    inside = number[tumors]
    voxels = np.bincount(inside, minlength=count + 1)
    shared, seen = (
        np.bincount(inside, other[tumors], minlength=count + 1) for other in (vessels, surely)
    )
    if not count or seen[1:].all():
        return tumors, 0
    peak = np.zeros(count + 1)
    np.maximum.at(peak, inside, probability[tumors])
    widest_ml = np.pi / 6.0 * _WIDEST_MM**3 / 1000.0
    # On fine voxels a portal trunk is as wide as a mass on coarse ones.
    is_doubtful = (peak < _LEAST_PEAK) | (shared > VESSEL_SHARE * voxels)
    is_doubtful |= voxels * voxel_ml > widest_ml
    is_doubtful &= seen == 0
    is_doubtful[0] = False
    kept: BoolArray = tumors & ~is_doubtful[number]
    return kept, int(np.count_nonzero(is_doubtful))
