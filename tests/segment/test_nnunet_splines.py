from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from lvt_track.segment.grid import weigh
from lvt_track.segment.nnunet.splines import spline_orders, spline_weights


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("shape", [(31, 18, 40), (9, 45, 20)])
def test_matrices_give_what_scipy_gives(order: int, shape: tuple[int, int, int]) -> None:
    array = np.random.default_rng(0).normal(size=(21, 30, 27))
    zoom = np.array(shape) / array.shape
    expected = ndimage.zoom(array, zoom, order=order, mode="nearest", grid_mode=True)
    weights = [spline_weights(n, m, order) for n, m in zip(array.shape, shape, strict=True)]
    found = weigh(array.astype(np.float32), (weights[0], weights[1], weights[2]))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_part_of_the_grid_is_the_part_of_the_whole() -> None:
    array = np.random.default_rng(1).normal(size=(20, 24, 28)).astype(np.float32)
    weights = [spline_weights(n, m, 3) for n, m in zip(array.shape, (33, 17, 50), strict=True)]
    whole = weigh(array, (weights[0], weights[1], weights[2]))
    part = weigh(array, (weights[0][5:20], weights[1][:9], weights[2][30:]))
    np.testing.assert_allclose(part, whole[5:20, :9, 30:], atol=1e-6)


def test_nearest_repeats_samples() -> None:
    ramp = np.arange(3.0)
    assert (spline_weights(3, 6, 0) @ ramp).tolist() == [0, 0, 1, 1, 2, 2]
    assert (spline_weights(3, 3, 3) @ ramp).tolist() == [0, 1, 2]


def test_thick_slices_are_not_interpolated_between() -> None:
    assert spline_orders((5.0, 0.8, 0.8), (1.0, 0.8, 0.8), 3) == (0, 3, 3)
    assert spline_orders((1.0, 0.8, 0.8), (0.7, 3.0, 0.7), 3) == (3, 0, 3)
    assert spline_orders((1.5, 0.8, 0.8), (1.0, 0.8, 0.8), 3) == (3, 3, 3)
    assert spline_orders((0.2, 1.0, 1.0), (1.0, 1.0, 1.0), 3) == (3, 3, 3)
