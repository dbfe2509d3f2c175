"""Mask files of one scan and class: which counts, and which of them are a lesion each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import MaskSource
from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.images.grids import mask_grid_fault
from lvt_track.io.images.headers import read_image_header
from lvt_track.io.layouts.foreign import UNCLEAR
from lvt_track.io.layouts.given_masks import are_apart, read_given_labels
from lvt_track.io.layouts.image_files import MaskFile

__all__ = ["Named", "chosen_files", "with_unclear_maps", "without_unfit"]

Named = tuple[MaskFile, bool]
"""A mask file, and whether its name says which scan it is of."""


def chosen_files(
    files: Sequence[Named], geometry: Geometry
) -> tuple[dict[str, MaskSource], list[LeftOut], list[LeftOut]]:
    """The masks of a scan, a source for each class.

    A file that names its scan goes before others, and a file of one class before a label map.
    Numbered files (`tumor_1`, `tumor_2`) are lesions of one mask, unless they show the same.

    Args:
        files: all that may be of the scan.
        geometry: its grid.

    Returns:
        Masks by class; those that others go before; and those that cannot be used, which are lost.
    """
    unfit: dict[MaskFile, LeftOut] = {}
    by_class: dict[str, list[Named]] = defaultdict(list)
    for mask, is_exact in files:
        grid = read_image_header(mask.path).geometry
        if fault := mask_grid_fault(grid, geometry, is_map=bool(mask.labels)):
            unfit[mask] = LeftOut(mask.path, f"a mask {fault}", is_failure=True)
        else:
            by_class[mask.name].append((mask, is_exact))
    sources: dict[str, MaskSource] = {}
    behind: list[LeftOut] = []
    lost = list({item.path: item for item in unfit.values()}.values())
    for name, several in by_class.items():
        chosen, others = _first(several, geometry)
        behind += others
        if are_apart([mask.source for mask in chosen], geometry):
            sources[name] = MaskSource.joined([mask.source for mask in chosen])
        else:
            names = ", ".join(mask.path.name for mask in chosen)
            reason = f"of {names} some show the same {name}: none of them is used; take some away"
            lost += [LeftOut(mask.path, reason, is_failure=True) for mask in chosen]
    return sources, behind, lost


def _first(several: Sequence[Named], geometry: Geometry) -> tuple[list[MaskFile], list[LeftOut]]:
    """The file that goes before the others of its class, or the numbered ones; and the others."""
    ranks = [(not mask.labels, is_exact) for mask, is_exact in several]
    top = [mask for (mask, _), rank in zip(several, ranks, strict=True) if rank == max(ranks)]
    whole = [mask for mask in top if not mask.part]
    chosen = whole[-1:] or top
    behind = []
    for mask, _ in several:
        if mask in chosen:
            continue
        reason = f"{chosen[0].path.name} is the mask of the class {mask.name} instead"
        is_lost = mask in whole
        if mask.part and not _is_inside(mask, chosen[0], geometry):
            reason, is_lost = f"{reason}, and does not show all of it: take one away", True
        behind.append(LeftOut(mask.path, reason, is_failure=is_lost))
    return chosen, behind


def _is_inside(part: MaskFile, whole: MaskFile, geometry: Geometry) -> bool:
    try:
        drawn, all_drawn = (read_given_labels(one.source, geometry) for one in (part, whole))
    except InputError:
        return False
    return not np.any((drawn != 0) & (all_drawn == 0))


def with_unclear_maps(
    candidates: Sequence[FoundSeries], left_out: Sequence[LeftOut]
) -> list[FoundSeries]:
    """Series without given tumours warn of maps on their grid that may be a reader's tumours."""
    maps = [item for item in left_out if item.reason.startswith(UNCLEAR) and not item.is_failure]
    warned = []
    for item in candidates:
        folder = item.path if item.series.is_dicom else item.path.parent
        near = [
            left
            for left in maps
            if folder.is_relative_to(left.path.parent) or left.path.parent.is_relative_to(folder)
        ]
        unclear = [left for left in near if _has_grid(left.path, item.geometry)]
        warned.append(item if "tumors" in item.series.masks else without_unfit(item, unclear))
    return warned


def _has_grid(path: Path, geometry: Geometry) -> bool:
    return not mask_grid_fault(read_image_header(path).geometry, geometry, is_map=True)


def without_unfit(item: FoundSeries, unfit: Sequence[LeftOut]) -> FoundSeries:
    """A series that warns of masks beside it that are not used."""
    texts = (f"{left.path.name} is not used: {left.reason}" for left in unfit)
    warnings = (*item.series.warnings, *texts)
    return replace(item, series=replace(item.series, warnings=warnings))
