"""What a drawn lesion and the voxels around it are: computed once for all that judge it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Box, FloatArray
from lvt_track.core.volume import BoolArray, LabelArray, Masks, Volume
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["Spot", "drawn_spots"]

_AROUND_MM = 8.0


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
        liver_hu: median of the plain liver within 8 mm of its box; of all of it where there is none
            so near, and not a number where there is none at all.
        noise_hu: standard deviation of the same voxels.
    """

    label: int
    box: Box
    inside: BoolArray
    hu: FloatArray
    diameter_mm: float
    drawn_share: float
    vessel_share: float
    surface_share: float
    liver_hu: float
    noise_hu: float


def drawn_spots(volume: Volume, masks: Masks, labels: LabelArray) -> tuple[Spot, ...]:
    """The lesions of a label map, by label.

    Args:
        volume: the scan.
        masks: on its grid, as a model drew them.
        labels: of the lesions (z, y, x), on its grid.
    """
    plain = masks.plain_liver
    boxes = [
        (label, (box[0], box[1], box[2]))
        for label, box in enumerate(ndimage.find_objects(labels), start=1)
        if box is not None
    ]
    spots = []
    for label, box in boxes:
        near = volume.geometry.widened(box, _AROUND_MM)
        around = volume.hu[near][plain[near]]
        level = _level_hu(around if around.size else volume.hu[plain])
        spots.append(_spot(volume, masks, labels, (label, box, level)))
    return tuple(spots)


def _spot(
    volume: Volume, masks: Masks, labels: LabelArray, of: tuple[int, Box, tuple[float, float]]
) -> Spot:
    label, box, (liver_hu, noise_hu) = of
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
        liver_hu=liver_hu,
        noise_hu=noise_hu,
    )


def _level_hu(hu: NDArray[np.generic]) -> tuple[float, float]:
    """Median and standard deviation; not numbers where there is nothing."""
    if not hu.size:
        return np.nan, np.nan
    values: FloatArray = hu.astype(np.float64)
    return float(np.median(values)), float(values.std())
