"""Masks that a reader gave, together with those that a model drew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lvt_track.core.volume import BoolArray, Masks
from lvt_track.segment.postprocess.hierarchy import without_specks

__all__ = ["combine_with_given", "stray_tumors"]

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


def stray_tumors(masks: Masks) -> tuple[str, ...]:
    """A warning where much of the tumours lies outside the liver."""
    tumors = int(np.count_nonzero(masks.tumors))
    if tumors == 0:
        return ()
    outside = int(np.count_nonzero(masks.tumors & ~masks.liver)) / tumors
    if outside <= _STRAY_FRACTION:
        return ()
    return (f"{outside:.0%} of the tumour mask lies outside the liver mask",)
