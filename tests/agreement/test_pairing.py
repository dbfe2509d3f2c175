"""A reader's lesions and ours: by place, by the pattern of sizes, and nobody dropped."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.agreement.pairing import Pairing, pair_lesions
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.response.assessment import Assessment, Status

START = dt.date(2024, 1, 1)


def rows(lesion: str, sizes_mm: list[float | None], place: Point | None = None) -> list[Assessment]:
    return [
        Assessment(
            date=START + dt.timedelta(60 * k),
            lesion=lesion,
            long_axis_mm=size or None,
            status=Status.ABSENT if size == 0 else Status.MEASURED,
            position_mm=place,
        )
        for k, size in enumerate(sizes_mm)
        if size is not None
    ]


def test_place_decides_over_size() -> None:
    reader = rows("T1", [30, 31], (0, 0, 0)) + rows("T2", [20, 21], (80, 0, 0))
    own = rows("1", [20, 21], (2, 1, 0)) + rows("2", [30, 31], (78, 0, 3))
    found = pair_lesions(reader, own)
    assert [(p.reader, p.computed, p.by) for p in found.pairs] == [
        ("T1", "1", "place"),
        ("T2", "2", "place"),
    ]
    assert all(pair.confidence > 0.7 for pair in found.pairs)


def test_a_lesion_with_a_place_is_not_paired_by_size_with_another_place() -> None:
    reader = rows("T1", [30], (0, 0, 0)) + rows("T2", [20], (80, 0, 0))
    own = rows("1", [30], (1, 0, 0)) + rows("2", [20], (-90, 40, 0))
    found = pair_lesions(reader, own)
    assert [pair.reader for pair in found.pairs] == ["T1"]
    assert found.only_reader == ("T2",)
    assert found.only_computed == ("2",)


def test_without_places_the_pattern_of_sizes_decides() -> None:
    reader = rows("A", [30, 20, 12]) + rows("B", [28, 35, 44]) + rows("C", [12, 0, 0])
    own = rows("7", [27, 34, 46]) + rows("3", [11, 0, 0]) + rows("5", [31, 21, 11])
    found = pair_lesions(reader, own)
    assert [(p.reader, p.computed, p.by) for p in found.pairs] == [
        ("A", "5", "size"),
        ("B", "7", "size"),
        ("C", "3", "size"),
    ]
    assert all(pair.confidence > 0.5 for pair in found.pairs)


def test_two_lesions_alike_are_paired_without_confidence() -> None:
    reader = rows("A", [20, 20]) + rows("B", [20, 20])
    own = rows("1", [21, 21]) + rows("2", [21, 21])
    found = pair_lesions(reader, own)
    assert len(found.pairs) == 2
    assert all(pair.confidence == 0 for pair in found.pairs)


def test_lesions_that_fit_nobody_are_listed() -> None:
    found = pair_lesions(rows("A", [50, 60]), rows("1", [10, 9]))
    assert (found.pairs, found.only_reader, found.only_computed) == ((), ("A",), ("1",))
    assert pair_lesions([], rows("1", [10])).only_computed == ("1",)


def test_visits_that_one_side_lacks_do_not_count() -> None:
    found = pair_lesions(rows("A", [30, None, 12]), rows("1", [31, 20, 12]))
    assert [(p.reader, p.computed) for p in found.pairs] == [("A", "1")]


@given(st.integers(0, 10_000), st.integers(1, 8))
@settings(deadline=None, max_examples=40)
def test_every_lesion_is_paired_once_or_listed(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    reader, own = [], []
    for k in range(count):
        sizes = list(rng.uniform(8, 60, 3))
        reader += rows(f"R{k}", sizes)
        if rng.random() < 0.8:
            own += rows(f"{k}", [float(s * rng.normal(1, 0.1)) for s in sizes])
    found = pair_lesions(reader, own)
    theirs = [p.reader for p in found.pairs] + list(found.only_reader)
    ours = [p.computed for p in found.pairs] + list(found.only_computed)
    assert sorted(theirs) == sorted({row.lesion for row in reader})
    assert sorted(ours) == sorted({row.lesion for row in own})
    shuffled = [reader[k] for k in rng.permutation(len(reader))]
    assert pair_lesions(shuffled, own) == found


def test_simulated_readers_are_paired_by_size_alone() -> None:
    """Six lesions, four visits, readers with 12 % spread: nearly all pairs are right."""
    rng = np.random.default_rng(0)
    right = total = sure = sure_right = 0
    for _ in range(60):
        reader, own = [], []
        for k in range(6):
            start, growth = rng.uniform(10, 60), rng.normal(0, 0.25)
            sizes = [float(start * np.exp(growth * visit)) for visit in range(4)]
            reader += rows(str(k), [float(s * np.exp(rng.normal(0, 0.085))) for s in sizes])
            own += rows(str(k), [float(s * np.exp(rng.normal(0, 0.085))) for s in sizes])
        pairs = pair_lesions(reader, own).pairs
        total += 6
        right += sum(pair.reader == pair.computed for pair in pairs)
        sure += sum(pair.confidence > 0.5 for pair in pairs)
        sure_right += sum(pair.confidence > 0.5 and pair.reader == pair.computed for pair in pairs)
    assert right / total > 0.9
    assert sure > total / 3
    assert sure_right / sure > 0.98


def later(row: Assessment, *origins: str, visit: int) -> Assessment:
    return replace(row, date=START + dt.timedelta(60 * visit), derived_from=origins)


def compared(found: Pairing) -> list[tuple[int, str, str]]:
    return sorted(
        (
            (pair.date - START).days // 60,
            " + ".join(row.lesion for row in pair.reader),
            " + ".join(row.lesion for row in pair.computed),
        )
        for pair in found.visits
    )


def test_a_split_keeps_its_partner_and_every_piece_its_own() -> None:
    """As in `lvt demo`, whose largest target was left alone as a piece of it had won the name."""
    reader = rows("T1", [46, 43], (0, 0, 0))
    reader += [later(row, visit=2) for row in rows("T1", [15], (-12, 0, 0))]
    reader += [later(row, "T1", visit=2) for row in rows("T1b", [16], (12, 0, 0))]
    own = rows("1", [45, 47], (1, 0, 0))
    own += [later(row, "1", visit=2) for row in rows("1.1", [15], (-12, 1, 0))]
    own += [later(row, "1", visit=2) for row in rows("1.2", [15], (12, 1, 0))]
    found = pair_lesions(reader, own)
    assert (found.only_reader, found.only_computed) == ((), ())
    assert compared(found) == [
        (0, "T1", "1"),
        (1, "T1", "1"),
        (2, "T1", "1.1"),
        (2, "T1b", "1.2"),
    ]


@pytest.mark.parametrize("has_places", [True, False])
def test_pieces_that_a_reader_measured_as_one_are_added_up(has_places: bool) -> None:
    def at(x_mm: float) -> Point | None:
        return (x_mm, 0, 0) if has_places else None

    reader = rows("T1", [46, 40], at(0))
    own = rows("1", [45], at(1))
    own += [later(row, "1", visit=1) for row in rows("1.1", [20], at(-9))]
    own += [later(row, "1", visit=1) for row in rows("1.2", [18], at(9))]
    assert compared(pair_lesions(reader, own))[1] == (1, "T1", "1.1 + 1.2")


def test_a_merger_is_compared_once() -> None:
    reader = rows("A", [18, 53], (0, 0, 0)) + rows("B", [17, 0], (30, 0, 0))
    own = rows("5a", [17], (1, 0, 0)) + rows("5b", [16], (29, 0, 0))
    own += [later(row, "5a", "5b", visit=1) for row in rows("5a+5b", [48], (12, 0, 0))]
    found = pair_lesions(reader, own)
    assert [(p.reader, p.computed) for p in found.pairs] == [("A", "5a"), ("B", "5b")]
    assert compared(found) == [(0, "A", "5a"), (0, "B", "5b"), (1, "A", "5a+5b")]


def test_what_a_reader_still_measures_apart_is_added_up() -> None:
    reader = rows("A", [18, 22], (0, 0, 0)) + rows("B", [17, 20], (24, 0, 0))
    own = rows("5a", [17], (1, 0, 0)) + rows("5b", [16], (25, 0, 0))
    own += [later(row, "5a", "5b", visit=1) for row in rows("5a+5b", [48], (12, 0, 0))]
    assert compared(pair_lesions(reader, own))[2] == (1, "A + B", "5a+5b")


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), None])
def test_a_lesion_of_the_lung_is_none_of_the_liver(place: Point | None) -> None:
    reader = [replace(row, site="right lung") for row in rows("L", [30, 20], place)]
    found = pair_lesions(reader, rows("1", [30, 20], place))
    assert (found.pairs, found.only_reader, found.only_computed) == ((), ("L",), ("1",))
    assert found.visits == ()


def test_confidence_falls_towards_the_limit() -> None:
    def confidence(distance_mm: float) -> float:
        anchor = rows("B", [20], (300, 0, 0))
        pairs = pair_lesions(
            rows("A", [20], (0, 0, 0)) + anchor, rows("1", [20], (distance_mm, 0, 0)) + anchor
        ).pairs
        return pairs[0].confidence if pairs[0].reader == "A" else -1.0

    assert confidence(0) == pytest.approx(1)
    assert 0 < confidence(15) < confidence(5) < 1
    assert confidence(20.5) == -1


def test_places_of_another_frame_leave_pairing_to_sizes() -> None:
    reader = rows("A", [30, 20], (0, 0, 0)) + rows("B", [12, 14], (50, 0, 0))
    own = rows("1", [30, 20], (900, 0, 0)) + rows("2", [12, 14], (850, 0, 0))
    found = pair_lesions(reader, own)
    assert [(p.reader, p.computed, p.by) for p in found.pairs] == [
        ("A", "1", "size"),
        ("B", "2", "size"),
    ]
