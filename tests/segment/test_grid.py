from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.geometry import Geometry
from lvt_track.segment.grid import Orientation, resample, shape_at

FLIPS = list(product((1.0, -1.0), repeat=3))

turns = st.builds(
    lambda axes, flipped: Orientation(tuple(axes), flipped),
    st.permutations([0, 1, 2]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)


@pytest.mark.parametrize("signs", FLIPS)
def test_flips_are_turned_to_the_patient(signs: tuple[float, float, float]) -> None:
    direction = np.diag(signs)
    orientation = Orientation.of(direction)
    geometry = Geometry((4, 5, 6), (3.0, 2.0, 1.0), (0.0, 0.0, 0.0), direction)
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1)
    world = geometry.to_world(index)
    for column, axis in ((0, 2), (1, 1), (2, 0)):
        assert (np.diff(orientation.apply(world[..., column]), axis=axis) > 0).all()
    assert orientation.spacing(geometry.spacing_mm) == (3.0, 2.0, 1.0)


def test_axes_of_a_sagittal_scan_are_exchanged() -> None:
    # Array x runs to the back, y down, z to the left.
    direction = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    geometry = Geometry((4, 5, 6), (3.0, 2.0, 1.0), (0.0, 0.0, 0.0), direction)
    orientation = Orientation.of(direction)
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1)
    world = geometry.to_world(index)
    for column, axis in ((0, 2), (1, 1), (2, 0)):
        assert (np.diff(orientation.apply(world[..., column]), axis=axis) > 0).all()
    assert orientation.spacing(geometry.spacing_mm) == (2.0, 1.0, 3.0)


def test_oblique_scan_is_taken_along_its_closest_axes() -> None:
    angle = np.deg2rad(30.0)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]]
    )
    assert Orientation.of(turn) == Orientation((0, 1, 2), (False, False, False))
    assert Orientation.of(turn @ np.diag([-1.0, 1.0, -1.0])) == Orientation(
        (0, 1, 2), (True, False, True)
    )


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(2, 9)] * 3), st.tuples(*[st.integers(2, 9)] * 3))
def test_resampling_keeps_constants_and_the_range(
    old: tuple[int, int, int], new: tuple[int, int, int]
) -> None:
    array = np.random.default_rng(sum(old)).normal(size=old).astype(np.float32)
    found = resample(array, new)
    assert found.shape == new
    assert array.min() - 1e-5 <= float(found.min()) <= float(found.max()) <= array.max() + 1e-5
    constant = resample(np.full(old, 7, dtype=np.int16), new)
    np.testing.assert_allclose(constant, 7.0, rtol=1e-6)


@pytest.mark.parametrize("size", [20, 40, 10, 13, 7])
def test_resampled_ramp_keeps_its_place(size: int) -> None:
    ramp = np.broadcast_to(np.arange(20.0, dtype=np.float32), (3, 3, 20))
    expected = (np.arange(size) + 0.5) * 20 / size - 0.5
    found = resample(ramp, (3, 3, size))[1, 1]
    inside = slice(size // 5, size - size // 5)
    np.testing.assert_allclose(found[inside], expected[inside], atol=0.05)


def test_same_size_is_the_same_array() -> None:
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    np.testing.assert_allclose(resample(array, (5, 6, 7)), array, rtol=1e-6)


def test_coarser_grid_averages_instead_of_aliasing() -> None:
    stripes = np.zeros((2, 2, 64), dtype=np.float32)
    stripes[..., ::2] = 1.0
    found = resample(stripes, (2, 2, 16))[0, 0, 1:-1]
    assert float(np.abs(found - 0.5).max()) < 0.05


def test_shape_covers_the_same_extent() -> None:
    assert shape_at((100, 512, 512), (5.0, 0.75, 0.75), (2.0, 1.5, 1.5)) == (250, 256, 256)
    assert shape_at((1, 3, 3), (0.5, 1.0, 1.0), (4.0, 4.0, 4.0)) == (1, 1, 1)


@settings(max_examples=30, deadline=None)
@given(turns, turns)
def test_turns_compose_and_go_back(one: Orientation, other: Orientation) -> None:
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    turned = one.apply(array)
    assert (one.inverse.apply(turned) == array).all()
    assert (one.then(other).apply(array) == other.apply(turned)).all()
    box = (slice(0, 1), slice(1, 3), slice(1, 2))
    assert (turned[one.box(box, array.shape)] == one.apply(array[box])).all()
