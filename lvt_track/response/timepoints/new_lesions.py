"""New lesions: which a visit shows, which are only possible, and since when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from lvt_track.core.quantities import natural
from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.response.timepoints.scale import NODE_NORMAL_MM, Scale, at_least
from lvt_track.response.timepoints.targets import Baseline
from lvt_track.response.timepoints.visit import VisitRows

__all__ = ["NewLesionMemory", "NewLesions", "find_new_lesions"]

# A node that grows from 9 to 11 mm may be no disease (EORTC RECIST FAQ, new lymph node lesions):
# like targets, it must grow by 5 mm.
_NODE_GROWTH_MM = 5.0


@dataclass(frozen=True)
class NewLesionMemory:
    """New lesions of the visits so far.

    Attributes:
        first: each as it was first seen.
        sure_since: when each was first certain.
    """

    first: Mapping[str, Assessment] = field(default_factory=dict)
    sure_since: Mapping[str, dt.date] = field(default_factory=dict)


@dataclass(frozen=True)
class NewLesions:
    """New lesions at one visit.

    Attributes:
        sure: names of those that count, each with the words that say since when.
        possible: those that do not count yet, with the reason where one is known.
        sizes_mm: of those that count and were measured at this visit.
        worse: those that count and that a reader calls progressive.
    """

    sure: Mapping[str, str]
    possible: tuple[str, ...]
    sizes_mm: Mapping[str, float]
    worse: tuple[str, ...] = ()


def find_new_lesions(
    date: dt.date,
    visit: VisitRows,
    baseline: Baseline,
    scale: Scale,
    memory: NewLesionMemory,
) -> tuple[NewLesions, NewLesionMemory]:
    """The new lesions of a visit, and what the next visit must remember of them."""
    first, sure_since = dict(memory.first), dict(memory.sure_since)
    for name, row in visit.rows.items():
        if not _is_new(row, baseline):
            continue
        if row.status in (Status.ABSENT, Status.NOT_DONE):
            continue
        seen = first.setdefault(name, row)
        if _is_normal(row):
            continue
        if row.status is not Status.EQUIVOCAL and not scale.is_doubtful_new(row, seen):
            sure_since.setdefault(name, date)
    gone = {name for name, row in visit.rows.items() if row.status is Status.ABSENT}
    present = sorted(sure_since.keys() - gone, key=natural)
    unsure = [
        row
        for name, row in visit.rows.items()
        if name in first and name not in sure_since and row.status is not Status.ABSENT
    ]
    present_rows = {name: visit.rows[name] for name in present if name in visit.rows}
    new = NewLesions(
        sure={name: _since(date, sure_since[name], first[name].date) for name in present},
        possible=tuple(map(_possible, unsure)),
        sizes_mm={
            name: size
            for name, row in present_rows.items()
            if (size := row.short_axis_mm if row.is_nodal else row.long_axis_mm) is not None
        },
        worse=tuple(name for name, row in present_rows.items() if row.status is Status.PROGRESSION),
    )
    return new, NewLesionMemory(first, sure_since)


def _is_normal(row: Assessment) -> bool:
    """Whether it is a node of a normal size, whatever it is called (RECIST 1.1, 4.3.1)."""
    short_mm = row.short_axis_mm
    return row.is_nodal and short_mm is not None and not at_least(short_mm, NODE_NORMAL_MM)


def _possible(row: Assessment) -> str:
    """A lesion that may be new, and why that is open."""
    why = f"a node below {NODE_NORMAL_MM:g} mm is normal" if _is_normal(row) else row.remark
    return f"{row.lesion} ({why})" if why else row.lesion


def _is_new(row: Assessment, baseline: Baseline) -> bool:
    known = baseline.names
    if row.lesion in baseline.normal_nodes:
        return _has_enlarged(row, baseline.normal_nodes[row.lesion])
    return row.lesion not in known and not set(row.derived_from) & known


def _has_enlarged(row: Assessment, start: Assessment) -> bool:
    """Whether a node that was normal at baseline has become a lesion."""
    now, before = row.short_axis_mm, start.short_axis_mm
    if now is None or before is None:
        return row.status is Status.PROGRESSION
    return at_least(now, NODE_NORMAL_MM) and at_least(now, before + _NODE_GROWTH_MM)


def _since(date: dt.date, sure: dt.date, first: dt.date) -> str:
    """Since when there is a new lesion: from the first scan that shows it (RECIST 1.1, 4.3.5).

    Args:
        date: of the visit that is judged.
        sure: when it was first certain.
        first: when it was first seen.
    """
    if first < sure:
        return f" (new since {first}, equivocal then, confirmed {sure})"
    return f" (seen since {sure})" if sure < date else ""
