"""Masks that a reader gave, together with those that a model drew; and what is odd of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.segment.postprocess.hierarchy import without_specks
from lvt_track.segment.postprocess.holes import tumors_in_holes

__all__ = [
    "FILLS_LIVER",
    "combine_with_given",
    "liver_share",
    "liver_warnings",
    "tumor_warnings",
]

FILLS_LIVER = 0.9
"""Share of the liver from which on a tumour mask is more likely the liver's."""

_NEARLY_FILLS = 0.75
"""From which on it is told: a map of another liver's outline fills less of this one's."""

_STRAY_FRACTION = 0.05

MOST_LIVER_ML = 6000.0
"""Three to four times a liver; of livers full of cysts few are larger."""

BELOW_LIVER_HU = -50.0
"""No liver is as dark, not one full of fat: around -10 HU without contrast."""

_MOST_BELOW = 0.1


def combine_with_given(
    drawn: Masks, given: Mapping[str, BoolArray], minimum_ml: tuple[float, ...]
) -> Masks:
    """Given masks take the place of drawn ones; drawn ones stay inside a given liver.

    Tumours in its holes are liver, see `tumors_in_holes`.

    Args:
        drawn: by a model.
        given: bool (z, y, x) by class name, on the same grid; perhaps all.
        minimum_ml: of liver, vessels and tumours: smaller scraps of drawn ones that a given liver
            leaves at its surface are dropped.
    """
    if not given:
        return drawn
    liver = given.get("liver", drawn.liver)
    if "liver" not in given:
        # What a reader drew as tumour or vessel is liver too (tumour ⊂ liver, vessel ⊂ liver).
        for mask in given.values():
            liver = liver | mask
    parts = {"vessels": drawn.vessels, "tumors": drawn.tumors} | dict(given)
    if "liver" in given:
        voxel_mm3 = drawn.geometry.voxel_volume_mm3
        liver = liver | tumors_in_holes(parts["tumors"], liver, voxel_mm3)
        # It cuts through drawn ones and leaves scraps at its surface.
        for name, least_ml in zip(("vessels", "tumors"), minimum_ml[1:], strict=True):
            if name not in given:
                least = least_ml / drawn.geometry.voxel_volume_ml
                parts[name], _ = without_specks(parts[name] & liver, least)
    return Masks(liver, parts["vessels"], parts["tumors"], drawn.geometry)


def liver_warnings(liver: BoolArray, masks: Masks, volume: Volume) -> tuple[str, ...]:
    """What is odd of a liver that a reader gave: its size, what it holds, what it leaves out.

    Args:
        liver: as it was given (z, y, x).
        masks: with the liver as it is used.
        volume: the scan.
    """
    warnings = []
    filled_ml = masks.volume_ml("liver") - np.count_nonzero(liver) * masks.geometry.voxel_volume_ml
    if filled_ml > 0:
        warnings.append(
            f"the liver mask leaves out tumours ({filled_ml:.1f} mL): they count as liver"
        )
    if masks.volume_ml("liver") > MOST_LIVER_ML:
        warnings.append(
            f"the liver mask measures {masks.volume_ml('liver'):.0f} mL, more than a liver"
        )
    below = float(np.mean(volume.hu[liver] < BELOW_LIVER_HU)) if liver.any() else 0.0
    if below > _MOST_BELOW:
        warnings.append(
            f"{below:.0%} of the liver mask is fat or air (below {BELOW_LIVER_HU:.0f} HU): "
            "does it belong to this scan?"
        )
    return tuple(warnings)


def liver_share(masks: Masks) -> float:
    """Share of the liver's voxels that are tumour; 0 without a liver."""
    liver = int(np.count_nonzero(masks.liver))
    return int(np.count_nonzero(masks.tumors & masks.liver)) / liver if liver else 0.0


def tumor_warnings(masks: Masks) -> tuple[str, ...]:
    """What is odd of tumours beside their liver: many outside, or all of it."""
    tumors = int(np.count_nonzero(masks.tumors))
    if tumors == 0:
        return ()
    warnings = []
    outside = int(np.count_nonzero(masks.tumors & ~masks.liver)) / tumors
    if outside > _STRAY_FRACTION:
        warnings.append(f"{outside:.0%} of the tumour mask lies outside the liver mask")
    share = liver_share(masks)
    if share >= _NEARLY_FILLS:
        warnings.append(f"the tumour mask fills {share:.0%} of the liver: is it the liver's mask?")
    return tuple(warnings)
