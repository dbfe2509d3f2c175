"""Several DICOM segmentations of one series: versions of one drawing, or a lesion in each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import MaskSource
from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.layouts.drawings.drawn_segmentations import Drawn
from lvt_track.io.layouts.given_masks import are_apart, read_given_labels

__all__ = ["chosen_masks"]

_IN_PIECES = ("tumors", "vessels")
"""Classes that readers draw piece by piece; a liver is one thing."""


def chosen_masks(
    item: FoundSeries, drawings: Sequence[Drawn]
) -> tuple[dict[str, MaskSource], list[LeftOut], list[str]]:
    """The masks of a series, one of each class; those that step back; and what is to be told."""
    masks = dict(item.series.masks)
    left_out: list[LeftOut] = []
    texts: list[str] = []
    by_class: dict[str, list[Drawn]] = defaultdict(list)
    for drawn in drawings:
        for name in drawn.classes.by_class:
            by_class[name].append(drawn)
    for name, several in by_class.items():
        kept, behind, told = _newest(several, name, item.geometry)
        left_out += behind
        texts += told
        beside = masks.get(name)
        source = MaskSource.joined([one.mask(name) for one in kept])
        if beside is not None:
            lost, told = _behind_file(kept, source, (name, beside), item.geometry)
            left_out += lost
            texts += told
        elif len(kept) == 1 or _are_of_one_hand(kept, name, item.geometry):
            masks[name] = source
            if len(kept) > 1:
                names = ", ".join(one.path.name for one in kept)
                texts.append(f"the {name} are those of {len(kept)} segmentations ({names})")
        else:
            names = " and ".join(one.path.name for one in kept)
            reason = (
                f"{names} are masks of the class {name}, and not the same: none of them is used"
            )
            texts.append(reason)
            reason = f"{reason}; take the others away"
            left_out += [LeftOut(one.path, reason, is_failure=True) for one in kept]
    return masks, left_out, texts


def _newest(
    several: Sequence[Drawn], name: str, geometry: Geometry
) -> tuple[list[Drawn], list[LeftOut], list[str]]:
    """Drawings but for those that a later one takes the place of, or has the same voxels as."""
    kept: list[Drawn] = []
    behind: list[LeftOut] = []
    texts: list[str] = []
    for drawn in sorted(several, key=lambda one: one.header.made, reverse=True):
        later = next((one for one in kept if _replaces(one, drawn, name, geometry)), None)
        same = next((one for one in kept if _are_same(one.mask(name), drawn.mask(name), geometry)),
                    None)  # fmt: skip
        if later is not None:
            text = f"{later.path.name} is a later one of the {name}, and is used instead"
            behind.append(LeftOut(drawn.path, text))
            if later.header.series_uid != drawn.header.series_uid:
                texts.append(
                    f"{drawn.path.name} is not used for the {name}: {later.path.name} is later, "
                    "of one author"
                )
        elif same is not None:
            behind.append(LeftOut(drawn.path, f"the same {name} as {same.path.name}"))
        else:
            kept.append(drawn)
    return kept[::-1], behind, texts


def _behind_file(
    kept: Sequence[Drawn], source: MaskSource, of: tuple[str, MaskSource], geometry: Geometry
) -> tuple[list[LeftOut], list[str]]:
    """Why drawings step back behind a file beside the scan: the same, or a contradiction."""
    name, beside = of
    instead = beside.path.name
    if _are_same(source, beside, geometry):
        return [LeftOut(one.path, f"the same {name} as {instead}") for one in kept], []
    reason = f"{instead} is the mask of the class {name} instead, and another one"
    texts = [f"{one.path.name} is not used: {reason}" for one in kept]
    reason = f"{reason}: take one of them away"
    return [LeftOut(one.path, reason, is_failure=True) for one in kept], texts


def _are_of_one_hand(kept: Sequence[Drawn], name: str, geometry: Geometry) -> bool:
    """Whether drawings complete each other: of one author, each with lesions of its own."""
    authors = {one.header.author[:-1] for one in kept}  # but for the description of the series
    return (
        name in _IN_PIECES
        and len(authors) == 1
        and are_apart([one.mask(name) for one in kept], geometry)
    )


def _are_same(one: MaskSource, other: MaskSource, geometry: Geometry) -> bool:
    """Whether two masks have the same voxels; not where one cannot be read, which is told later."""
    try:
        first, second = (read_given_labels(mask, geometry) != 0 for mask in (one, other))
    except InputError:
        return False
    return np.array_equal(first, second)


def _replaces(later: Drawn, earlier: Drawn, name: str, geometry: Geometry) -> bool:
    """Whether a segmentation clearly takes the place of another: of its series, or its author's.

    Drawings of one author that have no segment or no voxel in common are of a lesion each.
    """
    one, other = later.header, earlier.header
    if one.made <= other.made:
        return False
    if one.series_uid == other.series_uid != "":
        return True
    is_dated = one.made[0] != "" != other.made[0]
    is_same = one.author == other.author and one.author[-1] != ""
    if not (is_dated and is_same and later.labels(name) & earlier.labels(name)):
        return False
    return name not in _IN_PIECES or not are_apart([later.mask(name), earlier.mask(name)], geometry)
