"""Thinning keeps what a mask is made of, and leaves lines."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.evaluate.centrelines import centreline, centreline_dice


def pieces(mask: np.ndarray) -> tuple[int, int, int]:
    """Components, hollows, and tunnels by the Euler characteristic."""
    parts = int(cc3d.connected_components(mask, connectivity=26).max())
    outside = int(
        cc3d.connected_components(np.pad(~mask, 1, constant_values=True), connectivity=6).max()
    )
    hollows = outside - 1
    return parts, hollows, parts + hollows - euler(mask)


def euler(mask: np.ndarray) -> int:
    """Vertices - edges + faces - voxels, of cubes that touch where they share a corner."""
    total = 0
    for axes, sign in (
        ((), -1),
        ((0,), 1),
        ((1,), 1),
        ((2,), 1),
        ((0, 1), -1),
        ((0, 2), -1),
        ((1, 2), -1),
        ((0, 1, 2), 1),
    ):
        part = np.pad(mask, 1)
        for axis in axes:
            low = [slice(None)] * 3
            high = [slice(None)] * 3
            low[axis], high[axis] = slice(None, -1), slice(1, None)
            part = part[tuple(low)] | part[tuple(high)]
        total += sign * int(part.sum())
    return total


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.7))
def test_pieces_tunnels_and_hollows_stay(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((7, 8, 9)) < share
    line = centreline(mask)
    assert not (line & ~mask).any()
    assert pieces(line) == pieces(mask)
    assert np.array_equal(centreline(line), line)


def test_a_solid_box_becomes_a_line() -> None:
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[3:17, 7:13, 7:13] = True
    line = centreline(mask)
    assert 6 <= line.sum() <= 14
    assert line.sum(axis=(1, 2)).max() == 1


def test_a_bent_tube_and_a_ring() -> None:
    z, y, x = np.indices((14, 50, 50))
    around = np.hypot(y - 25, x - 25)
    ring = np.hypot(around - 16, z - 7) <= 4
    line = centreline(ring)
    assert pieces(line) == (1, 0, 1)
    assert line.sum() == pytest.approx(2 * np.pi * 16, rel=0.2)
    away = np.hypot(around - 16, z - 7)[line]
    assert away.max() < 2.5
    half = ring & (x > 25)
    assert pieces(centreline(half)) == (1, 0, 0)


def test_centreline_dice_of_tubes() -> None:
    z, y, x = np.indices((20, 20, 60))
    thick, thin = (np.hypot(z - 10, y - 10) <= r for r in (5, 2))
    assert centreline_dice(thick, thick) == 1.0
    # Caliper is nothing to it: each centreline lies in the other tube but for the ends.
    assert centreline_dice(thick, thin) == pytest.approx(1.0, abs=0.05)
    # Half of the tube: all of its line is right, half of the other's is found.
    half = thick & (x < 30)
    found = centreline_dice(half, thick)
    assert found == pytest.approx(2 * 0.5 / 1.5, abs=0.05)
    assert centreline_dice(thick & (x < 20), thick & (x > 40)) == 0.0


def test_empty_masks() -> None:
    empty, full = np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool)
    assert centreline_dice(empty, empty) is None
    assert centreline_dice(empty, full) == centreline_dice(full, empty) == 0.0
    assert not centreline(empty).any()
