"""What a single scan says against a lesion that a model drew: fat, a vessel, fluid at the edge.

Fat, or liver that the portal vein does not feed, lies beside the falciform ligament in segment 4 as
often as a metastasis does: a little darker than the liver, without a rim (Yoshimitsu et al.,
Radiographics 2001;21:S103-S117). The neck of the gall bladder and fluid in a fissure dent the liver
and look like lesions where a mask closes over them. A fork of vessels is as round as a lesion, and
as bright as the vessels that it joins. A reader would not call these tumours from one scan, nor
leave them out; so they are kept and said to be in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from lvt_track.core.geometry import Box, FloatArray, bounding_box
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.lesions.spots import Spot

__all__ = ["FALCIFORM", "FLUID", "FORK", "VESSEL", "lookalike_warning", "lookalikes"]

FALCIFORM = "perhaps focal fat, beside the falciform ligament and as dark as that is there"
"""Why a lesion may be focal fat."""

VESSEL = "perhaps a vessel: more than a third of it is drawn as vessel too"
FORK = "perhaps a vessel, as bright as the drawn vessel that it touches"
"""Why a lesion may be a vessel."""

FLUID = "perhaps the gall bladder's neck or fluid in a fissure: at the liver's edge and as dark"
"""Why a lesion may be no liver at all."""

# Focal fat is so much darker than the liver; what is darker still holds no liver cells.
_FAT_HU = (-55.0, -5.0)
_BRIGHTER_HU, _VESSEL_SHARE = 15.0, 0.35
# A fork is as bright as its vessels but for partial volume, and small; in slices across a vessel
# the voxels beside what was drawn of it touch it.
_AS_BRIGHT, _TOUCHES, _WIDEST_FORK_MM = 0.7, 0.03, 15.0
# Bile with some liver in its voxels has 25 HU and less; so have large tumours that die inside.
_FLUID_HU, _EDGE_SHARE, _WIDEST_FLUID_MM = 30.0, 0.1, 20.0
_NEAR_MM, _WIDEST_MM = 12.0, 30.0
# The ligament runs on to the front of the liver above its fissure.
_ABOVE_MM, _ASIDE_MM = 40.0, 20.0
_CLOSED_MM, _CELL_MM, _LEAST_ML = 12.0, 2.0, 0.01
# Where in the liver's box the fissure lies: shares of it from the right and from the front.
_ASIDE_SHARE, _FRONT_SHARE = (0.4, 0.75), 0.25
_FATTY_HU = (-160.0, 0.0)
_UPRIGHT = 0.9


def lookalikes(volume: Volume, masks: Masks, spots: Sequence[Spot]) -> dict[int, str]:
    """What speaks against lesions that a model drew, by label, in words.

    Args:
        volume: the scan; where its slices are not axial, nothing is told of the ligament.
        masks: on its grid.
        spots: the lesions, see `drawn_spots`.
    """
    box = bounding_box(masks.liver)
    if box is None:
        return {}
    box = volume.geometry.widened(box, _CLOSED_MM + _CELL_MM)
    near, shown = volume.crop(box), masks.crop(box)
    plain = shown.plain_liver
    if not plain.any():
        return {}
    liver_hu = float(np.median(near.hu[plain]))
    vessels = shown.vessels & ~shown.tumors
    vessel_hu = float(np.median(near.hu[vessels])) if vessels.any() else np.inf
    reasons, dark_mm = {}, {}
    for spot in spots:
        contrast_hu = float(np.median(spot.hu)) - liver_hu
        if reason := _vessel_or_fluid(spot, contrast_hu, vessel_hu - liver_hu):
            reasons[spot.label] = reason
        elif _FAT_HU[0] < contrast_hu < _FAT_HU[1]:
            index = np.argwhere(spot.inside) + [cut.start for cut in spot.box]
            dark_mm[spot.label] = volume.geometry.to_world(index)
    fissure_mm = _fissure_mm(near, shown.liver) if dark_mm else np.zeros((0, 3))
    if len(fissure_mm):
        beside = (label for label, at in dark_mm.items() if _is_beside(at, fissure_mm))
        reasons |= dict.fromkeys(beside, FALCIFORM)
    return reasons


def _vessel_or_fluid(spot: Spot, contrast_hu: float, vessel_contrast_hu: float) -> str:
    """Why a lesion may be a vessel, or fluid beside the liver; empty where nothing says so."""
    if spot.drawn_share > _VESSEL_SHARE:
        return VESSEL
    is_bright = contrast_hu > max(_BRIGHTER_HU, _AS_BRIGHT * vessel_contrast_hu)
    if is_bright and spot.vessel_share > _TOUCHES and spot.diameter_mm < _WIDEST_FORK_MM:
        return FORK
    is_dark = float(np.median(spot.hu)) < _FLUID_HU and spot.diameter_mm < _WIDEST_FLUID_MM
    return FLUID if is_dark and spot.surface_share > _EDGE_SHARE else ""


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

    Args:
        volume: the scan in the liver's box and 14 mm about it.
        liver: on its grid.
    """
    grid = volume.geometry
    if abs(grid.direction[2, 2]) < _UPRIGHT:
        return np.zeros((0, 3))
    steps = np.array([1, *(max(1, round(_CELL_MM / mm)) for mm in grid.spacing_mm[1:])])
    spacing_mm = np.array(grid.spacing_mm) * steps
    cells = liver[:, :: steps[1], :: steps[2]]
    ends_mm = grid.to_world(np.argwhere(cells) * steps)
    low, high = ends_mm.min(axis=0), ends_mm.max(axis=0)
    size_mm = np.maximum(high - low, 1.0)
    first = low + size_mm * (_ASIDE_SHARE[0], 0.0, 0.0) - (0.0, _CLOSED_MM, 0.0)
    last = low + size_mm * (_ASIDE_SHARE[1], _FRONT_SHARE, 1.0)
    # Elsewhere nothing is asked for, and no further away does a closing see.
    corners = [np.where(ends, last, first) for ends in np.ndindex(2, 2, 2)]
    index = grid.to_index(corners) / steps
    reach = (2 * _CLOSED_MM + _CELL_MM) / spacing_mm
    start = np.clip(np.floor(index.min(axis=0) - reach), 0, cells.shape).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0) + reach) + 1, start, cells.shape).astype(int)
    closed = np.stack([_closed(plane, spacing_mm[1:]) for plane in cells[_box(start, stop)]])
    hu = volume.hu[_box(start * steps, stop * steps)].astype(np.float32)
    smooth_hu = ndimage.uniform_filter(hu, (1, 3, 3))[:, :: steps[1], :: steps[2]]
    fatty = closed & (smooth_hu > _FATTY_HU[0]) & (smooth_hu < _FATTY_HU[1])
    points_mm = grid.to_world((np.argwhere(fatty) + start) * steps)
    inside = ((points_mm > first) & (points_mm < last))[:, :2].all(axis=1)
    if np.count_nonzero(inside) * float(np.prod(spacing_mm)) / 1000 < _LEAST_ML:
        return np.zeros((0, 3))
    in_front: FloatArray = points_mm[inside]
    return in_front


def _box(start: NDArray[np.integer], stop: NDArray[np.integer]) -> Box:
    """The voxels from `start` on and before `stop`, both (3,)."""
    z, y, x = (slice(low, high) for low, high in zip(start.tolist(), stop.tolist(), strict=True))
    return z, y, x


def _closed(plane: BoolArray, spacing_mm: NDArray[np.floating]) -> BoolArray:
    """A slice of a liver (y, x) with what a disc does not get into."""
    if not plane.any():
        return plane
    near = ndimage.distance_transform_edt(~plane, sampling=spacing_mm) <= _CLOSED_MM
    if near.all():
        return near
    closed: BoolArray = ndimage.distance_transform_edt(near, sampling=spacing_mm) > _CLOSED_MM
    return closed
