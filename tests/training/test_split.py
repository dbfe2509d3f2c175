from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.errors import UsageError
from lvt_track.training.datasets.descriptor import find_descriptor
from lvt_track.training.datasets.prepared import (
    Fingerprint,
    PreparedCase,
    PreparedDataset,
    Span,
)
from lvt_track.training.datasets.split import Split, split_cases

ANY = Span((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))


def dataset(name: str, numbers: range, *, patients: tuple[str, ...] = ()) -> PreparedDataset:
    """A known dataset with cases of these numbers; or one whose patients are given."""
    known = find_descriptor(name)
    own = patients or tuple(known.patient_of(str(number)) for number in numbers)
    cases = tuple(
        PreparedCase(
            dataset=name,
            name=str(number),
            patient=patient,
            knowledge=known.knowledge,
            spacing_mm=(1.0, 1.0, 1.0),
            shape=(1, 1, 1),
            voxels={},
            folder=Path(),
        )
        for number, patient in zip(numbers, own, strict=True)
    )
    return PreparedDataset(
        name=name,
        title="",
        licence="",
        citation="",
        url="",
        group=known.group,
        copy_of=known.copy_of,
        knowledge=known.knowledge,
        fingerprint=Fingerprint(ANY, ANY, {}),
        cases=cases,
    )


LITS = dataset("lits", range(131))
MSD = dataset("msd-liver", range(131))
IRCADB = dataset("3d-ircadb-01", range(1, 21))
VESSELS = dataset("msd-hepatic-vessel", range(1, 100))
METASTASES = dataset("colorectal-liver-metastases", range(1001, 1061))
CHAOS = dataset("chaos-ct", range(1, 21))
ALL = [LITS, MSD, IRCADB, VESSELS, METASTASES, CHAOS]


def named(cases: tuple[PreparedCase, ...], dataset: str) -> set[int]:
    return {int(case.name) for case in cases if case.dataset == dataset}


def left_out(split: Split, dataset: str) -> set[int]:
    return named(tuple(one.case for one in split.left_out), dataset)


subsets = st.lists(st.sampled_from(ALL), min_size=1, max_size=6, unique_by=lambda d: d.name)


@settings(deadline=None)
@given(subsets, st.floats(0, 0.9), st.integers(0, 99), st.data())
def test_no_patient_is_on_both_sides(
    datasets: list[PreparedDataset], share: float, seed: int, data: st.DataObject
) -> None:
    names = [one.name for one in datasets]
    held_out = data.draw(st.sets(st.sampled_from(names), max_size=len(names) - 1))
    try:
        split = split_cases(datasets, share, seed, held_out)
    except UsageError:
        return  # nothing left to learn from
    training = {case.patient for case in split.training}
    assert training.isdisjoint(case.patient for case in split.validation)
    parts = [*split.training, *split.validation, *(one.case for one in split.left_out)]
    everything = [case for one in datasets for case in one.cases]
    assert sorted(map(id, parts)) == sorted(map(id, everything))
    assert all(one.reason for one in split.left_out)
    assert not {case.dataset for case in split.training} & held_out
    sides = [{c.dataset for c in part} for part in (split.training, split.validation)]
    group = {"msd-hepatic-vessel", "colorectal-liver-metastases"}
    if group <= set(names):
        assert not (sides[0] & group and sides[1] & group)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=40, max_size=40), st.integers(0, 99))
def test_patients_with_several_cases_stay_together(patients: list[int], seed: int) -> None:
    given_ = tuple(f"ours/{patient}" for patient in patients)
    split = split_cases([dataset("btcv", range(40), patients=given_)], 0.3, seed)
    training = {case.patient for case in split.training}
    validation = {case.patient for case in split.validation}
    assert training.isdisjoint(validation)
    assert len(validation) == round(0.3 * len(set(patients)))


@settings(deadline=None)
@given(subsets, st.integers(0, 99))
def test_the_order_of_datasets_does_not_matter(datasets: list[PreparedDataset], seed: int) -> None:
    one, other = split_cases(datasets, 0.2, seed), split_cases(datasets[::-1], 0.2, seed)
    assert set(map(id, one.validation)) == set(map(id, other.validation))


def test_another_dataset_moves_nobody_else() -> None:
    alone = split_cases([LITS], 0.2, 7)
    both = split_cases([LITS, CHAOS], 0.2, 7)
    assert named(alone.validation, "lits") == named(both.validation, "lits")
    assert len(alone.validation) == 26
    assert len(named(both.validation, "chaos-ct")) == 4
    assert named(split_cases([LITS], 0.2, 8).validation, "lits") != named(alone.validation, "lits")


def test_copies_of_scans_are_left_out() -> None:
    split = split_cases([MSD, LITS])
    assert left_out(split, "msd-liver") == set(range(131))
    assert split.left_out[0].reason == "the same scan and labels are in lits"
    assert split_cases([MSD]).left_out == ()


def test_what_is_held_out_takes_its_patients_with_it() -> None:
    split = split_cases([LITS, IRCADB], 0.0, held_out=["3d-ircadb-01"])
    assert named(split.validation, "3d-ircadb-01") == set(range(1, 21))
    assert named(split.validation, "lits") == set()
    assert left_out(split, "lits") == set(range(28, 48))
    assert split.left_out[0].reason == "the patient is in what is held out (3d-ircadb-01)"


def test_copies_know_whose_patients_they_are_without_the_original() -> None:
    split = split_cases([MSD, IRCADB], 0.0, held_out=["3d-ircadb-01"])
    assert left_out(split, "msd-liver") == set(range(28, 48))


def test_one_hospital_stays_together_unless_told() -> None:
    datasets = [VESSELS, METASTASES, CHAOS]
    split = split_cases(datasets, 0.2)
    assert {case.dataset for case in split.validation} == {"chaos-ct"}
    held = split_cases(datasets, 0.0, held_out=["colorectal-liver-metastases"])
    assert left_out(held, "msd-hepatic-vessel") == set(range(1, 100))
    assert "cannot be told apart" in held.left_out[0].reason
    told = split_cases(datasets, 0.2, separable=["mskcc"])
    assert len(named(told.validation, "msd-hepatic-vessel")) == 20
    assert len(named(told.validation, "colorectal-liver-metastases")) == 12
    alone = split_cases([VESSELS], 0.2)
    assert len(alone.validation) == 20


def test_wrong_use_is_refused() -> None:
    with pytest.raises(UsageError, match="from 0 to below 1"):
        split_cases([LITS], 1.0)
    with pytest.raises(UsageError, match="there twice"):
        split_cases([LITS, LITS])
    with pytest.raises(UsageError, match="not among"):
        split_cases([LITS], held_out=["chaos-ct"])
    with pytest.raises(UsageError, match="no case is left"):
        split_cases([LITS], held_out=["lits"])
