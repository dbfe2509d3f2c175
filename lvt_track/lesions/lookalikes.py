"""What a single scan says against a lesion that a model drew: focal fat at the falciform, a vessel.

Fat, or liver that the portal vein does not feed, lies beside the falciform ligament in segment 4 as
often as a metastasis does: a little darker than the liver, without a rim (Yoshimitsu et al.,
Radiographics 2001;21:S103-S117). A reader would not call it a tumour from one scan, nor leave it
out; so it is kept and said to be in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from lvt_track.core.geometry import FloatArray, bounding_box
from lvt_track.core.volume import BoolArray, LabelArray, Masks, Volume

__all__ = ["FALCIFORM", "VESSEL", "lookalike_warning", "lookalikes"]

FALCIFORM = "perhaps focal fat, beside the falciform ligament and as dark as that is there"
"""Why a lesion may be focal fat."""

VESSEL = "perhaps a vessel, brighter than the liver and drawn as vessel too"
"""Why a lesion may be a vessel."""

# Focal fat is so much darker than the liver; what is darker still holds no liver cells.
_FAT_HU = (-55.0, -5.0)
_BRIGHTER_HU, _VESSEL_SHARE = 15.0, 0.35
_NEAR_MM, _WIDEST_MM = 12.0, 30.0
# The ligament runs on to the front of the liver above its fissure.
_ABOVE_MM, _ASIDE_MM = 40.0, 20.0
_CLOSED_MM, _CELL_MM, _LEAST_ML = 12.0, 2.0, 0.01
# Where in the liver's box the fissure lies: shares of it from the right and from the front.
_ASIDE_SHARE, _FRONT_SHARE = (0.4, 0.75), 0.25
_FATTY_HU = (-160.0, 0.0)
_UPRIGHT = 0.9


def lookalikes(volume: Volume, masks: Masks, labels: LabelArray) -> dict[int, str]:
    """What speaks against lesions that a model drew, by label, in words.

    Args:
        volume: the scan; where its slices are not axial, vessels alone are told.
        masks: on its grid.
        labels: of the lesions, on its grid.
    """
    plain = masks.plain_liver
    if not plain.any():
        return {}
    liver_hu = float(np.median(volume.hu[plain]))
    reasons, dark_mm = {}, {}
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = labels[box] == label
        contrast_hu = float(np.median(volume.hu[box][inside])) - liver_hu
        shared = float(masks.vessels[box][inside].mean())
        if contrast_hu > _BRIGHTER_HU and shared > _VESSEL_SHARE:
            reasons[label] = VESSEL
        elif _FAT_HU[0] < contrast_hu < _FAT_HU[1]:
            index = np.argwhere(inside) + [cut.start for cut in box]
            dark_mm[label] = volume.geometry.to_world(index)
    fissure_mm = _fissure_mm(volume, masks.liver) if dark_mm else np.zeros((0, 3))
    if len(fissure_mm):
        beside = (label for label, at in dark_mm.items() if _is_beside(at, fissure_mm))
        reasons |= dict.fromkeys(beside, FALCIFORM)
    return reasons


def lookalike_warning(reasons: Iterable[str]) -> tuple[str, ...]:
    """What to say of the lesions of a scan against which something speaks, reason by reason."""
    return tuple(
        f"{count} of the tumours {'is' if count == 1 else 'are'} in doubt: {reason}"
        for reason, count in sorted(Counter(reasons).items())
    )


def _is_beside(points_mm: FloatArray, fissure_mm: FloatArray) -> bool:
    """Whether a lesion (n, 3) lies beside the fissure (m, 3), or before it and above.

    What is wider than 30 mm reaches too far into the liver for focal fat.
    """
    width_mm = np.ptp(points_mm[:, :2], axis=0).max()
    if width_mm > _WIDEST_MM:
        return False
    nearest_mm, _ = cKDTree(fissure_mm).query(points_mm)
    if np.median(nearest_mm) < _NEAR_MM:
        return True
    # Partial volume with fat at the dome makes a few points that are none of it.
    x, y, top = (*np.median(fissure_mm[:, :2], axis=0), np.percentile(fissure_mm[:, 2], 90))
    centre = points_mm.mean(axis=0)
    is_above = -_NEAR_MM < centre[2] - top < _ABOVE_MM
    return bool(is_above and abs(centre[0] - x) < _ASIDE_MM and centre[1] < y + _NEAR_MM)


def _fissure_mm(volume: Volume, liver: BoolArray) -> FloatArray:
    """Points (n, 3) of the fat in the fissure of the falciform ligament; none where none is seen.

    They lie where a disc of 12 mm does not get in from outside, in the front of the liver, near
    its middle.
    """
    grid = volume.geometry
    box = bounding_box(liver)
    if box is None or abs(grid.direction[2, 2]) < _UPRIGHT:
        return np.zeros((0, 3))
    wide = grid.widened(box, _CLOSED_MM + _CELL_MM)
    steps = [1, *(max(1, round(_CELL_MM / mm)) for mm in grid.spacing_mm[1:])]
    part = tuple(slice(cut.start, cut.stop, step) for cut, step in zip(wide, steps, strict=True))
    cells = liver[part]
    spacing_mm = np.array(grid.spacing_mm[1:]) * steps[1:]
    closed = np.stack([_closed(plane, spacing_mm) for plane in cells])
    smooth_hu = ndimage.uniform_filter(volume.hu[wide].astype(np.float32), (1, 3, 3))
    smooth_hu = smooth_hu[:, :: steps[1], :: steps[2]]
    fatty = closed & (smooth_hu > _FATTY_HU[0]) & (smooth_hu < _FATTY_HU[1])
    index = np.argwhere(fatty) * steps + [cut.start for cut in wide]
    points_mm = grid.to_world(index)
    ends_mm = grid.to_world(np.argwhere(cells) * steps + [cut.start for cut in wide])
    low, high = ends_mm.min(axis=0), ends_mm.max(axis=0)
    share = (points_mm - low) / np.maximum(high - low, 1.0)
    kept = (share[:, 0] > _ASIDE_SHARE[0]) & (share[:, 0] < _ASIDE_SHARE[1])
    kept &= share[:, 1] < _FRONT_SHARE
    if np.count_nonzero(kept) * float(np.prod(spacing_mm)) * grid.spacing_mm[0] / 1000 < _LEAST_ML:
        return np.zeros((0, 3))
    in_front: FloatArray = points_mm[kept]
    return in_front


def _closed(plane: BoolArray, spacing_mm: NDArray[np.floating]) -> BoolArray:
    """A slice of a liver (y, x) with what a disc does not get into."""
    if not plane.any():
        return plane
    near = ndimage.distance_transform_edt(~plane, sampling=spacing_mm) <= _CLOSED_MM
    closed: BoolArray = ndimage.distance_transform_edt(near, sampling=spacing_mm) > _CLOSED_MM
    return closed
