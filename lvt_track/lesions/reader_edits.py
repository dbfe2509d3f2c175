"""What a reader changes of single lesions: those that are none are left out, sizes are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lvt_track.core.records import Caliper, Lesion
from lvt_track.core.volume import LabelArray
from lvt_track.lesions.decisions import Decisions

__all__ = ["edit_labels", "edit_lesions"]


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
            drawn_long_axis_mm=size.long_axis.length_mm,
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
