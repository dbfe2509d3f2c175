"""Intervals of sizes: what they follow from, and how they add up."""

from __future__ import annotations

import math

import pytest

from lvt_track.core.lesion.size_error import (
    DRAWN,
    READ,
    SizeInterval,
    axis_sd,
    joint_interval,
    volume_sd,
)


def test_two_readers_differ_as_published() -> None:
    """-22 to +25 % between two readers of a large lesion (Yoon et al. 2016)."""
    both = math.sqrt(2) * 1.96 * axis_sd(100.0, 1.0, READ)
    assert math.expm1(both) == pytest.approx(0.25, abs=0.02)
    assert math.expm1(-both) == pytest.approx(-0.22, abs=0.02)


def test_small_lesions_and_thick_slices_err_more() -> None:
    for error in (READ, DRAWN):
        assert axis_sd(8.0, 2.5, error) > axis_sd(16.0, 2.5, error) > axis_sd(40.0, 2.5, error)
        assert axis_sd(10.0, 5.0, error) > axis_sd(10.0, 1.0, error)
        assert axis_sd(10.0, None, error) == axis_sd(10.0, 2.5, error)
        assert 1.0 < volume_sd(20.0, 1.0, error) / axis_sd(20.0, 1.0, error) < 3.0


def test_errors_of_a_sum_are_independent() -> None:
    """Two pieces of 10 mm with 3 and 4 mm to either side: 20 mm with 5 mm."""
    one, other = SizeInterval(7.0, 13.0), SizeInterval(6.0, 14.0)
    joint = joint_interval([10.0, 10.0], [one, other])
    assert joint == SizeInterval(pytest.approx(15.0), pytest.approx(25.0))
    assert joint_interval([10.0], [one]) == one
    assert joint_interval([], []) is None
