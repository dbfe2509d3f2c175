"""Masks that a reader gave, together with those that a model drew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lvt_track.core.volume import BoolArray, Masks
from lvt_track.segment.postprocess.hierarchy import without_specks

__all__ = ["FILLS_LIVER", "combine_with_given", "liver_share", "tumor_warnings"]

FILLS_LIVER = 0.9
"""Share of the liver from which on a tumour mask is more likely the liver's."""

_STRAY_FRACTION = 0.05


def combine_with_given(
    drawn: Masks, given: Mapping[str, BoolArray], minimum_ml: tuple[float, ...]
) -> Masks:
    """Given masks take the place of drawn ones; drawn ones stay inside a given liver.

    Args:
        drawn: by a model.
        given: bool (z, y, x) by class name, on the same grid.
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
        # It cuts through drawn ones and leaves scraps at its surface.
        for name, least_ml in zip(("vessels", "tumors"), minimum_ml[1:], strict=True):
            if name not in given:
                least = least_ml / drawn.geometry.voxel_volume_ml
                parts[name], _ = without_specks(parts[name] & liver, least)
    return Masks(liver, parts["vessels"], parts["tumors"], drawn.geometry)


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
    if share >= FILLS_LIVER:
        warnings.append(f"the tumour mask fills {share:.0%} of the liver: is it the liver's mask?")
    return tuple(warnings)
