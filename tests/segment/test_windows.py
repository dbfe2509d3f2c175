from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lvt_track.segment.windows import predict, window_starts


class Pointwise(nn.Module):
    """Logits that depend on each voxel alone, so that windows cannot matter."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(tuple(x.shape[2:]))
        return torch.cat([x, -x, 2 * x], dim=1)


@given(st.integers(1, 200), st.sampled_from([16, 32, 48]), st.sampled_from([0.0, 0.25, 0.5]))
def test_windows_cover_the_axis_and_overlap(size: int, patch: int, overlap: float) -> None:
    starts = window_starts(size, patch, overlap)
    covered = torch.zeros(max(size, patch))
    for first in starts:
        covered[first : first + patch] += 1
    assert (covered > 0).all()
    assert starts[-1] + patch == max(size, patch)
    steps = [b - a for a, b in pairwise(starts)]
    assert all(step <= patch * (1 - overlap) + 1 for step in steps)


@settings(max_examples=15, deadline=None)
@given(st.tuples(*[st.integers(3, 40)] * 3))
def test_blended_windows_equal_the_whole(shape: tuple[int, int, int]) -> None:
    image = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    network = Pointwise()
    found = predict(network, image, (16, 16, 16), 3)
    expected = torch.stack([image, -image, 2 * image]).sigmoid()
    assert found.shape == (3, *shape)
    assert torch.allclose(found, expected, atol=1e-4)
    assert set(network.seen) == {(16, 16, 16)}


def test_windows_without_anything_wanted_are_skipped() -> None:
    image = torch.ones(64, 16, 16)
    wanted = torch.zeros_like(image, dtype=torch.bool)
    wanted[40] = True
    network, shares = Pointwise(), list[float]()
    found = predict(
        network, image, (16, 16, 16), 3, wanted=wanted, overlap=0.0, progress=shares.append
    )
    assert len(network.seen) == 1
    assert shares == [1.0]
    assert (found[0, 32:48] > 0.7).all()
    assert (found[:, :32] == 0).all()


def test_nothing_wanted_gives_zeros() -> None:
    image = torch.ones(20, 20, 20)
    found = predict(
        Pointwise(), image, (16, 16, 16), 3, wanted=torch.zeros_like(image, dtype=torch.bool)
    )
    assert found.shape == (3, 20, 20, 20)
    assert not found.any()
