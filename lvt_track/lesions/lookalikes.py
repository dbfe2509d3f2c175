"""What a single scan says against a lesion that a model drew: fat, a vessel, fluid, perfusion.

Fat, or liver that the portal vein does not feed, lies beside the falciform ligament in segment 4 as
often as a metastasis does: a little darker than the liver, without a rim (Yoshimitsu et al.,
Radiographics 2001;21:S103-S117). The neck of the gall bladder and fluid in a fissure dent the liver
and look like lesions where a mask closes over them. A fork of vessels is as round as a lesion, and
as bright as the vessels that it joins. A change of perfusion has no edge where it was drawn. A
reader would not call these tumours from one scan, nor leave them out; so they are kept and said to
be in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from lvt_track.core.geometry import bounding_box
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.falciform import REACH_MM, fissure_mm, is_beside
from lvt_track.lesions.perfusion import lies_in_wedge
from lvt_track.lesions.spots import Spot

__all__ = ["FALCIFORM", "FLUID", "FORK", "PERFUSION", "VESSEL", "lookalike_warning", "lookalikes"]

FALCIFORM = "perhaps focal fat, beside the falciform ligament and as dark as that is there"
"""Why a lesion may be focal fat."""

VESSEL = "perhaps a vessel: more than a third of it is drawn as vessel too"
FORK = "perhaps a vessel, as bright as the drawn vessel that it touches"
"""Why a lesion may be a vessel."""

FLUID = "perhaps the gall bladder's neck or fluid in a fissure: at the liver's edge and as dark"
"""Why a lesion may be no liver at all."""

PERFUSION = "perhaps a change of perfusion: from it to the capsule the liver differs as much"
"""Why a lesion may be liver without a tumour."""

# Focal fat is so much darker than the liver beside it; what is darker still holds no liver cells.
_FAT_HU, _WIDEST_FAT_MM = (-50.0, -8.0), 20.0
_BRIGHTER_HU, _VESSEL_SHARE = 15.0, 0.35
# A fork is as bright as its vessels but for partial volume, and small; in slices across a vessel
# the voxels beside what was drawn of it touch it.
_AS_BRIGHT, _TOUCHES, _WIDEST_FORK_MM = 0.7, 0.03, 15.0
# Bile with some liver in its voxels has 25 HU and less; so have large tumours that die inside.
_FLUID_HU, _EDGE_SHARE, _WIDEST_FLUID_MM = 30.0, 0.1, 20.0


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
    box = volume.geometry.widened(box, REACH_MM)
    near, shown = volume.crop(box), masks.crop(box)
    plain = shown.plain_liver
    if not plain.any():
        return {}
    liver_hu = float(np.median(near.hu[plain]))
    vessels = shown.vessels & ~shown.tumors
    vessel_hu = float(np.median(near.hu[vessels])) if vessels.any() else np.inf
    reasons, dark_mm = {}, {}
    for spot in spots:
        median_hu = float(np.median(spot.hu))
        if reason := _vessel_or_fluid(spot, median_hu - liver_hu, vessel_hu - liver_hu):
            reasons[spot.label] = reason
        elif lies_in_wedge(volume, masks, spot):
            reasons[spot.label] = PERFUSION
        elif (
            _FAT_HU[0] < median_hu - spot.liver_hu < _FAT_HU[1]
            and spot.diameter_mm < _WIDEST_FAT_MM
        ):
            index = np.argwhere(spot.inside) + [cut.start for cut in spot.box]
            dark_mm[spot.label] = volume.geometry.to_world(index)
    ligament_mm = fissure_mm(near, shown) if dark_mm else np.zeros((0, 3))
    if len(ligament_mm):
        beside = (label for label, at in dark_mm.items() if is_beside(at, ligament_mm))
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
