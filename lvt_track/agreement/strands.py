"""Lesions through time on one side, each with its later pieces and mergers."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.core.response.sites import default_site_words

__all__ = ["Strand", "diameter_mm", "organ_of_strand", "strands"]

Strand = Mapping[dt.date, tuple[Assessment, ...]]
"""The rows of one lesion by visit: several where it has split."""

# Where a lesion is absent the ratio of sizes is taken to this, and to what is too small to measure.
_TOO_SMALL_MM = 5.0


def strands(rows: Sequence[Assessment]) -> dict[str, Strand]:
    """The lesions of a table through time, by the name they began with.

    What has merged belongs to each of those that merged. Lesions that are absent whenever they
    have a row are none.

    Args:
        rows: of one patient.
    """
    names = {row.lesion for row in rows}
    by_root: dict[str, dict[dt.date, list[Assessment]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: (row.date, row.lesion)):
        for root in row.derived_from or (_root(row.lesion, names),):
            by_root[root][row.date].append(row)
    return {
        name: {date: _present_rows(visit_rows) for date, visit_rows in by_date.items()}
        for name, by_date in sorted(by_root.items())
        if any(
            row.status is not Status.ABSENT for visit_rows in by_date.values() for row in visit_rows
        )
    }


def _root(lesion: str, names: set[str]) -> str:
    """The lesion of which one named `6.2` is a piece, where there is one."""
    whole = re.sub(r"\.\d+$", "", lesion)
    has_other_pieces = any(f"{whole}.{k}" in names for k in (1, 2) if f"{whole}.{k}" != lesion)
    return whole if whole in names or has_other_pieces else lesion


def _present_rows(rows: Sequence[Assessment]) -> tuple[Assessment, ...]:
    """The rows, without absent ones where others say that something is left."""
    there = tuple(row for row in rows if row.status is not Status.ABSENT)
    return there or tuple(rows[:1])


def diameter_mm(rows: Sequence[Assessment]) -> float | None:
    """The diameter of a lesion at a visit, pieces added up; 0 where absent, None if not known."""
    total = 0.0
    for row in rows:
        if row.status is Status.ABSENT:
            continue
        size = row.long_axis_mm if row.long_axis_mm is not None else row.short_axis_mm
        if size is None and row.status is Status.TOO_SMALL:
            size = _TOO_SMALL_MM
        if size is None:
            return None
        total += size
    return total


def organ_of_strand(strand: Strand) -> str | None:
    """The organ it lies in; None where no word for it is known."""
    first = strand[min(strand)][0]
    return default_site_words().organ(first.site)
