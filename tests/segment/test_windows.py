from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lvt_track.errors import LvtError
from lvt_track.segment.network.batches import predict
from lvt_track.segment.windows import (
    aligned_boxes,
    aligned_starts,
    extend,
    window_boxes,
    window_starts,
)

PATCH = (16, 16, 16)


class Pointwise(nn.Module):
    """Logits that depend on each voxel alone, so that windows cannot matter."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(tuple(x.shape[2:]))
        return torch.cat([x, -x, 2 * x], dim=1)


axes = st.tuples(
    st.integers(-300, 300),
    st.integers(1, 400),
    st.sampled_from([16, 32, 48]),
    st.sampled_from([0.0, 0.25, 0.5]),
    st.sampled_from([0.0, 0.5]),
)


@given(axes)
def test_aligned_windows_cover_the_axis_and_stay_inside(
    axis: tuple[int, int, int, float, float],
) -> None:
    first, size, patch, overlap, offset = axis
    starts = aligned_starts(first, size, patch, overlap, offset)
    if size <= patch:
        assert starts == [first]
        return
    assert starts[0] == first
    assert starts[-1] == first + size - patch
    gaps = [b - a for a, b in pairwise(starts)]
    assert min(gaps) > 0
    assert max(gaps) <= 1.125 * patch * (1.0 - overlap) + 1


@given(axes, st.integers(0, 120), st.integers(0, 120))
def test_windows_of_a_cropped_axis_are_those_of_the_whole_but_for_its_ends(
    axis: tuple[int, int, int, float, float], before: int, after: int
) -> None:
    first, size, patch, overlap, offset = axis
    starts = aligned_starts(first, size, patch, overlap, offset)
    whole = aligned_starts(first - before, size + before + after, patch, overlap, offset)
    # A window at an end may stand in for the next one.
    assert set(starts[2:-2]) <= set(whole)


def test_aligned_boxes_are_counted_from_the_block() -> None:
    boxes = aligned_boxes((-7, 3, 100), (40, 16, 10), (16, 16, 16), 0.5)
    assert boxes[0] == (slice(0, 16), slice(0, 16), slice(0, 16))
    assert all(box[1] == box[2] == slice(0, 16) for box in boxes)
    assert [box[0].start for box in boxes] == [0, 7, 15, 24]


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
@given(st.tuples(*[st.integers(3, 40)] * 3), st.integers(1, 5))
def test_blended_windows_equal_the_whole(shape: tuple[int, int, int], at_once: int) -> None:
    image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    wide, inner = extend(image, PATCH)
    network = Pointwise()
    blend = predict(network, wide, window_boxes(wide.shape, PATCH, 0.5), 3, at_once=at_once)
    found = blend.crop(inner)
    expected = np.stack([image, -image, 2 * image])
    assert found.values.shape == (3, *shape)
    np.testing.assert_allclose(found.values, expected, atol=1e-4)
    assert bool(found.seen.all())
    assert set(network.seen) == {PATCH}


def test_what_no_window_saw_is_zero_and_said() -> None:
    network, shares = Pointwise(), list[float]()
    boxes = [(slice(32, 48), slice(0, 16), slice(0, 16))]
    found = predict(network, np.ones((64, 16, 16), np.float32), boxes, 3, progress=shares.append)
    assert shares == [1.0]
    assert (found.values[0, 32:48] == 1).all()
    assert (found.values[:, :32] == 0).all()
    assert found.seen[32:48].all() and not found.seen[48:].any()
    assert not predict(network, np.ones(PATCH, np.float32), [], 3).seen.any()


def test_image_smaller_than_a_window_is_extended() -> None:
    image = np.broadcast_to(np.arange(1.0, 4.0, dtype=np.float32), (3, 3, 3))
    wide, inner = extend(image, (5, 3, 6))
    assert wide.shape == (5, 3, 6)
    assert wide[2, 1].tolist() == [1.0, 1.0, 2.0, 3.0, 3.0, 3.0]
    assert np.array_equal(wide[inner], image)
    assert extend(image, (5, 3, 6), fill=0.0)[0].sum() == image.sum()


class SmallMemory(Pointwise):
    """A device that holds no more than so many windows."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.batches: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(len(x))
        return super().forward(x)


def test_out_of_memory_goes_on_with_half_the_windows_and_says_so() -> None:
    image = np.random.default_rng(2).normal(size=(40, 40, 40)).astype(np.float32)
    boxes = window_boxes(image.shape, PATCH, 0.5)
    network, said = SmallMemory(3), list[str]()
    found = predict(network, image, boxes, 3, at_once=8, notify=said.append)
    np.testing.assert_allclose(found.values[0], image, atol=1e-4)
    assert sum(network.batches) == len(boxes)
    assert max(network.batches) == 2
    assert said == [f"out of GPU memory: windows go on {n} at a time" for n in (4, 2)]


def test_not_enough_memory_for_one_window_is_an_error_with_a_remedy() -> None:
    image = np.zeros(PATCH, np.float32)
    with pytest.raises(LvtError, match=r"not enough memory for one window.*--device cpu"):
        predict(SmallMemory(0), image, window_boxes(PATCH, PATCH, 0.5), 3, at_once=4)
