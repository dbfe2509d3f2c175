"""Which lesions are followed: target and non-target lesions of the baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lvt_track.core.assessment import Assessment, Role, Status
from lvt_track.response.criteria import Criterion

__all__ = ["MOST_PER_ORGAN", "MOST_TARGETS", "Baseline", "choose_baseline"]

MOST_TARGETS = 5
MOST_PER_ORGAN = 2


@dataclass(frozen=True)
class Baseline:
    """The lesions of the first visit, by what they count as.

    Attributes:
        targets, non_targets: rows of the first visit.
        chosen_by: `reader` where the rows said so, `rule` where they did not.
        remarks: where the reader's choice departs from the rule.
    """

    targets: tuple[Assessment, ...]
    non_targets: tuple[Assessment, ...]
    chosen_by: str
    remarks: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """Names of all lesions known at baseline."""
        return frozenset(row.lesion for row in (*self.targets, *self.non_targets))


def choose_baseline(rows: Sequence[Assessment], criterion: Criterion) -> Baseline:
    """Sort the rows of the first visit into target and non-target lesions.

    Where any row says that it is a target, the reader's choice is kept. Else the largest
    measurable lesions are taken, at most five and two per organ (RECIST 1.1, 3.2); equal ones by
    name. Whatever else is there is non-target.

    Args:
        rows: of the first visit.
        criterion: tells size and measurability.
    """
    there = [row for row in rows if row.status is not Status.ABSENT]
    if any(row.role is Role.TARGET for row in there):
        targets = [row for row in there if row.role is Role.TARGET]
        return Baseline(
            tuple(targets),
            tuple(row for row in there if row.role is not Role.TARGET),
            "reader",
            tuple(_remarks(targets, criterion)),
        )
    eligible = [
        row
        for row in there
        if row.role is None and row.status is Status.MEASURED and criterion.is_measurable(row)
    ]
    eligible.sort(key=lambda row: (-(criterion.size(row) or 0.0), row.lesion))
    chosen: list[Assessment] = []
    taken: Counter[str] = Counter()
    for row in eligible:
        if len(chosen) < MOST_TARGETS and taken[row.organ] < MOST_PER_ORGAN:
            chosen.append(row)
            taken[row.organ] += 1
    names = {row.lesion for row in chosen}
    rest = tuple(row for row in there if row.lesion not in names)
    return Baseline(tuple(chosen), rest, "rule", ())


def _remarks(targets: Sequence[Assessment], criterion: Criterion) -> Iterable[str]:
    if len(targets) > MOST_TARGETS:
        yield f"{len(targets)} target lesions, the rule allows {MOST_TARGETS}"
    for organ, count in Counter(row.organ for row in targets).items():
        if count > MOST_PER_ORGAN:
            yield f"{count} target lesions in {organ}, the rule allows {MOST_PER_ORGAN}"
    for row in targets:
        if criterion.size(row) is not None and not criterion.is_measurable(row):
            yield f"target {row.lesion} is too small to be one by the rule"
