"""Losses that are blind where a class is not known.

Each loss is a value per sample and class over that class's own known voxels. Masked logits are
replaced before anything is computed with them, so their gradient is exactly zero, and what stands
there, even NaN, cannot matter. `combine` then averages each class over the samples that know it, so
that a class never annotated in a batch adds nothing and one annotated rarely keeps its weight.

Overlap is counted only where the class is annotated and occurs. Elsewhere it could but reward
finding nothing at all, or everything: what the hierarchy tells of a class that is not annotated is
one-sided, no vessel outside the liver, or liver in every vessel. Cross-entropy tells these, and
there they weigh as much as their share of the patch, not as much as a whole annotation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "Term",
    "combine",
    "masked_cldice_loss",
    "masked_dice_loss",
    "masked_tversky_loss",
    "overlap_loss",
    "partial_label_terms",
    "soft_skeleton",
    "voxel_mean",
    "where_it_occurs",
]

_VOXELS = (2, 3, 4)


class Term(NamedTuple):
    """One part of a loss.

    Attributes:
        value: loss of each sample and class (samples, classes); zero where nothing is known.
        counted: bool, same shape: the samples over which a class is averaged.
        weight: of this part.
    """

    value: Tensor
    counted: Tensor
    weight: float = 1.0


def combine(
    terms: Sequence[Term], over_processes: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Average every term over samples per class, then over classes; their weighted sum.

    Args:
        terms: parts of the loss.
        over_processes: sums a tensor over all processes that share a batch. The sum of their
            losses is then the loss of the whole batch.

    Returns:
        A scalar; zero, with zero gradient, when nothing is counted.
    """
    counts = torch.cat([term.counted.sum(dim=0) for term in terms]).float()
    if over_processes is not None:
        counts = over_processes(counts)
    total = counts.new_zeros(())
    widths = [term.value.shape[1] for term in terms]
    for term, count in zip(terms, torch.split(counts, widths), strict=True):
        per_class = term.value.sum(dim=0) / count.clamp(min=1.0)
        total = total + term.weight * per_class.sum() / torch.count_nonzero(count).clamp(min=1)
    return total


def partial_label_terms(
    logits: Tensor, target: Tensor, known: Tensor, annotated: Tensor | None = None
) -> tuple[Term, Term]:
    """Binary cross-entropy of each class where it is known, Dice loss where it occurs.

    Args:
        logits: float (samples, classes, z, y, x).
        target: bool, same shape; its values where not known do not matter.
        known: bool, same shape.
        annotated: bool (samples, classes), which classes the sample's dataset annotates; the others
            are known by the hierarchy alone. None for all.
    """
    blind = _blinded(logits, target, known)
    cross_entropy, dice = _bce(*blind), overlap_loss(*_soft(*blind), missed=0.5)
    if annotated is None:
        annotated = torch.ones_like(cross_entropy, dtype=torch.bool)
    hinted = cross_entropy * blind[2].mean(_VOXELS)
    return (
        Term(
            torch.where(annotated, cross_entropy, hinted),
            annotated & known.flatten(2).any(dim=2),
        ),
        where_it_occurs(dice, target & known & annotated[..., None, None, None]),
    )


def where_it_occurs(loss: Tensor, truth: Tensor, weight: float = 1.0) -> Term:
    """A loss (samples, classes) counted where the class occurs.

    Args:
        loss: of each sample and class.
        truth: bool (samples, classes, z, y, x), the class where known.
        weight: of the term.
    """
    occurs = truth.flatten(2).any(dim=2)
    return Term(loss * occurs, occurs, weight)


def voxel_mean(value: Tensor, counted: Tensor) -> Term:
    """A loss per voxel (samples, 1, z, y, x), averaged over the voxels that count."""
    mean = (value * counted).sum(_VOXELS) / counted.sum(_VOXELS).clamp(min=1)
    return Term(mean, counted.flatten(2).any(dim=2))


