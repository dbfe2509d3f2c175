"""Likelihood of what is known of nested classes: the liver, and vessels and tumours given it.

The head tells P(liver), P(vessel | liver) and P(tumour | liver), so that P(vessel) is their product
and no vessel is likelier than the liver around it. A voxel may be both vessel and tumour. What is
not known of a voxel is summed over, so that each of these teaches the liver too, where the dataset
did not draw it: a voxel that is no vessel and no tumour is either not liver, or liver without them.

This is the marginal likelihood of Shi et al. (Med Image Anal 2021), from exclusive to nested,
overlapping classes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lvt_track.training.objective.losses import Term, overlap_loss, voxel_mean, where_it_occurs

__all__ = ["nested_surprise", "nested_terms"]


def nested_terms(
    logits: Tensor, target: Tensor, known: Tensor, annotated: Tensor
) -> tuple[Term, Term]:
    """Cross-entropy of what is known of each voxel, and Dice loss of each class where it occurs.

    Args:
        logits: float (samples, 3, z, y, x): liver, vessels given liver, tumours given liver.
        target: bool, same shape, as `partial.targets_and_validity` gives it; its values where not
            known do not matter.
        known: bool, same shape.
        annotated: bool (samples, 3), which classes the sample's dataset annotates.
    """
    target = target & known
    seen = known.any(dim=1, keepdim=True)
    # Logits of which nothing is read must give no gradient, whatever stands there.
    reads = torch.cat([seen, known[:, 1:]], dim=1)
    logits = logits.masked_fill(~reads, 0.0)
    chance = logits.sigmoid()
    probability = torch.cat([chance[:, :1], chance[:, :1] * chance[:, 1:]], dim=1)
    dice = overlap_loss(probability * known, target.to(logits.dtype), missed=0.5)
    return (
        voxel_mean(nested_surprise(logits, target, known)[:, None], seen),
        where_it_occurs(dice, target & annotated[..., None, None, None]),
    )


def nested_surprise(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Minus the logarithm of the likelihood of what is known of each voxel (samples, z, y, x).

    Args:
        logits, target, known: as for `nested_terms`; where vessels or tumours are, the liver is
            known too.
    """
    is_liver, is_part, liver_known = target[:, 0], target[:, 1:], known[:, 0]
    yes = logsigmoid(logits)
    no = yes - logits  # log(1 - sigmoid)
    log_parts = torch.where(is_part, yes[:, 1:], no[:, 1:]) * known[:, 1:]
    inside, outside = yes[:, 0] + log_parts.sum(dim=1), no[:, 0]
    likelihood = torch.where(is_liver, inside, outside)
    return -torch.where(liver_known, likelihood, torch.logaddexp(inside, outside))
