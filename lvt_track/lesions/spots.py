"""What a drawn lesion and the voxels around it are: computed once for all that judge it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lvt_track.core.geometry import Box, FloatArray
from lvt_track.core.volume import BoolArray, LabelArray, Masks, Volume
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["Spot", "drawn_spots"]


@dataclass(frozen=True, eq=False)
class Spot:
    """A drawn lesion in its scan.

    Attributes:
        label: of the lesion.
        box: around its voxels.
        inside: its voxels (z, y, x) in the box.
        hu: of its voxels (n,).
        diameter_mm: of the ball of its volume.
        drawn_share: of its voxels, those that are drawn as vessel too.
        vessel_share: of it and the voxels around it, those that are drawn as vessel.
        surface_share: of the voxels around it, those outside the liver.
    """

    label: int
    box: Box
    inside: BoolArray
    hu: FloatArray
    diameter_mm: float
    drawn_share: float
    vessel_share: float
    surface_share: float


def drawn_spots(volume: Volume, masks: Masks, labels: LabelArray) -> tuple[Spot, ...]:
    """The lesions of a label map, by label.

    Args:
        volume: the scan.
        masks: on its grid, as a model drew them.
        labels: of the lesions (z, y, x), on its grid.
    """
    return tuple(
        _spot(volume, masks, labels, label, (box[0], box[1], box[2]))
        for label, box in enumerate(ndimage.find_objects(labels), start=1)
        if box is not None
    )


def _spot(volume: Volume, masks: Masks, labels: LabelArray, label: int, box: Box) -> Spot:
    wide = volume.geometry.widened(box, max(volume.geometry.spacing_mm))
    here = labels[wide] == label
    around = ndimage.binary_dilation(here) & ~here
    vessels, liver = masks.vessels[wide], masks.liver[wide]
    volume_ml = np.count_nonzero(here) * volume.geometry.voxel_volume_ml
    return Spot(
        label=label,
        box=box,
        inside=labels[box] == label,
        hu=volume.hu[wide][here].astype(np.float64),
        diameter_mm=2 * float(ball_radius_mm(volume_ml)),
        drawn_share=float(vessels[here].mean()),
        vessel_share=float(vessels[here | around].mean()),
        surface_share=float((~liver[around]).mean()) if around.any() else 1.0,
    )
