from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from lvt_track.segment.network.unet import class_logits, nested_class_logits
from lvt_track.training.objective.losses import combine, masked_dice_loss
from lvt_track.training.objective.nested import nested_surprise, nested_terms
from tests.training.gradients import gradient_of

SHAPE = (3, 3, 4, 5, 6)
ALL = torch.ones(SHAPE[:2], dtype=torch.bool)


def draw(seed: int, share_known: float) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, and nested labels of which a share is known; a known part makes the liver known."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3.0 * torch.randn(SHAPE, generator=generator)
    liver, *parts = (torch.rand(SHAPE, generator=generator) < 0.4).unbind(1)
    target = torch.stack([liver, *(part & liver for part in parts)], dim=1)
    known = torch.rand(SHAPE, generator=generator) < share_known
    return logits, target, hierarchical(target, known)


def hierarchical(target: Tensor, known: Tensor) -> Tensor:
    known = known.clone()
    known[:, 0] |= (target & known)[:, 1:].any(dim=1)
    known[:, 1:] |= known[:, :1] & ~target[:, :1]
    return known


def loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    return combine(nested_terms(logits, target, known, ALL))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.6]))
def test_gradient_is_exactly_zero_where_nothing_is_known(seed: int, share_known: float) -> None:
    logits, target, known = draw(seed, share_known)
    grad = gradient_of(loss, logits, target, known)
    silent = ~known
    silent[:, 0] = ~known.any(dim=1)
    assert not grad[silent].any()
    assert grad.isfinite().all()
    assert not known.any() or grad.any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([float("nan"), float("inf"), -1e9]))
def test_what_stands_under_the_mask_does_not_matter(seed: int, value: float) -> None:
    logits, target, known = draw(seed, 0.5)
    silent = ~known
    silent[:, 0] = ~known.any(dim=1)
    other = torch.where(silent, torch.full_like(logits, value), logits)
    flipped = target ^ ~known
    assert torch.equal(loss(other, flipped, known), loss(logits, target, known))
    assert torch.equal(
        gradient_of(loss, other, flipped, known), gradient_of(loss, logits, target, known)
    )


def test_equals_the_plain_loss_when_all_is_known() -> None:
    logits, target, _ = draw(3, 1.0)
    bce = functional.binary_cross_entropy_with_logits(logits, target.float(), reduction="none")
    # Vessels and tumours are told where there is liver, and nowhere else.
    surprise = bce[:, 0] + (bce[:, 1:].sum(1)) * target[:, 0]
    everywhere = torch.ones_like(target)
    dice = masked_dice_loss(nested_class_logits(logits), target, everywhere)
    assert loss(logits, target, everywhere).item() == pytest.approx(
        (surprise.mean() + dice.mean()).item(), rel=1e-5
    )


@pytest.mark.parametrize("known", list(product((False, True), repeat=3)))
def test_sums_over_everything_that_the_labels_allow(known: tuple[bool, bool, bool]) -> None:
    logits = torch.tensor([0.7, -1.1, 0.4])
    liver, vessel, tumor = logits.sigmoid().tolist()
    states = {
        (0, 0, 0): 1 - liver,
        **{
            (1, v, t): liver * (vessel if v else 1 - vessel) * (tumor if t else 1 - tumor)
            for v, t in product((0, 1), repeat=2)
        },
    }
    assert sum(states.values()) == pytest.approx(1.0)
    as_voxel = (1, 3, 1, 1, 1)
    for truth in states:
        target = torch.tensor(truth, dtype=torch.bool).reshape(as_voxel)
        seen = hierarchical(target, torch.tensor(known).reshape(as_voxel))
        told = [bool(one) for one in seen.flatten()]
        allowed = sum(
            chance
            for state, chance in states.items()
            if all(a == b for a, b, is_told in zip(state, truth, told, strict=True) if is_told)
        )
        found = nested_surprise(logits.reshape(as_voxel), target & seen, seen)
        assert found.exp().item() == pytest.approx(1.0 / allowed, rel=1e-5)


def test_no_vessel_and_no_tumour_speak_against_a_liver_that_was_not_drawn() -> None:
    logits = torch.zeros(1, 3, 1, 1, 1).requires_grad_()
    target = torch.zeros(1, 3, 1, 1, 1, dtype=torch.bool)
    known = target.clone()
    known[:, 1:] = True
    nested_surprise(logits, target, known).sum().backward()
    assert logits.grad is not None
    assert (logits.grad > 0).all()


def test_batch_split_over_processes_sums_to_the_whole() -> None:
    logits, target, known = draw(6, 0.4)
    known[0, 1:] = False
    known[0, 0] &= ~target[0, 1:].any(dim=0)
    known = hierarchical(target, known)
    terms = [
        nested_terms(*(part[i : i + 1] for part in (logits, target, known, ALL)))
        for i in range(SHAPE[0])
    ]
    counts = sum(torch.cat([term.counted.sum(0) for term in two]).float() for two in terms)
    total = sum(combine(two, lambda _: counts).item() for two in terms)
    assert total == pytest.approx(loss(logits, target, known).item(), rel=1e-5)


def test_nothing_known_is_zero() -> None:
    logits, target, known = draw(7, 0.0)
    assert loss(logits, target, known).item() == 0.0


@pytest.mark.parametrize("size", [1.0, 30.0, 300.0])
def test_class_logits_of_nested_ones_are_products(size: float) -> None:
    logits = size * torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0))
    composed = nested_class_logits(logits)
    assert composed.isfinite().all()
    chance = logits.double().sigmoid()
    expected = torch.cat([chance[:, :1], chance[:, :1] * chance[:, 1:]], dim=1)
    assert torch.allclose(composed.double().sigmoid(), expected, atol=1e-6)
    # A part is never likelier than the liver.
    assert (composed[:, 1:] <= composed[:, :1] + 1e-4 * size).all()


def test_agrees_with_exclusive_classes_that_say_the_same() -> None:
    """Where no voxel can be both vessel and tumour, softmax and nested heads can tell the same."""
    exclusive = torch.tensor([0.4, -0.2, 0.9, -30.0])[None, :, None]
    asked = class_logits(exclusive)
    chance = asked.sigmoid()
    given = torch.cat([asked[:, :1], torch.logit(chance[:, 1:] / chance[:, :1])], dim=1)
    assert torch.allclose(nested_class_logits(given), asked, atol=1e-4)
