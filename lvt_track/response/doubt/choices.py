"""All choices of target lesions that the rule admits: two an organ, five in all."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.response.doubt.draws import by_content, seed_of
from lvt_track.response.timepoints.scale import Scale
from lvt_track.response.timepoints.targets import MOST_PER_ORGAN, MOST_TARGETS, choose_baseline

__all__ = ["MOST_CHOICES", "TargetChoices", "admissible_choices", "with_targets"]

MOST_CHOICES = 100
"""Of more choices so many are drawn at random."""


@dataclass(frozen=True)
class TargetChoices:
    """Choices of targets.

    Attributes:
        names: of the targets, choice by choice.
        possible: how many choices the rule admits.
    """

    names: tuple[frozenset[str], ...]
    possible: int


def admissible_choices(rows: Sequence[Assessment], scale: Scale) -> TargetChoices:
    """The choices of targets that a reader might make with the lesions of the baseline.

    As many measurable lesions are taken as the rule allows. A lesion that is non-target because
    it is doubtful is none of them; where the rows name targets, other measurable lesions are.

    Args:
        rows: of one patient.
        scale: tells what is measurable.

    Returns:
        No names where the criterion counts all lesions, or where there is only one choice.
    """
    if scale.counts_all or not rows:
        return TargetChoices((), 0)
    start = min(row.date for row in rows)
    first = [group[0] for group in by_content(rows) if group[0].date == start]
    is_named = any(row.role is Role.TARGET for row in first)
    organs: dict[str, list[str]] = defaultdict(list)
    for row in first:
        is_open = row.role in (None, Role.TARGET) or (is_named and row.role is Role.NON_TARGET)
        if is_open and row.status is Status.MEASURED and scale.is_measurable(row):
            organs[row.organ].append(row.lesion)
    groups = [organs[organ] for organ in sorted(organs)]
    shares = list(_shares([len(group) for group in groups]))
    possible = sum(
        math.prod(math.comb(len(g), k) for g, k in zip(groups, share, strict=True))
        for share in shares
    )
    if possible <= 1:
        return TargetChoices((), possible)
    if possible <= MOST_CHOICES:
        names = [choice for share in shares for choice in _all(groups, share)]
        return TargetChoices(tuple(names), possible)
    made = frozenset(row.lesion for row in choose_baseline(first, scale).targets)
    drawn = _sampled(groups, shares, seed_of(rows))
    return TargetChoices((made, *drawn[: MOST_CHOICES - 1]), possible)


def with_targets(rows: Sequence[Assessment], targets: frozenset[str]) -> list[Assessment]:
    """The rows with these targets of the baseline and no others."""
    start = min(row.date for row in rows)
    changed = []
    for row in rows:
        if row.date == start:
            role = Role.TARGET if row.lesion in targets else Role.NON_TARGET
            changed.append(replace(row, role=role))
        elif row.role in (Role.TARGET, Role.NON_TARGET):
            changed.append(replace(row, role=None))
        else:
            changed.append(row)
    return changed


def _shares(counts: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """How many targets of each organ: as many as the rule allows."""
    most = [min(count, MOST_PER_ORGAN) for count in counts]
    total = min(sum(most), MOST_TARGETS)
    for share in itertools.product(*(range(k + 1) for k in most)):
        if sum(share) == total:
            yield share


def _all(groups: Sequence[Sequence[str]], share: Sequence[int]) -> Iterator[frozenset[str]]:
    picks = (itertools.combinations(g, k) for g, k in zip(groups, share, strict=True))
    for chosen in itertools.product(*picks):
        yield frozenset(itertools.chain(*chosen))


def _sampled(
    groups: Sequence[Sequence[str]], shares: Sequence[tuple[int, ...]], seed: int
) -> list[frozenset[str]]:
    """Choices at random, each once."""
    rng = np.random.default_rng([seed, 1])
    drawn: dict[frozenset[str], None] = {}
    for _ in range(4 * MOST_CHOICES):
        share = shares[int(rng.integers(len(shares)))]
        parts = (
            rng.choice(len(g), size=k, replace=False) for g, k in zip(groups, share, strict=True)
        )
        choice = frozenset(g[i] for g, part in zip(groups, parts, strict=True) for i in part)
        drawn[choice] = None
    return list(drawn)
