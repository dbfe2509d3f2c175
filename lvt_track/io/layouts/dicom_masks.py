"""Masks beside DICOM series: which series each belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.series import Phase
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.images.grids import mask_grid_fault
from lvt_track.io.images.headers import read_image_header
from lvt_track.io.layouts.image_files import MaskFile
from lvt_track.io.layouts.mask_choice import Named, chosen_files, without_unfit
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
    given: dict[int, list[Named]] = defaultdict(list)
    unused: list[LeftOut] = []
    for mask in masks:
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
            given[below[0]].append((mask, phase is not Phase.UNKNOWN))
        elif below:
            reason = (
                f"a mask that fits {len(below)} series: put it and its series into a folder of "
                f"their own, or name it by phase, such as portal_{mask.name}"
            )
            unused.append(LeftOut(mask.path, reason, is_failure=True))
        else:
            unused.append(LeftOut(mask.path, NO_SCAN))
    with_given = list(candidates)
    for k, files in given.items():
        item = candidates[k]
        kept, behind, unfit = chosen_files(files, item.geometry)
        used = {path for mask in kept.values() for path in mask.paths}
        unused += [*unfit, *(left for left in behind if left.path not in used)]
        item = replace(item, series=replace(item.series, masks=kept))
        with_given[k] = without_unfit(item, unfit)
    return with_given, unused
