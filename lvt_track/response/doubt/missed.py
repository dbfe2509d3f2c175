"""Lesions that a model may have missed: absent at a visit, though an earlier one shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.response.doubt.doubts import Doubts

__all__ = ["may_be_missed"]

_SEEN_AGAIN = 0.9
_LARGE_MM = 20.0
_MEASURABLE_MM = 10.0
_SMALL, _MIDDLE, _LARGE = 0.4, 0.15, 0.07


def may_be_missed(
    rows: Sequence[Assessment], doubts: Doubts
) -> Mapping[int, tuple[float, Assessment]]:
    """The rows of absent lesions that a model may have missed.

    Lesions that a later visit shows again were missed in nine of ten cases; of the others the
    smaller ones more often. The numbers are assumptions. A reader misses none.

    Args:
        rows: of one patient.
        doubts: who drew them.

    Returns:
        By index of the row: how probable it is, and the row with the size of the sighting before.
    """
    missed = {}
    for i, row in enumerate(rows):
        if row.status is not Status.ABSENT or row.date not in doubts.drawn or row.derived_from:
            continue
        measured = [r for r in rows if r.lesion == row.lesion and r.status is Status.MEASURED]
        before = max((r for r in measured if r.date < row.date), key=lambda r: r.date, default=None)
        if before is None:
            continue
        is_again = any(r.date > row.date for r in measured)
        chance = _SEEN_AGAIN if is_again else _chance(before)
        role = None if before.role is Role.TARGET else before.role
        missed[i] = (chance, replace(before, date=row.date, role=role))
    return missed


def _chance(before: Assessment) -> float:
    size_mm = before.long_axis_mm or _MEASURABLE_MM
    if size_mm < _MEASURABLE_MM:
        return _SMALL
    return _MIDDLE if size_mm < _LARGE_MM else _LARGE
