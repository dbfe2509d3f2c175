"""The simulated radiologist: realistic errors, RECIST roles, names that follow lesions."""

from __future__ import annotations

import datetime as dt

import numpy as np

from lvt_track.phantom.course.radiologist import Reading, read_course
from lvt_track.phantom.course.truth import TrueLesion, true_edges

DATES = [dt.date(2024, 1, 9), dt.date(2024, 4, 2), dt.date(2024, 7, 1)]


def lesion(visit: int, label: int, long_mm: float, *identities: int) -> TrueLesion:
    return TrueLesion(
        visit, label, identities, (10.0 * label, 0.0, 0.0), 1.0, long_mm, 0.8 * long_mm
    )


def read(visits: list[list[TrueLesion]], seed: int = 0) -> tuple[Reading, ...]:
    return read_course(DATES[: len(visits)], visits, true_edges(visits), seed)


def left_to_right(row: Reading) -> float:
    assert row.position_mm is not None
    return row.position_mm[0]


def test_two_readers_differ_as_readers_do() -> None:
    truth = [[lesion(0, n, 60.0 + n % 40, n) for n in range(1, 1501)]]
    first, second = (
        np.array([row.long_axis_mm for row in sorted(read(truth, seed), key=left_to_right)])
        for seed in (1, 2)
    )
    low, high = np.percentile(first / second, [2.5, 97.5])
    assert -0.25 < low - 1 < -0.18
    assert 0.21 < high - 1 < 0.29
    assert np.array_equal(first, np.round(first))


def test_the_same_seed_reads_the_same() -> None:
    truth = [[lesion(0, n, 8.0 + n, n) for n in range(1, 9)]]
    assert read(truth, 5) == read(truth, 5)
    assert read(truth, 5) != read(truth, 6)


def test_roles_are_those_of_recist() -> None:
    truth = [
        [lesion(0, 1, 40.0, 1), lesion(0, 2, 35.0, 2), lesion(0, 3, 32.0, 3)],
        [lesion(1, 1, 40.0, 1), lesion(1, 2, 45.0, 4)],
    ]
    rows = {(row.date, row.lesion): row for row in read(truth)}
    assert {row.lesion: row.role for row in rows.values()} == {
        "T1": "target",
        "T2": "target",
        "N1": "non-target",
        "S1": "new",
    }
    assert rows[DATES[1], "T2"].status == "absent"
    assert rows[DATES[1], "T2"].long_axis_mm is None
    assert rows[DATES[1], "S1"].status == "measured"
    assert (DATES[0], "S1") not in rows


def test_a_merged_lesion_keeps_one_name_and_a_split_one_gives_a_letter() -> None:
    truth = [
        [lesion(0, 1, 40.0, 1), lesion(0, 2, 30.0, 2)],
        [lesion(1, 1, 60.0, 1, 2)],
        [lesion(2, 1, 35.0, 1), lesion(2, 2, 25.0, 2)],
    ]
    rows = {(row.date, row.lesion): row.status for row in read(truth)}
    assert rows[DATES[1], "T1"] == "measured"
    assert rows[DATES[1], "T2"] == "absent"
    assert rows[DATES[2], "T1"] == "measured"
    assert rows[DATES[2], "T1b"] == "measured"
    assert len({row.role for row in read(truth)}) == 1


def test_small_lesions_are_missed_or_too_small_and_large_ones_never() -> None:
    small = [[lesion(0, n, 6.0, n) for n in range(1, 1001)]]
    large = [[lesion(0, n, 40.0, n) for n in range(1, 1001)]]
    assert 500 < len(read(small)) < 750
    assert len(read(large)) == 1000
    shrunk = [[lesion(0, 1, 20.0, 1)], [lesion(1, 1, 3.0, 1)]]
    assert [row.status for row in read(shrunk)] == ["measured", "too small"]


def test_a_lesion_missed_once_is_new_when_it_is_found() -> None:
    truth = [
        [lesion(0, 1, 40.0, 1), lesion(0, 2, 5.0, 2)],
        [lesion(1, 1, 40.0, 1), lesion(1, 2, 30.0, 2)],
    ]
    names = [{row.lesion for row in read(truth, seed)} for seed in range(40)]
    assert {"T1", "S1"} in names
    assert {"T1", "N1"} in names
