from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from lvt_track.phantom.image.smooth import along_axes, smooth


@pytest.mark.parametrize("sigma", [(0.5, 1.2, 0.3), (2.0, 0.0, 4.0)])
def test_it_is_a_gaussian_filter_that_repeats_edges(sigma: tuple[float, float, float]) -> None:
    volume = torch.randn((9, 20, 31), generator=torch.Generator().manual_seed(1))
    wanted = volume.numpy()
    for axis, width in enumerate(sigma):
        if width:
            # As wide as ours: 2.5 deviations, rounded up, and one voxel at least.
            radius = max(1, int(np.ceil(2.5 * width)))
            wanted = ndimage.gaussian_filter1d(wanted, width, axis, mode="nearest", radius=radius)
    np.testing.assert_allclose(smooth(volume, sigma).numpy(), wanted, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    sigma=st.tuples(*[st.floats(0.0, 6.0)] * 3),
    level=st.floats(-1000.0, 1000.0),
)
def test_what_is_even_stays_as_it_is(
    shape: tuple[int, int, int], sigma: tuple[float, float, float], level: float
) -> None:
    even = torch.full(shape, level)
    torch.testing.assert_close(smooth(even, sigma), even, atol=1e-3, rtol=1e-5)


def test_axes_without_weights_stay_as_they_are() -> None:
    volume = torch.arange(24.0).view(2, 3, 4)
    backwards = torch.eye(3).flip(0)
    assert along_axes(volume, (None, None, None)) is volume
    assert torch.equal(along_axes(volume, (None, backwards, None)), volume.flip(1))
