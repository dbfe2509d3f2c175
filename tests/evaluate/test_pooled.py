"""Scores of one case, the policy for empty masks, and scores over all cases."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.evaluate.detection import Detection
from lvt_track.evaluate.pooled import ALL_CASES, Score, case_rows, pooled_rows
from lvt_track.evaluate.scores import ClassScores, score_class

GEOMETRY = Geometry.axial((10, 20, 20), (3.0, 1.0, 1.0))
EMPTY = np.zeros(GEOMETRY.shape, dtype=bool)


def block(size: int) -> np.ndarray:
    mask = EMPTY.copy()
    mask[2:5, 4 : 4 + size, 4 : 4 + size] = True
    return mask


def by_measure(rows: list[Score]) -> dict[tuple[str, str], Score]:
    return {(row.measure, row.lesions): row for row in rows}


def test_nothing_found_of_nothing_is_no_score() -> None:
    for name in ("liver", "vessels", "tumors"):
        assert case_rows("a", name, score_class(name, EMPTY, EMPTY, GEOMETRY)) == []


@pytest.mark.parametrize(("found", "truth"), [(block(5), EMPTY), (EMPTY, block(5))])
def test_one_empty_mask_is_the_worst_score(found: np.ndarray, truth: np.ndarray) -> None:
    scores = score_class("vessels", found, truth, GEOMETRY)
    assert (scores.dice, scores.surface_dice, scores.centreline_dice) == (0, 0, 0)
    assert scores.hausdorff_mm == pytest.approx(np.linalg.norm([30, 20, 20]))
    rows = by_measure(case_rows("a", "tumors", score_class("tumors", found, truth, GEOMETRY)))
    assert rows["lesion_f1", "all"].value == 0
    assert ("lesion_sensitivity", "all") in rows or ("lesion_precision", "all") in rows


def test_each_class_has_its_own_scores() -> None:
    mask = block(6)
    liver, vessels, tumors = (
        {row.measure for row in case_rows("a", name, score_class(name, mask, mask, GEOMETRY))}
        for name in ("liver", "vessels", "tumors")
    )
    assert liver == {"dice", "nsd_2mm", "hd95_mm"}
    assert vessels == liver | {"cldice"}
    assert tumors == liver | {"lesion_sensitivity", "lesion_precision", "lesion_f1"}


def test_lesions_by_size() -> None:
    # Found, true, false lesions of 0 to 5, 5 to 10, 10 to 20 and over 20 mm.
    detection = Detection((1, 2, 3, 0), (4, 2, 3, 0), (0, 2, 1, 0))
    scores = ClassScores(0.5, 0.5, 3.0, detection=detection)
    rows = by_measure(case_rows("a", "tumors", scores))
    small = rows["lesion_sensitivity", "below 10 mm"]
    assert (small.value, small.count) == (3 / 6, 6)
    assert rows["lesion_precision", "below 10 mm"].value == pytest.approx(3 / 5)
    assert rows["lesion_f1", "below 10 mm"].value == pytest.approx(2 * 3 / (3 + 3 + 3 + 2))
    assert rows["lesion_precision", "10 to 20 mm"].value == pytest.approx(3 / 4)
    assert rows["lesion_sensitivity", "all"].value == pytest.approx(6 / 9)
    assert ("lesion_sensitivity", "from 20 mm") not in rows


def test_means_leave_out_what_is_not_defined() -> None:
    cases = [ClassScores(value, None, None) for value in (0.2, None, 0.6)]
    (row,) = pooled_rows("liver", cases)
    assert (row.case, row.value, row.count) == (ALL_CASES, pytest.approx(0.4), 2)
    assert (row.low, row.high) == (None, None)


def test_lesions_are_pooled_not_averaged() -> None:
    few = Detection((1, 0, 0, 0), (1, 0, 0, 0), (0,) * 4)
    many = Detection((2, 0, 0, 0), (9, 0, 0, 0), (0,) * 4)
    rows = by_measure(
        pooled_rows("tumors", [ClassScores(1, 1, 0, detection=d) for d in (few, many)])
    )
    assert rows["lesion_sensitivity", "all"].value == pytest.approx(3 / 10)
    assert rows["lesion_precision", "all"].value == 1.0


def test_bootstrap_intervals_hold_the_mean_as_often_as_they_say() -> None:
    """200 simulated studies of 20 cases: nearly 95 % of the intervals hold the true mean."""
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        values = rng.beta(8, 2, 20)
        (row,) = pooled_rows("liver", [ClassScores(float(v), None, None) for v in values])
        assert row.low is not None and row.high is not None
        hits += row.low <= 0.8 <= row.high
    assert 0.89 <= hits / 200 <= 0.985
    again = pooled_rows("liver", [ClassScores(float(v), None, None) for v in values])
    assert again == [row]
