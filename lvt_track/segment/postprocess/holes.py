"""A given liver that leaves out its tumours, as one label of a map does.

Tumours are liver. Where a mask of the liver has holes in their place, they would be no liver's
burden, and those that a model draws would be cut away with what lies beside the liver.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from lvt_track.core.components import label_components
from lvt_track.core.volume import BoolArray

__all__ = ["tumors_in_holes"]

ENCLOSED_SHARE = 0.6
"""Share of the voxels around what lies outside the liver that must be liver: all of them around a
hole, more than half around a dent of its surface, few where an outline is drawn too wide."""

_LEAST_MM3 = 30.0
"""Of a hole, about 4 mm across: less is the noise of two outlines."""


def tumors_in_holes(tumors: BoolArray, liver: BoolArray, voxel_mm3: float) -> BoolArray:
    """Voxels of tumours that lie in holes and dents of a liver.

    Args:
        tumors: (z, y, x).
        liver: (z, y, x).
        voxel_mm3: volume of a voxel.

    Returns:
        Bool (z, y, x), True nowhere inside the liver.
    """
    outside = tumors & ~liver
    holes = np.zeros_like(outside)
    labels, _ = label_components(outside)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        wide = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        piece = labels[wide] == label
        if np.count_nonzero(piece) * voxel_mm3 < _LEAST_MM3:
            continue
        around = ndimage.binary_dilation(piece) & ~piece
        if np.count_nonzero(around & liver[wide]) >= ENCLOSED_SHARE * np.count_nonzero(around):
            holes[wide] |= piece
    return holes
