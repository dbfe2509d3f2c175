"""Borders of segments move to where the liver is narrow, and stay where it is not."""

from __future__ import annotations

import numpy as np

from lvt_track.planning.territories.necks import drawn_at_neck

STEP = 1.25
Z, Y, X = np.indices((40, 40, 80))


def test_a_border_beside_a_neck_moves_to_it() -> None:
    slit = (np.abs(X - 40) < 2) & (Y > 8)
    whole = ~slit
    given = (X < 46) & whole
    drawn = drawn_at_neck(given, whole, 10.0, STEP)
    wrong = [np.count_nonzero((part != (X < 40)) & whole) for part in (given, drawn)]
    assert wrong[1] < 0.25 * wrong[0]


def test_a_border_in_plain_liver_stays() -> None:
    whole = np.ones(X.shape, dtype=bool)
    drawn = drawn_at_neck(X < 46, whole, 10.0, STEP)
    assert (drawn == (X < 46)).mean() > 0.97


def test_what_lies_by_itself_stays_in_one_piece() -> None:
    whole = (X < 50) | (X > 53)
    part = (X < 47) | (X > 76)
    drawn = drawn_at_neck(part, whole, 60.0, STEP)
    assert not drawn[X > 53].any()


def test_a_part_that_is_everything_or_nothing_is_given_back() -> None:
    whole = np.ones(X.shape, dtype=bool)
    assert drawn_at_neck(whole, whole, 10.0, STEP).all()
    assert not drawn_at_neck(~whole, whole, 10.0, STEP).any()
