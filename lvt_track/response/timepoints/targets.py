"""Which lesions are followed: target and non-target lesions of the baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lvt_track.core.quantities import natural
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.response.timepoints.scale import NODE_NORMAL_MM, Scale

__all__ = ["MOST_PER_ORGAN", "MOST_TARGETS", "Baseline", "choose_baseline"]

MOST_TARGETS = 5
MOST_PER_ORGAN = 2


@dataclass(frozen=True)
class Baseline:
    """The lesions of the first visit, by what they count as.

    Attributes:
        targets, non_targets: rows of the first visit.
        chosen_by: `reader` where the rows said so, `rule` where they did not, `all` where the
            criterion counts every lesion.
        remarks: where the reader's choice departs from the rule.
        normal_nodes: nodes that are no lesions, because they are normal; by name.
    """

    targets: tuple[Assessment, ...]
    non_targets: tuple[Assessment, ...]
    chosen_by: str
    remarks: tuple[str, ...]
    normal_nodes: Mapping[str, Assessment] = field(default_factory=dict)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of all lesions known at baseline."""
        return frozenset(row.lesion for row in (*self.targets, *self.non_targets))


def choose_baseline(rows: Sequence[Assessment], scale: Scale) -> Baseline:
    """Sort the rows of the first visit into target and non-target lesions.

    Where any row says that it is a target, the reader's choice is kept. Else the largest
    measurable lesions are taken, at most five and two per organ (RECIST 1.1, 3.2); equal ones by
    name. Whatever else is there is non-target, but for nodes of a normal size.

    Args:
        rows: of the first visit.
        scale: tells size and measurability.
    """
    present = [row for row in rows if row.status is not Status.ABSENT]
    named = [row for row in present if row.role is Role.TARGET and not scale.counts_all]
    targets = named or _largest(present, scale)
    chosen = {row.lesion for row in targets}
    normal = {row.lesion: row for row in present if row.lesion not in chosen and _is_normal(row)}
    remarks = list(_remarks(targets, scale)) if named else []
    remarks += [f"node {name} is below {NODE_NORMAL_MM:g} mm: normal" for name in normal]
    return Baseline(
        targets=tuple(targets),
        non_targets=tuple(r for r in present if r.lesion not in chosen and r.lesion not in normal),
        chosen_by="all" if scale.counts_all else "reader" if named else "rule",
        remarks=tuple(remarks),
        normal_nodes=normal,
    )


def _is_normal(row: Assessment) -> bool:
    return row.is_nodal and row.short_axis_mm is not None and row.short_axis_mm < NODE_NORMAL_MM


def _largest(present: Sequence[Assessment], scale: Scale) -> list[Assessment]:
    """The largest measurable lesions of which no role is said; all of them where all count."""
    if scale.counts_all:
        return [row for row in present if scale.is_measurable(row)]
    eligible = [
        row
        for row in present
        if row.role is None and row.status is Status.MEASURED and scale.is_measurable(row)
    ]
    eligible.sort(key=lambda row: (-(scale.size(row) or 0.0), natural(row.lesion)))
    chosen: list[Assessment] = []
    taken: Counter[str] = Counter()
    for row in eligible:
        if len(chosen) < MOST_TARGETS and taken[row.organ] < MOST_PER_ORGAN:
            chosen.append(row)
            taken[row.organ] += 1
    return chosen


def _remarks(targets: Sequence[Assessment], scale: Scale) -> Iterable[str]:
    if len(targets) > MOST_TARGETS:
        yield f"{len(targets)} target lesions, the rule allows {MOST_TARGETS}"
    for organ, count in Counter(row.organ for row in targets).items():
        if count > MOST_PER_ORGAN:
            yield f"{count} target lesions in {organ}, the rule allows {MOST_PER_ORGAN}"
    for row in targets:
        if scale.size(row) is not None and not scale.is_measurable(row):
            yield f"target {row.lesion} is too small to be one by the rule"
