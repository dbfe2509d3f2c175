"""Each fate does what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvt_track.phantom.course.lesion_trajectory import APART, TOUCHING, Fate, draw_sizes

seeds = st.integers(0, 2**32 - 1)
visits = st.integers(3, 9)


def drawn(fate: Fate, count: int, seed: int) -> np.ndarray:
    return np.array(draw_sizes(fate, count, np.random.default_rng(seed)))


@given(st.sampled_from(Fate), visits, seeds)
def test_sizes_are_shares_of_the_largest(fate: Fate, count: int, seed: int) -> None:
    sizes = drawn(fate, count, seed)
    assert len(sizes) == count
    assert sizes.min() >= 0
    assert 0.95 < sizes.max() <= 1


@given(visits, seeds)
def test_growth_and_shrinkage_have_one_direction(count: int, seed: int) -> None:
    assert (np.diff(drawn(Fate.GROW, count, seed)) > 0).all()
    assert (np.diff(drawn(Fate.SHRINK, count, seed)) < 0).all()
    assert np.ptp(drawn(Fate.STABLE, count, seed)) < 0.05
    # Never more than 35 % in diameter per visit, nor threefold in all.
    growth = drawn(Fate.GROW, count, seed)
    assert (growth[1:] / growth[:-1]).max() <= 1.35 + 1e-9
    assert growth[-1] / growth[0] < 3


@given(visits, seeds)
def test_presence_follows_the_fate(count: int, seed: int) -> None:
    def present(fate: Fate) -> str:
        return "".join("x" if size > 0 else "." for size in drawn(fate, count, seed))

    assert present(Fate.NEW).lstrip(".") == "x" * present(Fate.NEW).count("x")
    assert present(Fate.NEW)[0] == "."
    assert present(Fate.VANISH).rstrip(".") == "x" * present(Fate.VANISH).count("x")
    assert present(Fate.VANISH)[-1] == "."
    assert present(Fate.REAPPEAR).strip("x") == "."


@given(visits, seeds)
def test_pairs_touch_on_one_side_of_the_event_only(count: int, seed: int) -> None:
    merge, split = drawn(Fate.MERGE, count, seed), drawn(Fate.SPLIT, count, seed)
    assert merge[0] == APART
    assert merge[-1] == 1.0
    assert split[0] == 1.0
    assert split[-1] == APART
    assert set(merge) == set(split) == {1.0, APART}
    assert APART < TOUCHING < 1


def test_fates_that_need_more_visits_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least 3 visits"):
        draw_sizes(Fate.REAPPEAR, 2, rng)
    with pytest.raises(ValueError, match="at least 2 visits"):
        draw_sizes(Fate.GROW, 1, rng)
    assert len(draw_sizes(Fate.STABLE, 1, rng)) == 1
