"""Ways to learn from partial labels: ours, and the rivals it is measured against.

Each is a loss over one of two heads, and a rule from probabilities to masks. All see the same
batches, so that what differs is the method alone.

| name | head | what is not annotated |
|---|---|---|
| `ours` | sigmoids, parts given the liver | summed over what labels and hierarchy allow |
| `full` | sigmoids, parts given the liver | nothing: refuses partial labels; the upper bound |
| `masked-multilabel` | sigmoid per class | masked, known where the hierarchy tells (Østmo et al.) |
| `background-multilabel` | sigmoid per class | taken for background |
| `background-multiclass` | softmax | taken for background |
| `masked-multiclass` | softmax | its voxels and channels left out |
| `marginal` | softmax | merged with what it may hide under (Shi et al., Med Image Anal 2021) |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, UsageError
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import class_logits, nested_class_logits
from lvt_track.training.batches.batch import Batch
from lvt_track.training.objective.losses import (
    Term,
    masked_cldice_loss,
    masked_dice_loss,
    masked_tversky_loss,
    overlap_loss,
    partial_label_terms,
    voxel_mean,
    where_it_occurs,
)
from lvt_track.training.objective.nested import nested_terms

__all__ = [
    "METHODS",
    "MULTILABEL",
    "OURS",
    "BackgroundMulticlass",
    "BackgroundMultilabel",
    "FullLabels",
    "Marginal",
    "MaskedMulticlass",
    "MaskedMultilabel",
    "Method",
    "NestedMultilabel",
    "method_named",
]

_LIVER, _VESSELS, _TUMORS = range(len(CLASSES))
_OTHER_LIVER, _VESSEL, _TUMOR = 1, 2, 3
_MULTI_HOT = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 0, 1))
"""Liver, vessels, tumours of the exclusive classes: background, other liver, vessel, tumour."""


class Method(Protocol):
    """One way to learn from partial labels."""

    def headed(self, size: NetworkParameters) -> NetworkParameters:
        """The size with the head whose logits this method reads."""

    def terms(self, logits: Tensor, batch: Batch) -> tuple[Term, ...]:
        """The loss.

        Args:
            logits: of the head, float32 (samples, channels, z, y, x).
            batch: labels on the same grid; its image is not read.
        """

    def masks(self, probabilities: Tensor) -> Tensor:
        """Liver, vessels and tumours, bool (3, z, y, x), of their probabilities."""


@dataclass(frozen=True)
class _Multilabel:
    """A sigmoid per class."""

    def headed(self, size: NetworkParameters) -> NetworkParameters:
        """Each class for itself."""
        return replace(size, exclusive=False, nested=False)

    def masks(self, probabilities: Tensor) -> Tensor:
        """Every class for itself."""
        return probabilities > 0.5


@dataclass(frozen=True)
class _Multiclass:
    """A softmax over background, other liver, vessel and tumour."""

    def headed(self, size: NetworkParameters) -> NetworkParameters:
        """Background and the classes as alternatives."""
        return replace(size, exclusive=True, nested=False)

    def masks(self, probabilities: Tensor) -> Tensor:
        """The likeliest of the exclusive classes."""
        liver, vessels, tumors = probabilities
        likeliest = torch.stack([1 - liver, liver - vessels - tumors, vessels, tumors]).argmax(0)
        return torch.stack([likeliest > 0, likeliest == _VESSEL, likeliest == _TUMOR])


@dataclass(frozen=True)
class MaskedMultilabel(_Multilabel):
    """Østmo et al., NLDL 2026: cross-entropy and Dice of each class where it is known."""

    def terms(self, logits: Tensor, batch: Batch) -> tuple[Term, ...]:
        """As `Method.terms`."""
        return partial_label_terms(logits, batch.target, batch.known, batch.annotated)


@dataclass(frozen=True)
class NestedMultilabel(_Multilabel):
    """Ours: the likelihood of what is known, of vessels and tumours given the liver, and Dice.

    Attributes:
        vessel_cldice: weight of a clDice term for vessels.
        tumor_tversky: weight of a Tversky term for tumours.
    """

    vessel_cldice: float = 0.0
    tumor_tversky: float = 0.0

    def headed(self, size: NetworkParameters) -> NetworkParameters:
        """The liver, and its parts given it."""
        return replace(size, exclusive=False, nested=True)

    def terms(self, logits: Tensor, batch: Batch) -> tuple[Term, ...]:
        """As `Method.terms`."""
        terms: tuple[Term, ...] = nested_terms(logits, batch.target, batch.known, batch.annotated)
        drawn, _ = _as_annotated(batch)
        for weight, channel, loss in (
            (self.vessel_cldice, _VESSELS, masked_cldice_loss),
            (self.tumor_tversky, _TUMORS, masked_tversky_loss),
        ):
            if weight:
                only = slice(channel, channel + 1)
                known = batch.known[:, only]
                value = loss(nested_class_logits(logits)[:, only], batch.target[:, only], known)
                terms = (*terms, where_it_occurs(value, drawn[:, only] & known, weight))
        return terms


@dataclass(frozen=True)
class FullLabels(NestedMultilabel):
    """Ours on complete labels: what partial ones are to come close to."""

    def terms(self, logits: Tensor, batch: Batch) -> tuple[Term, ...]:
        """As `Method.terms`.

        Raises:
            InputError: when a sample does not annotate every class.
        """
        if not batch.annotated.all():
            raise InputError(
                "the method full learns from complete labels only, and a case lacks a class",
                remedy="Use the method ours for datasets that leave classes out",
            )
        return super().terms(logits, batch)


@dataclass(frozen=True)
class BackgroundMultilabel(_Multilabel):
    """A class that is not annotated counts as nowhere."""

    def terms(self, logits: Tensor, batch: Batch) -> tuple[Term, ...]:
        """As `Method.terms`."""
        target, seen = _as_annotated(batch)
        return partial_label_terms(logits, target, seen.expand_as(target))


@dataclass(frozen=True)
class BackgroundMulticlass(_Multiclass):
    """What carries no label counts as background."""

    def terms(self, logits: Tensor, batch: Batch) -> tuple[Term, ...]:
        """As `Method.terms`."""
        target, seen = _as_annotated(batch)
        return _softmax_terms(logits, _exclusive(target), seen.expand_as(logits))


@dataclass(frozen=True)
class MaskedMulticlass(_Multiclass):
    """Classes that are not annotated are left out of cross-entropy and Dice.

    Cross-entropy reads the voxels that carry the label of an annotated class, Dice all voxels for
    the annotated classes. Background is annotated where the liver is. A liver label stands as it
    is, also where vessels in it were not drawn.
    """

    def terms(self, logits: Tensor, batch: Batch) -> tuple[Term, ...]:
        """As `Method.terms`."""
        target, seen = _as_annotated(batch)
        channels = torch.cat([batch.annotated[:, :1], batch.annotated], dim=1)
        return _softmax_terms(logits, _exclusive(target), seen & channels[..., None, None, None])


@dataclass(frozen=True)
class Marginal(_Multiclass):
    """A voxel counts for all classes together that its labels allow.

    Shi et al. merge classes that are not annotated into background; here they are merged with all
    they may hide under, as the hierarchy tells, so that it knows what `ours` knows: a liver voxel
    of a dataset without vessels is "other liver or vessel".
    """

    def terms(self, logits: Tensor, batch: Batch) -> tuple[Term, ...]:
        """As `Method.terms`."""
        target, known = batch.target.clone(), batch.known
        target[:, _VESSELS] &= ~(target[:, _TUMORS] & known[:, _TUMORS])
        allowed = _allowed(target, known)
        is_informed = ~allowed.all(dim=1)
        likely = logits.masked_fill(~allowed, -torch.inf).logsumexp(1)
        surprise = (logits.logsumexp(1) - likely)[:, None]
        dice = masked_dice_loss(class_logits(logits), target, known)
        drawn = target & known & batch.annotated[..., None, None, None]
        return voxel_mean(surprise, is_informed[:, None]), where_it_occurs(dice, drawn)


OURS = NestedMultilabel()
MULTILABEL = MaskedMultilabel()

METHODS: dict[str, Method] = {
    "ours": OURS,
    "full": FullLabels(),
    "masked-multilabel": MULTILABEL,
    "masked-multiclass": MaskedMulticlass(),
    "background-multiclass": BackgroundMulticlass(),
    "background-multilabel": BackgroundMultilabel(),
    "marginal": Marginal(),
}


def method_named(name: str) -> Method:
    """The method of this name.

    Raises:
        UsageError: when there is none.
    """
    if name not in METHODS:
        raise UsageError(f"there is no method {name!r}", remedy=f"Use one of {', '.join(METHODS)}")
    return METHODS[name]


def _as_annotated(batch: Batch) -> tuple[Tensor, Tensor]:
    """Targets as the dataset drew them, without what the hierarchy adds; voxels not ignored."""
    drawn = batch.target & batch.annotated[..., None, None, None]
    return drawn, batch.known.any(dim=1, keepdim=True)


def _exclusive(target: Tensor) -> Tensor:
    """One-hot exclusive classes (samples, 4, z, y, x) of multi-hot ones; tumour before vessel."""
    liver, vessels, tumors = target.unbind(1)
    vessels = vessels & ~tumors
    inside = vessels | tumors
    return torch.stack([~(liver | inside), liver & ~inside, vessels, tumors], dim=1)


def _allowed(target: Tensor, known: Tensor) -> Tensor:
    """Exclusive classes (samples, 4, z, y, x) that contradict no known label of a voxel."""
    return torch.stack(
        [
            (~known | (target == target.new_tensor(code)[:, None, None, None])).all(dim=1)
            for code in _MULTI_HOT
        ],
        dim=1,
    )


def _softmax_terms(logits: Tensor, truth: Tensor, known: Tensor) -> tuple[Term, Term]:
    """Cross-entropy and Dice over the known channels of each voxel; all (samples, 4, z, y, x)."""
    known_truth = truth & known
    surprise = -(torch.log_softmax(logits, dim=1) * known_truth).sum(dim=1, keepdim=True)
    parts = slice(_OTHER_LIVER, None)
    overlap = overlap_loss(
        logits.softmax(dim=1)[:, parts] * known[:, parts], known_truth[:, parts].float(), missed=0.5
    )
    return (
        voxel_mean(surprise, known_truth.any(dim=1, keepdim=True)),
        where_it_occurs(overlap, known_truth[:, parts]),
    )
