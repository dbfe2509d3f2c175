"""Training and validation cases, such that no patient is on both sides.

A patient may have several cases, in several datasets. Where datasets of one group may share
patients that cannot be told, all their cases stay together, as if they were one patient's.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lvt_track.errors import UsageError
from lvt_track.training.datasets.prepared import PreparedCase, PreparedDataset

__all__ = ["LeftOutCase", "Split", "split_cases"]


@dataclass(frozen=True)
class LeftOutCase:
    """A case that is on neither side, and why."""

    case: PreparedCase
    reason: str


@dataclass(frozen=True)
class Split:
    """Cases to learn from, cases to judge by, and what is in neither, in order of the datasets."""

    training: tuple[PreparedCase, ...]
    validation: tuple[PreparedCase, ...]
    left_out: tuple[LeftOutCase, ...]


def split_cases(
    datasets: Sequence[PreparedDataset],
    validation_share: float = 0.2,
    seed: int = 0,
    held_out: Collection[str] = (),
    separable: Collection[str] = (),
) -> Split:
    """Split the cases of datasets; equal arguments give equal splits.

    The order in which patients are chosen follows from the seed and their identity alone, so that
    another dataset moves nobody but those in it or of its group. Datasets kept together as a group
    are learned from, never chosen for validation. Copies of scans that are there anyway are left
    out.

    Args:
        datasets: to split.
        validation_share: of the patients of each dataset, rounded; from 0 to below 1.
        seed: another one, another split.
        held_out: names of datasets that are wholly for validation; cases of others whose patients
            are in them, or may be, are left out.
        separable: groups whose datasets are known to share no patient.

    Raises:
        UsageError: for a share out of range, a name that is not there or there twice, or when
            nothing is left to learn from.
    """
    names = [dataset.name for dataset in datasets]
    if not 0.0 <= validation_share < 1.0:
        raise UsageError(f"the validation share is from 0 to below 1, not {validation_share}")
    if len(set(names)) < len(names):
        raise UsageError(f"a dataset is there twice: {', '.join(sorted(names))}")
    for name in held_out:
        if name not in names:
            raise UsageError(f"{name} is to be held out, but is not among {', '.join(names)}")
    left_out: list[LeftOutCase] = []
    cases = _without_copies(datasets, left_out)
    units = _units(datasets, cases, separable)
    held = {units[id(case)] for case in cases if case.dataset in held_out}
    chosen = _chosen(cases, units, held, validation_share, seed)
    training, validation = [], []
    for case in cases:
        unit = units[id(case)]
        if case.dataset in held_out or unit in chosen:
            validation.append(case)
        elif unit in held:
            left_out.append(LeftOutCase(case, _why_held(case, unit, held_out)))
        else:
            training.append(case)
    if not training:
        raise UsageError("no case is left to learn from", remedy="Hold out less, or add a dataset")
    return Split(tuple(training), tuple(validation), tuple(left_out))


def _without_copies(
    datasets: Sequence[PreparedDataset], left_out: list[LeftOutCase]
) -> list[PreparedCase]:
    """All cases but those that an original among the datasets makes superfluous."""
    patients = {dataset.name: {one.patient for one in dataset.cases} for dataset in datasets}
    kept = []
    for dataset in datasets:
        originals = patients.get(dataset.copy_of, set())
        for case in dataset.cases:
            if case.patient in originals:
                reason = f"the same scan and labels are in {dataset.copy_of}"
                left_out.append(LeftOutCase(case, reason))
            else:
                kept.append(case)
    return kept


def _units(
    datasets: Sequence[PreparedDataset],
    cases: Sequence[PreparedCase],
    separable: Collection[str],
) -> dict[int, str]:
    """For each case (by id) what must stay together: its patient, or a group and its patients."""
    members: dict[str, set[str]] = defaultdict(set)
    for dataset in datasets:
        if dataset.group and dataset.group not in separable:
            members[dataset.group].add(dataset.name)
    group_of = {
        name: f"group {group}"
        for group, together in members.items()
        if len(together) > 1
        for name in together
    }
    unit_of_patient = {
        case.patient: group_of[case.dataset] for case in cases if case.dataset in group_of
    }
    return {id(case): unit_of_patient.get(case.patient, case.patient) for case in cases}


def _chosen(
    cases: Sequence[PreparedCase],
    units: dict[int, str],
    held: set[str],
    share: float,
    seed: int,
) -> set[str]:
    """Units for validation: of each dataset its share, in an order that the seed gives.

    A group is never chosen: it would be all of its datasets.
    """
    of_dataset: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        unit = units[id(case)]
        if unit == case.patient and unit not in held:
            of_dataset[case.dataset].add(unit)
    chosen: set[str] = set()
    for free in of_dataset.values():
        ordered = sorted(free, key=lambda unit: _rank(unit, seed))
        chosen.update(ordered[: round(share * len(ordered))])
    return chosen


def _rank(unit: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {unit}".encode()).hexdigest()


def _why_held(case: PreparedCase, unit: str, held_out: Collection[str]) -> str:
    names = ", ".join(sorted(held_out))
    if unit == case.patient:
        return f"the patient is in what is held out ({names})"
    return f"the patient may be in what is held out ({names}): {unit} cannot be told apart"
