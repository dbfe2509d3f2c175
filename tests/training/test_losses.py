from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from lvt_track.training.objective.losses import (
    Term,
    combine,
    masked_cldice_loss,
    masked_dice_loss,
    masked_tversky_loss,
    partial_label_terms,
    soft_skeleton,
)
from tests.training.gradients import Loss, gradient_of

SHAPE = (3, 3, 4, 5, 6)
EXTRA = [masked_cldice_loss, masked_tversky_loss]


def partial_label_loss(
    logits: Tensor,
    target: Tensor,
    known: Tensor,
    over_processes: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    return combine(partial_label_terms(logits, target, known), over_processes)


def per_sample(loss: Loss) -> Loss:
    return lambda logits, target, known: loss(logits, target, known).sum()


def draw(seed: int, share_known: float) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3.0 * torch.randn(SHAPE, generator=generator, dtype=torch.float32)
    target = torch.rand(SHAPE, generator=generator) < 0.3
    known = torch.rand(SHAPE, generator=generator) < share_known
    return logits, target, known


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.6]))
def test_gradient_is_exactly_zero_where_masked(seed: int, share_known: float) -> None:
    logits, target, known = draw(seed, share_known)
    grad = gradient_of(partial_label_loss, logits, target, known)
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
    assert torch.equal(
        gradient_of(partial_label_loss, other, flipped, known),
        gradient_of(partial_label_loss, logits, target, known),
    )


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


def test_overlap_is_counted_only_where_the_class_occurs() -> None:
    logits, target, known = draw(10, 1.0)
    target[0, 1] = False
    cross_entropy, dice = partial_label_terms(logits, target, known)
    assert cross_entropy.counted.all()
    assert dice.counted.tolist() == [[True, False, True], [True] * 3, [True] * 3]
    # A class that is nowhere is told by cross-entropy alone, so nothing rewards finding nothing.
    grad = gradient_of(partial_label_loss, logits, target, known)[0, 1]
    assert torch.allclose(grad, logits[0, 1].sigmoid() / grad.numel() / 3 / 3)


def test_what_the_hierarchy_tells_weighs_as_its_share_of_the_patch() -> None:
    logits, target, known = draw(11, 1.0)
    annotated = torch.ones(SHAPE[:2], dtype=torch.bool)
    annotated[0, 0] = False
    known[0, 0] = target[0, 0]
    cross_entropy, dice = partial_label_terms(logits, target, known, annotated)
    assert not dice.counted[0, 0]
    assert not cross_entropy.counted[0, 0]
    share = known[0, 0].float().mean()
    drawn = logits[0, 0][target[0, 0]]
    expected = share * functional.softplus(-drawn).mean()
    assert cross_entropy.value[0, 0].item() == pytest.approx(expected.item(), rel=1e-5)
    # It adds to the class, whose other samples keep their weight.
    others = cross_entropy.value[1:, 0].sum() / 2
    alone = combine([Term(cross_entropy.value[:, :1], cross_entropy.counted[:, :1])])
    assert alone.item() == pytest.approx((others + expected / 2).item(), rel=1e-5)


def test_batch_split_over_processes_sums_to_the_whole() -> None:
    logits, target, known = draw(6, 0.4)
    known[0, 2] = False
    seen = known.flatten(2).any(dim=2).sum(dim=0).float().repeat(2)
    parts = [
        partial_label_loss(
            logits[i : i + 1], target[i : i + 1], known[i : i + 1], lambda counts: seen
        )
        for i in range(SHAPE[0])
    ]
    whole = partial_label_loss(logits, target, known)
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), rel=1e-5)


def test_nothing_known_is_zero() -> None:
    logits, target, known = draw(7, 0.0)
    assert partial_label_loss(logits, target, known).item() == 0.0


@pytest.mark.parametrize("loss", EXTRA)
@pytest.mark.parametrize("share_known", [0.0, 0.1, 0.6])
def test_other_losses_are_blind_under_the_mask(loss: Loss, share_known: float) -> None:
    logits, target, known = draw(8, share_known)
    grad = gradient_of(per_sample(loss), logits, target, known)
    assert torch.equal(grad[~known], torch.zeros_like(grad[~known]))
    assert bool(known.any()) == bool(grad.any())
    spoiled = torch.where(known, logits, torch.nan)
    assert torch.equal(loss(spoiled, target ^ ~known, known), loss(logits, target, known))
    assert share_known or not loss(logits, target, known).any()


def test_tversky_of_a_half_is_dice_and_more_minds_missing() -> None:
    logits, target, known = draw(9, 0.5)
    as_dice = masked_tversky_loss(logits, target, known, missed=0.5)
    assert torch.allclose(as_dice, masked_dice_loss(logits, target, known))
    blind = torch.full(SHAPE, -9.0)
    missing, inventing = (
        masked_tversky_loss(values, target, known) - masked_dice_loss(values, target, known)
        for values in (blind, -blind)
    )
    assert missing.min() > -1e-6
    assert inventing.max() < 0


def rod(thickness: int) -> Tensor:
    mask = torch.zeros(1, 1, 20, 12, 12)
    mask[..., 2:18, 5 : 5 + thickness, 5 : 5 + thickness] = 1.0
    return mask


def test_soft_skeleton_is_a_thin_line_inside() -> None:
    assert torch.equal(soft_skeleton(rod(1), 3), rod(1))
    line = soft_skeleton(rod(3), 3)
    assert torch.equal(line * rod(3), line)
    assert line[0, 0, 4:16, 6, 6].min() == 1.0
    assert line[0, 0, 5:15].sum() < 0.3 * rod(3)[0, 0, 5:15].sum()


def test_cldice_sees_a_gap_that_dice_hardly_sees() -> None:
    truth = rod(3) > 0
    known = torch.ones_like(truth)
    broken, thin = truth.clone(), truth.clone()
    broken[..., 9:11, :, :] = False
    thin[..., 5:8, 5] = False
    thin[..., 5, 5:8] = False
    losses = {
        name: [loss(20.0 * mask.float() - 10.0, truth, known).item() for mask in (broken, thin)]
        for name, loss in (("dice", masked_dice_loss), ("cldice", masked_cldice_loss))
    }
    assert losses["dice"][0] < losses["dice"][1]
    assert losses["cldice"][0] > 2.0 * losses["cldice"][1]
    assert masked_cldice_loss(20.0 * truth.float() - 10.0, truth, known).item() < 0.01
