"""What a reader changes of single lesions: some are none, some are several, sizes are theirs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.volume import LabelArray
from lvt_track.lesions.corrections.decisions import Decisions
from lvt_track.lesions.necks import cut_into

__all__ = ["LEAST_CHANGE_MM", "edit_labels", "edit_lesions", "neck_warnings", "split_labels"]

LEAST_CHANGE_MM = 5.0
"""RECIST 1.1 counts no smaller change of a sum; necks that move less are told quietly."""

SHOWN_LUMPS = 6


def edit_lesions(lesions: Sequence[Lesion], decisions: Decisions) -> tuple[Lesion, ...]:
    """The lesions of a visit without those that are none, with the sizes a reader measured.

    Numbers stay as they are.

    Args:
        lesions: of one visit.
        decisions: of the reader.
    """
    kept = (lesion for lesion in lesions if lesion.key not in decisions.rejected)
    return tuple(_resized(lesion, decisions.sizes_mm.get(lesion.key)) for lesion in kept)


def edit_labels(labels: LabelArray, visit: int, decisions: Decisions) -> LabelArray:
    """The label map (z, y, x) of a visit without lesions that are none; the same where all are."""
    rejected = [label for at, label in sorted(decisions.rejected) if at == visit]
    if not rejected:
        return labels
    kept: LabelArray = np.where(np.isin(labels, rejected), 0, labels).astype(np.int32)
    return kept


def split_labels(
    labels: LabelArray, parts: Mapping[int, int], spacing_mm: tuple[float, float, float]
) -> LabelArray:
    """A label map (z, y, x) with some lesions cut apart at their necks.

    The largest part keeps the label, the others get the next ones that are free.

    Args:
        labels: of one visit.
        parts: by label, into how many.
        spacing_mm: of the grid.

    Raises:
        ValueError: when a lesion has fewer voxels than parts.
    """
    cut = labels.copy()
    boxes = ndimage.find_objects(labels)
    for label, count in sorted(parts.items()):
        box = boxes[label - 1]
        numbers = cut_into(count, labels[box] == label, spacing_mm)
        free = int(cut.max()) + 1
        for k in range(2, count + 1):
            cut[box][numbers == k] = free + k - 2
    return cut


def neck_warnings(lesions: Sequence[Lesion], targets: Collection[tuple[int, int]]) -> list[str]:
    """What to say of lesions that consist of several lumps, joined by necks.

    A warning each where a split would move the sum of the targets by what RECIST calls a change;
    one quiet line for the others.

    Args:
        lesions: of one visit.
        targets: keys of the lesions that the sum of diameters counts.
    """
    necked = [lesion for lesion in lesions if lesion.lumps_mm]
    loud = [one for one in necked if one.key in targets and _saved_mm(one) >= LEAST_CHANGE_MM]
    quiet = [str(lesion.label) for lesion in necked if lesion not in loud]
    texts = [_neck_warning(lesion) for lesion in loud]
    if quiet:
        lesion, has = ("lesion", "has") if len(quiet) == 1 else ("lesions", "have")
        texts.append(
            f"{lesion} {', '.join(quiet)} {has} a neck; split there, no sum of target lesions "
            f"changes by {LEAST_CHANGE_MM:.0f} mm or more (column parts of lesions.csv)"
        )
    return texts


def _neck_warning(lesion: Lesion) -> str:
    """What a split of one lesion would change."""
    size = lesion.measurement
    each = ", ".join(f"{length_mm:.1f}" for length_mm in lesion.lumps_mm[:SHOWN_LUMPS])
    if len(lesion.lumps_mm) > SHOWN_LUMPS:
        each += f" and {len(lesion.lumps_mm) - SHOWN_LUMPS} smaller"
    whole_mm = size.long_axis.length_mm
    return (
        f"lesion {lesion.label} ({whole_mm:.1f} x {size.short_axis.length_mm:.1f} mm) is "
        f"{len(lesion.lumps_mm)} lumps joined by necks ({each} mm): perhaps lesions that touch. "
        f"It is a target and counts {whole_mm:.1f} mm, its largest lump "
        f"{lesion.lumps_mm[0]:.1f} mm; the correction split counts them apart"
    )


def _saved_mm(lesion: Lesion) -> float:
    """By how much its largest lump is shorter than what counts of the whole."""
    return lesion.measurement.long_axis.length_mm - lesion.lumps_mm[0]


def _resized(lesion: Lesion, long_axis_mm: float | None) -> Lesion:
    """The lesion with a reader's length of its long axis; a short axis is never longer."""
    if long_axis_mm is None:
        return lesion
    size = lesion.measurement
    short_mm = min(size.short_axis.length_mm, long_axis_mm)
    return replace(
        lesion,
        measurement=replace(
            size,
            long_axis=_stretched(size.long_axis, long_axis_mm),
            short_axis=_stretched(size.short_axis, short_mm),
            drawn_long_axis_mm=size.drawn_long_axis_mm or size.long_axis.length_mm,
        ),
    )


def _stretched(axis: Caliper, length_mm: float) -> Caliper:
    """A caliper of this length about the same middle, along the same line."""
    if axis.length_mm <= 0:
        return replace(axis, length_mm=length_mm)
    start, end = np.array(axis.start_mm), np.array(axis.end_mm)
    middle, half = (start + end) / 2, (end - start) / 2 * length_mm / axis.length_mm
    (x0, y0, z0), (x1, y1, z1) = (middle - half).tolist(), (middle + half).tolist()
    return Caliper((x0, y0, z0), (x1, y1, z1), length_mm)
