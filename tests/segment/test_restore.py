"""Nothing is lost by bringing looks back to a part of the scan only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.segment import restore
from lvt_track.segment.restore import Look, Looks
from lvt_track.segment.scan import Scan
from lvt_track.segment.world_grid import Lattice

THRESHOLD = 0.4
SHAPE = (14, 18, 20)


def scan_of(spacing_mm: tuple[float, float, float], degrees: float) -> Scan:
    turn = np.deg2rad(degrees)
    direction = np.array(
        [[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0], [0.0, 0.0, 1.0]]
    )
    geometry = Geometry(SHAPE, spacing_mm, (-20.0, 5.0, 3.0), direction)
    return Scan.of(Volume(np.zeros(SHAPE, dtype=np.int16), geometry))


def look_at(scan: Scan, step_mm: float, shift: float, seed: int) -> Look:
    """A few cells stand out, also at the ends."""
    cells = Lattice.within(scan.reach, (step_mm,) * 3, shift)
    random = np.random.default_rng(seed)
    values = random.uniform(0.0, 0.3, (1, *cells.shape)).astype(np.float32)
    for _ in range(int(random.integers(0, 3))):
        values[0][tuple(random.integers(0, size) for size in cells.shape)] = 1.0
    return Look(values, np.zeros(cells.shape, np.float32), cells)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    spacing_mm=st.sampled_from([(1.0, 1.0, 1.0), (5.0, 0.8, 0.8), (2.0, 3.0, 3.0)]),
    degrees=st.sampled_from([0.0, 11.0]),
)
def test_outside_its_part_no_class_is_above_the_threshold(
    seed: int, spacing_mm: tuple[float, float, float], degrees: float
) -> None:
    scan = scan_of(spacing_mm, degrees)
    coarser = [look_at(scan, 2.0, 0.0, seed), look_at(scan, 2.0, 0.5, seed + 1)]
    looks = Looks([coarser, [look_at(scan, 1.5, 0.0, seed + 2)]], scan, scan.whole)
    whole = looks.means(0, scan.whole)
    part = looks.above(0, THRESHOLD)
    outside = np.ones(SHAPE, dtype=bool)
    if part is not None:
        outside[part] = False
        for here, everywhere in zip(looks.means(0, part), whole, strict=True):
            np.testing.assert_allclose(here, everywhere[part], atol=1e-4)
    for values in whole:
        assert not (values[outside] > THRESHOLD).any()


def greatest(at_steps: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.maximum(at_steps[0], at_steps[-1])


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    spacing_mm=st.sampled_from([(1.0, 1.0, 1.0), (5.0, 0.8, 0.8), (2.0, 3.0, 3.0)]),
    degrees=st.sampled_from([0.0, 11.0]),
    tile=st.sampled_from([(3, 5, 4), (8, 8, 8)]),
)
def test_pieces_brought_back_where_looks_leave_it_open_are_the_whole(
    seed: int, spacing_mm: tuple[float, float, float], degrees: float, tile: tuple[int, int, int]
) -> None:
    scan = scan_of(spacing_mm, degrees)
    first = look_at(scan, 2.0, 0.0, seed)
    # A part that all see surely, which need not be brought back.
    first.values[0, :, 3:9, 2:] = 0.9
    looks = Looks([[first], [first, look_at(scan, 2.0, 0.5, seed + 1)]], scan, scan.whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore, "_TILE", tile)
        alone = looks.restored(0, THRESHOLD, greatest, scan.whole)
        near = looks.restored(0, THRESHOLD, greatest, scan.whole, THRESHOLD)
        kept = looks.restored(0, THRESHOLD, greatest, scan.whole, 0.0)
    at_steps = looks.means(0, scan.whole)
    values = greatest(at_steps)
    sure = np.abs(values - THRESHOLD) > 1e-4
    assert alone.probability is None
    for found in (alone, near, kept):
        assert np.array_equal(found.mask[sure], (values > THRESHOLD)[sure])
    assert near.probability is not None and near.on_first is not None
    np.testing.assert_allclose(near.probability[near.mask], values[near.mask], atol=1e-4)
    assert not (near.on_first & ~near.mask).any()
    np.testing.assert_allclose(kept.probability, values, atol=1e-4)


def test_where_nothing_stands_out_there_is_no_part() -> None:
    scan = scan_of((1.0, 1.0, 1.0), 0.0)
    cells = Lattice.within(scan.reach, (2.0, 2.0, 2.0))
    dark = Look(
        np.full((1, *cells.shape), 0.1, np.float32), np.zeros(cells.shape, np.float32), cells
    )
    assert Looks([[dark]], scan, scan.whole).above(0, THRESHOLD) is None


def test_one_lesion_is_a_small_part() -> None:
    scan = scan_of((1.0, 1.0, 1.0), 0.0)
    cells = Lattice.within(scan.reach, (2.0, 2.0, 2.0))
    values = np.zeros((1, *cells.shape), np.float32)
    values[0, 3, 4, 5] = 1.0
    part = Looks([[Look(values, values[0], cells)]], scan, scan.whole).above(0, THRESHOLD)
    assert part is not None
    assert all(cut.stop - cut.start <= 9 for cut in part)
