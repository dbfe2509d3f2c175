"""Binary cross-entropy plus soft Dice per class, blind where a class is not known.

A class and sample without one known voxel adds nothing; each other one is normalised by its own
known voxels, then averaged over the samples that know the class, so that a class annotated rarely
keeps its weight. Masked logits are replaced before anything is computed with them, so their
gradient is exactly zero, and what stands there, even NaN, cannot matter.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["known_pairs", "masked_bce", "masked_dice_loss", "partial_label_loss"]

_VOXELS = (2, 3, 4)


def known_pairs(known: Tensor) -> Tensor:
    """Number of samples that know each class, float (classes,).

    Args:
        known: bool (samples, classes, z, y, x).
    """
    return known.flatten(2).any(dim=2).sum(dim=0).float()


def masked_bce(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Mean cross-entropy over the known voxels of each sample and class (samples, classes).

    Zero where a sample knows nothing of a class. All arguments are (samples, classes, z, y, x).
    """
    safe = logits.masked_fill(~known, 0.0)
    loss = functional.binary_cross_entropy_with_logits(
        safe, (target & known).float(), reduction="none"
    )
    return (loss * known).sum(_VOXELS) / known.sum(_VOXELS).clamp(min=1)


def masked_dice_loss(logits: Tensor, target: Tensor, known: Tensor, smooth: float = 1.0) -> Tensor:
    """One minus soft Dice over the known voxels of each sample and class (samples, classes).

    Zero where a sample knows nothing of a class (Milletari et al., 3DV 2016, with a linear
    denominator). The mask is applied after the sigmoid.

    Args:
        logits, target, known: (samples, classes, z, y, x).
        smooth: voxels added to both sides of the fraction, so that empty meets empty in 1.
    """
    probability = logits.masked_fill(~known, 0.0).sigmoid() * known
    truth = (target & known).float()
    overlap = (probability * truth).sum(_VOXELS)
    total = probability.sum(_VOXELS) + truth.sum(_VOXELS)
    return 1.0 - (2.0 * overlap + smooth) / (total + smooth)


def partial_label_loss(
    logits: Tensor, target: Tensor, known: Tensor, pairs: Tensor | None = None
) -> Tensor:
    """Cross-entropy plus Dice loss, averaged over samples per class, then over classes.

    Args:
        logits: float (samples, classes, z, y, x).
        target: bool, same shape; its values where not known do not matter.
        known: bool, same shape.
        pairs: (classes,) how many samples know each class. Default: counted here. Processes that
            share a batch pass the count over all of them; the sum of their losses is then the
            loss of the whole batch.

    Returns:
        A scalar; zero, with zero gradient, when nothing is known.
    """
    if pairs is None:
        pairs = known_pairs(known)
    logits = logits.float()
    loss = masked_bce(logits, target, known) + masked_dice_loss(logits, target, known)
    per_class = loss.sum(dim=0) / pairs.clamp(min=1.0)
    return per_class.sum() / torch.count_nonzero(pairs).clamp(min=1)
