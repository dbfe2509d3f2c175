from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from lvt_track.training.losses import known_pairs, partial_label_loss

SHAPE = (3, 3, 4, 5, 6)


def draw(seed: int, share_known: float) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3.0 * torch.randn(SHAPE, generator=generator, dtype=torch.float32)
    target = torch.rand(SHAPE, generator=generator) < 0.3
    known = torch.rand(SHAPE, generator=generator) < share_known
    return logits, target, known


def gradient(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    partial_label_loss(logits, target, known).backward()
    assert logits.grad is not None
    return logits.grad


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.6]))
def test_gradient_is_exactly_zero_where_masked(seed: int, share_known: float) -> None:
    logits, target, known = draw(seed, share_known)
    grad = gradient(logits, target, known)
    assert torch.equal(grad[~known], torch.zeros_like(grad[~known]))
    assert not known.any() or grad[known].abs().max() > 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([float("nan"), float("inf"), -1e9]))
def test_what_stands_under_the_mask_does_not_matter(seed: int, value: float) -> None:
    logits, target, known = draw(seed, 0.5)
    loss = partial_label_loss(logits, target, known)
    other = torch.where(known, logits, torch.full_like(logits, value))
    flipped = target ^ ~known
    assert torch.equal(partial_label_loss(other, flipped, known), loss)
    assert torch.equal(gradient(other, flipped, known), gradient(logits, target, known))


def test_equals_the_plain_loss_when_all_is_known() -> None:
    logits, target, _ = draw(3, 1.0)
    truth = target.float()
    bce = functional.binary_cross_entropy_with_logits(logits, truth)
    probability = logits.sigmoid()
    voxels = (2, 3, 4)
    dice = (2 * (probability * truth).sum(voxels) + 1) / ((probability + truth).sum(voxels) + 1)
    loss = partial_label_loss(logits, target, torch.ones_like(target))
    assert loss.item() == pytest.approx((bce + 1 - dice.mean()).item(), rel=1e-5)


def test_class_known_in_one_sample_keeps_its_weight() -> None:
    logits, target, known = draw(4, 1.0)
    known[1:, 2] = False
    alone = partial_label_loss(logits[:1, 2:], target[:1, 2:], known[:1, 2:])
    rest = partial_label_loss(logits[:, :2], target[:, :2], known[:, :2])
    together = partial_label_loss(logits, target, known)
    assert together.item() == pytest.approx(((alone + 2 * rest) / 3).item(), rel=1e-5)


def test_class_never_known_adds_nothing() -> None:
    logits, target, known = draw(5, 0.7)
    known[:, 1] = False
    keep = [0, 2]
    expected = partial_label_loss(logits[:, keep], target[:, keep], known[:, keep])
    assert partial_label_loss(logits, target, known).item() == pytest.approx(expected.item())


def test_batch_split_over_processes_sums_to_the_whole() -> None:
    logits, target, known = draw(6, 0.4)
    known[0, 2] = False
    pairs = known_pairs(known)
    parts = [
        partial_label_loss(logits[i : i + 1], target[i : i + 1], known[i : i + 1], pairs)
        for i in range(SHAPE[0])
    ]
    whole = partial_label_loss(logits, target, known)
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), rel=1e-5)


def test_nothing_known_is_zero() -> None:
    logits, target, known = draw(7, 0.0)
    assert partial_label_loss(logits, target, known).item() == 0.0
