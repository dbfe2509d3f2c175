"""Masks beside DICOM series: which series each belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.series import MaskSource, Phase
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.images.grids import mask_grid_fault
from lvt_track.io.images.headers import read_image_header
from lvt_track.io.layouts.images import MaskFile, fitting_masks, without_unfit
from lvt_track.io.phases import phase_of_text

__all__ = ["NO_SCAN", "with_masks"]

NO_SCAN = "a mask without a scan beside it, or of an unclear one"
"""Why a mask is not used that no series was found for."""


def with_masks(
    candidates: Sequence[FoundSeries], masks: Sequence[MaskFile]
) -> tuple[list[FoundSeries], list[LeftOut]]:
    """DICOM series with the masks beside them, and the masks that belong to none.

    A mask belongs to the series in its own folder or below it; of several, to the one whose
    phase it names or whose grid it has. One that fits several is lost to all of them.
    """
    given: dict[int, dict[str, MaskSource]] = defaultdict(dict)
    unused: list[LeftOut] = []
    # What is named for its class comes last, because it outweighs labels in a map.
    for mask in sorted(masks, key=lambda mask: not mask.labels):
        below = [k for k, item in enumerate(candidates) if item.path.is_relative_to(mask.place)]
        phase = phase_of_text(mask.scan)
        if phase is not Phase.UNKNOWN:
            named = [k for k in below if candidates[k].series.phase is phase]
            below = named or [k for k in below if candidates[k].series.phase is Phase.UNKNOWN]
        near = len(below)
        if near > 1:
            grid, is_map = read_image_header(mask.path).geometry, bool(mask.labels)
            grids = {k: candidates[k].geometry for k in below}
            below = [k for k in below if not mask_grid_fault(grid, grids[k], is_map=is_map)]
        if near and not below:
            reason = f"a mask on the grid of none of {near} series beside it"
            unused.append(LeftOut(mask.path, reason, is_failure=True))
        elif len(below) == 1:
            given[below[0]][mask.name] = mask.source
        elif below:
            reason = (
                f"a mask that fits {len(below)} series: put it and its series into a folder of "
                f"their own, or name it by phase, such as portal_{mask.name}"
            )
            unused.append(LeftOut(mask.path, reason, is_failure=True))
        else:
            unused.append(LeftOut(mask.path, NO_SCAN))
    with_given = list(candidates)
    for k, sources in given.items():
        item = candidates[k]
        kept, unfit = fitting_masks(sources, item.geometry)
        unused += unfit
        item = replace(item, series=replace(item.series, masks=kept))
        with_given[k] = without_unfit(item, unfit)
    return with_given, unused