def masked_dice_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """One minus soft Dice over the known voxels of each sample and class (samples, classes).

    Milletari et al., 3DV 2016, with a linear denominator. All arguments are
    (samples, classes, z, y, x).
    """
    return overlap_loss(*_soft(*_blinded(logits, target, known)), missed=0.5)


def masked_tversky_loss(
    logits: Tensor, target: Tensor, known: Tensor, missed: float = 0.7
) -> Tensor:
    """As `masked_dice_loss`, with missed voxels dearer than invented ones: for small tumours.

    Salehi et al., MLMI 2017, whose beta is `missed` and whose alpha is the rest to one.
    """
    return overlap_loss(*_soft(*_blinded(logits, target, known)), missed=missed)


def overlap_loss(probability: Tensor, truth: Tensor, missed: float, smooth: float = 0.5) -> Tensor:
    """One minus the Tversky index per sample and class (samples, classes); 0.5 gives Dice.

    Args:
        probability, truth: (samples, classes, z, y, x), zero where not known.
        missed: weight of missed voxels; invented ones weigh the rest to one.
        smooth: voxels added to both sides of the fraction, so that empty meets empty in 1.
    """
    overlap = (probability * truth).sum(_VOXELS)
    predicted, true = probability.sum(_VOXELS), truth.sum(_VOXELS)
    total = missed * true + (1.0 - missed) * predicted
    return 1.0 - (overlap + smooth) / (total + smooth)


def masked_cldice_loss(
    logits: Tensor, target: Tensor, known: Tensor, iterations: int = 3, smooth: float = 1.0
) -> Tensor:
    """One minus soft clDice over the known voxels of each sample and class (samples, classes).

    Rewards vessels that hold together: how much of each mask's centre line lies in the other
    (Shit et al., CVPR 2021).

    Args:
        logits, target, known: (samples, classes, z, y, x).
        iterations: erosions until the thickest vessel is gone, about its radius in voxels.
        smooth: voxels added to both sides of each fraction.
    """
    probability, truth = _soft(*_blinded(logits, target, known))
    line, true_line = soft_skeleton(probability, iterations), soft_skeleton(truth, iterations)
    precision = ((line * truth).sum(_VOXELS) + smooth) / (line.sum(_VOXELS) + smooth)
    recall = ((true_line * probability).sum(_VOXELS) + smooth) / (true_line.sum(_VOXELS) + smooth)
    return 1.0 - 2.0 * precision * recall / (precision + recall)


def soft_skeleton(probability: Tensor, iterations: int) -> Tensor:
    """Centre lines of a soft mask (samples, classes, z, y, x), by pooling alone.

    Args:
        probability: 0 to 1.
        iterations: erosions; what is thicker than about twice as many voxels keeps no line.
    """
    skeleton = functional.relu(probability - _opened(probability))
    for _ in range(iterations):
        probability = _eroded(probability)
        ridge = functional.relu(probability - _opened(probability))
        skeleton = skeleton + functional.relu(ridge - skeleton * ridge)
    return skeleton


def _eroded(probability: Tensor) -> Tensor:
    """The least of a voxel and its six neighbours."""
    negative = -probability
    along = [
        functional.max_pool3d(negative, size, stride=1, padding=tuple(n // 2 for n in size))
        for size in ((3, 1, 1), (1, 3, 1), (1, 1, 3))
    ]
    return -torch.maximum(torch.maximum(along[0], along[1]), along[2])


def _opened(probability: Tensor) -> Tensor:
    return functional.max_pool3d(_eroded(probability), 3, stride=1, padding=1)


def _blinded(logits: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits and truth, zero where not known, and where they are known; all of one dtype."""
    truth = (target & known).to(logits.dtype)
    return logits.masked_fill(~known, 0.0), truth, known.to(logits.dtype)


def _bce(logits: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    loss = functional.binary_cross_entropy_with_logits(
        logits, truth, weight=known, reduction="none"
    )
    return loss.sum(_VOXELS) / known.sum(_VOXELS).clamp(min=1.0)


def _soft(logits: Tensor, truth: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Probability and truth, both zero where not known: the mask acts after the sigmoid too."""
    return logits.sigmoid() * known, truth
