"""What a visit says of the non-target lesions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lvt_track.core.quantities import sized
from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.response.timepoints.scale import Scale, at_least, is_gone
from lvt_track.response.timepoints.targets import Baseline
from lvt_track.response.timepoints.visit import VisitRows

__all__ = ["GrownNonTarget", "NonTargets", "assess_non_targets"]

_GROWTH_FACTOR = 1.2
_GROWTH_LEAST_MM = 5.0


@dataclass(frozen=True)
class GrownNonTarget:
    """A non-target lesion, or several that have merged, whose growth a reader must judge.

    Attributes:
        names: of the lesions at baseline.
        baseline_mm, now_mm: their size then, added up, and now.
    """

    names: tuple[str, ...]
    baseline_mm: float
    now_mm: float

    def __str__(self) -> str:
        sizes = f"{self.baseline_mm:.1f} to {sized(self.now_mm, 'mm')}"
        return f"{' + '.join(self.names)} ({sizes})"


@dataclass(frozen=True)
class NonTargets:
    """What a visit says of the non-target lesions, by name.

    Attributes:
        any_at_baseline: whether there are any to speak of.
        worse: called unequivocally progressive by a reader.
        missing: not assessed.
        left: still there; nodes that are still enlarged.
        back: those left that were gone when the whole patient was in complete response. A node is
            not: one that is visible again has not progressed (EORTC RECIST FAQ, abnormal lymph
            node).
        grown: those left that grew as far as targets must to progress, largest growth first, but
            for those of which a reader says that it is none.
        in_doubt: those left that may be none: equivocal.
        sizes_mm: of those left that were measured.
    """

    any_at_baseline: bool
    worse: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    grown: tuple[GrownNonTarget, ...] = ()
    in_doubt: tuple[str, ...] = ()
    sizes_mm: Mapping[str, float] = field(default_factory=dict)


def assess_non_targets(
    visit: VisitRows, baseline: Baseline, scale: Scale, cleared_on: dt.date | None
) -> NonTargets:
    """Sort the non-target lesions by what a visit says of them.

    Args:
        visit: the rows of the visit.
        baseline: with the non-target lesions.
        scale: tells what is cleared.
        cleared_on: date of a complete response before this visit; None where there was none.
    """
    worse, missing, left, back, in_doubt = [], [], [], [], []
    sizes: dict[str, float] = {}
    for lesion in baseline.non_targets:
        rows = visit.of(lesion.lesion)
        size = sum(_size_mm(row, lesion) or 0.0 for row in rows)
        if size:
            sizes[lesion.lesion] = size
        if any(row.status is Status.PROGRESSION for row in rows):
            worse.append(lesion.lesion)
        elif _is_missing(rows) or visit.lost_pieces(lesion.lesion):
            missing.append(lesion.lesion)
        elif not all(is_gone(row, scale, is_nodal=lesion.is_nodal) for row in rows):
            left.append(lesion.lesion)
            if all(row.status in (Status.EQUIVOCAL, Status.ABSENT) for row in rows):
                in_doubt.append(lesion.lesion)
            if cleared_on is not None and not lesion.is_nodal:
                back.append(lesion.lesion)
    return NonTargets(
        any_at_baseline=bool(baseline.non_targets),
        worse=tuple(worse),
        missing=tuple(missing),
        left=tuple(left),
        back=tuple(back),
        grown=tuple(_grown(visit, baseline, left)),
        in_doubt=tuple(in_doubt),
        sizes_mm=sizes,
    )


def _is_missing(rows: Sequence[Assessment]) -> bool:
    return not rows or any(row.status is Status.NOT_DONE for row in rows)


def _size_mm(row: Assessment, lesion: Assessment) -> float | None:
    """Nodes by their short axis, as everywhere."""
    return row.short_axis_mm if lesion.is_nodal else row.long_axis_mm


def _grown(visit: VisitRows, baseline: Baseline, left: Sequence[str]) -> list[GrownNonTarget]:
    """Those that grew; lesions that have merged are compared as the sum of what they were."""
    start = {row.lesion: row for row in baseline.non_targets}
    grown: dict[tuple[str, ...], GrownNonTarget] = {}
    for name in left:
        rows = visit.of(name)
        if any(row.is_no_progression for row in rows):
            continue
        merged = next((row for row in rows if len(row.derived_from) > 1), None)
        names = (name,) if merged is None else merged.derived_from
        if names in grown or not all(one in start for one in names):
            continue
        before = [_size_mm(start[one], start[one]) for one in names]
        now_rows = {row.lesion: row for one in names for row in visit.of(one)}
        now = sum(_size_mm(row, start[name]) or 0.0 for row in now_rows.values())
        known = [size for size in before if size is not None]
        was = sum(known)
        limit = max(_GROWTH_FACTOR * was, was + _GROWTH_LEAST_MM)
        if known and len(known) == len(names) and at_least(now, limit):
            grown[names] = GrownNonTarget(tuple(names), was, now)
    return sorted(grown.values(), key=lambda one: one.baseline_mm / one.now_mm)
