"""What the target lesions of a visit add up to, and all lesions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lvt_track.core.quantities import sized
from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.response.timepoints.scale import Scale, is_gone
from lvt_track.response.timepoints.targets import Baseline
from lvt_track.response.timepoints.visit import VisitRows, listed

__all__ = ["TargetSum", "add_up", "burden_ml"]


@dataclass(frozen=True)
class TargetSum:
    """What the target lesions of a visit add up to.

    Attributes:
        total: sum over those that were assessed.
        missing: names of those that were not, with the reason where one is known.
        is_gone: whether all are absent, and nodes normal.
        solid: the part of the sum that is not nodal.
        notes: what the sum rests on.
    """

    total: float
    missing: tuple[str, ...]
    is_gone: bool
    solid: float
    notes: tuple[str, ...]


def add_up(visit: VisitRows, baseline: Baseline, scale: Scale) -> TargetSum:
    """Add up the target lesions of a visit; pieces are added, what merged counts once."""
    total = solid = 0.0
    missing: list[str] = []
    notes: list[str] = []
    gone = True
    counted: set[str] = set()
    for target in baseline.targets:
        rows = visit.of(target.lesion)
        sizes = {row.lesion: _size(row, target, scale) for row in rows}
        lost = visit.lost_pieces(target.lesion)
        if not rows or lost or None in sizes.values():
            reasons = [scale.why_unmeasured(row) for row in rows]
            missing.append(_unmeasured(target.lesion, reasons, lost))
        fresh = [row for row in rows if row.lesion not in counted]
        counted |= sizes.keys()
        notes += _notes(target, fresh, sizes, scale)
        part = sum(sizes[row.lesion] or 0.0 for row in fresh)
        total += part
        solid += 0.0 if target.is_nodal else part
        gone = gone and bool(rows)
        gone = gone and all(is_gone(row, scale, is_nodal=target.is_nodal) for row in rows)
    if scale.counts_all:
        others = [row for name, row in visit.rows.items() if name not in counted]
        total += sum(_size(row, row, scale) or 0.0 for row in others)
    return TargetSum(total, tuple(missing), gone and not missing, solid, tuple(notes))


def burden_ml(rows: Iterable[Assessment]) -> float | None:
    """Total tumour burden: the volume of all lesions of a visit, target or not, old or new.

    None where a lesion that is there has no volume.
    """
    volumes = [0.0 if row.status is Status.ABSENT else row.volume_ml for row in rows]
    known = [volume for volume in volumes if volume is not None]
    return sum(known) if len(known) == len(volumes) else None


def _size(row: Assessment, target: Assessment, scale: Scale) -> float | None:
    if row.status is Status.ABSENT:
        return 0.0
    if row.status is Status.NOT_DONE:
        return None
    size = scale.size(row if row.site == target.site else replace(row, site=target.site))
    if size is None and row.status is Status.TOO_SMALL:
        return scale.too_small
    return size


def _unmeasured(lesion: str, reasons: list[str], lost: tuple[str, ...]) -> str:
    why = [f"{name} has no row" for name in lost]
    why += dict.fromkeys(reason for reason in reasons if reason)
    return f"{lesion} ({listed(why)})" if why else lesion


def _notes(
    target: Assessment, rows: list[Assessment], sizes: dict[str, float | None], scale: Scale
) -> list[str]:
    merged = [row for row in rows if len(row.derived_from) > 1]
    notes = [f"{listed(row.derived_from)} have merged and count once" for row in merged[:1]]
    pieces = [row for row in rows if row not in merged and sizes[row.lesion]]
    if len(pieces) > 1:
        notes.append(f"{target.lesion} has split into {len(pieces)}, added up")
    notes += [
        f"{row.lesion} is a target: its size counts, not that it is called progressive"
        for row in rows
        if row.status is Status.PROGRESSION and sizes[row.lesion] is not None
    ]
    notes += [
        f"{row.lesion} too small to measure, counted {sized(scale.too_small, scale.unit)}"
        for row in rows
        if row.status is Status.TOO_SMALL and sizes[row.lesion] == scale.too_small
    ]
    return notes
