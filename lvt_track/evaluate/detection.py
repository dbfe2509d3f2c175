"""How good masks are: overlap per class, and lesions found and invented.

Matching rule for lesions (26-connected components): a true lesion is found when the found tumour
covers at least a tenth of its voxels; a found lesion is false when less than a tenth of its voxels
lie on a true tumour. Lesions are sized by the diameter of the ball of equal volume; found ones by
the true lesion's, false ones by their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.components import label_components
from lvt_track.core.volume import CLASSES, BoolArray, Masks

__all__ = [
    "SIZES_MM",
    "CaseScores",
    "Detection",
    "covered_lesions",
    "dice",
    "lesion_detection",
    "score_case",
]

SIZES_MM = (0.0, 5.0, 10.0, 20.0, np.inf)
"""Edges of the classes of lesion size."""

_COVERED = 0.1


@dataclass(frozen=True)
class Detection:
    """Lesions of one case.

    Attributes:
        detected: true lesions that were found, per class of size.
        true: true lesions, per class of size.
        false: found lesions that are not true, per class of size.
    """

    detected: tuple[int, ...]
    true: tuple[int, ...]
    false: tuple[int, ...]

    def __add__(self, other: Detection) -> Detection:
        """Both cases together."""
        return Detection(
            *(
                tuple(a + b for a, b in zip(left, right, strict=True))
                for left, right in (
                    (self.detected, other.detected),
                    (self.true, other.true),
                    (self.false, other.false),
                )
            )
        )

    def between(self, least_mm: float, below_mm: float) -> tuple[int, int, int]:
        """Found, true and false lesions between two edges of `SIZES_MM`."""
        part = slice(SIZES_MM.index(least_mm), SIZES_MM.index(below_mm))
        return sum(self.detected[part]), sum(self.true[part]), sum(self.false[part])

    def sensitivity(self, least_mm: float = 0.0) -> float | None:
        """Share of the true lesions from this edge of `SIZES_MM` that were found; None of none."""
        detected, true, _ = self.between(least_mm, np.inf)
        return detected / true if true else None


@dataclass(frozen=True)
class CaseScores:
    """One case.

    Attributes:
        dice: per class by name; None where neither mask has a voxel.
        detection: of its lesions.
    """

    dice: Mapping[str, float | None]
    detection: Detection


def dice(predicted: BoolArray, truth: BoolArray) -> float | None:
    """Dice overlap, 0 to 1; None when both masks are empty."""
    total = int(np.count_nonzero(predicted)) + int(np.count_nonzero(truth))
    return 2.0 * int(np.count_nonzero(predicted & truth)) / total if total else None


def lesion_detection(predicted: BoolArray, truth: BoolArray, voxel_mm3: float) -> Detection:
    """Match lesions by the rule of this module.

    Args:
        predicted, truth: tumour masks on one grid.
        voxel_mm3: volume of a voxel.
    """
    true, hit = _by_size(truth, predicted, voxel_mm3)
    drawn, right = _by_size(predicted, truth, voxel_mm3)
    false = tuple(all_ - good for all_, good in zip(drawn, right, strict=True))
    return Detection(hit, true, false)


def score_case(predicted: Masks, truth: Masks) -> CaseScores:
    """Score masks against true ones.

    Raises:
        ValueError: when they lie on different grids.
    """
    if not predicted.geometry.is_close(truth.geometry):
        raise ValueError("masks to be compared must lie on one grid")
    overlap = {name: dice(getattr(predicted, name), getattr(truth, name)) for name in CLASSES}
    voxel_mm3 = predicted.geometry.voxel_volume_mm3
    return CaseScores(overlap, lesion_detection(predicted.tumors, truth.tumors, voxel_mm3))


def covered_lesions(labels: NDArray[np.integer], other: BoolArray) -> BoolArray:
    """Which lesions another mask covers by at least a tenth of their voxels.

    Args:
        labels: (z, y, x) lesions numbered from 1 without gaps, 0 elsewhere.
        other: (z, y, x) mask.

    Returns:
        One value per lesion, the first for label 1.
    """
    sizes = np.bincount(labels.ravel())[1:]
    covered = np.bincount(labels[other], minlength=len(sizes) + 1)[1:]
    return np.asarray(covered >= _COVERED * sizes)


def _by_size(
    mask: BoolArray, other: BoolArray, voxel_mm3: float
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Components of a mask, and those of them that the other mask covers, per class of size."""
    labels, _ = label_components(mask)
    sizes = np.bincount(labels.ravel())[1:]
    diameter_mm = (6.0 * sizes * voxel_mm3 / np.pi) ** (1.0 / 3.0)
    kind = np.searchsorted(SIZES_MM, diameter_mm, side="right") - 1
    count = len(SIZES_MM) - 1
    all_ = np.bincount(kind, minlength=count)
    good = np.bincount(kind[covered_lesions(labels, other)], minlength=count)
    return tuple(int(n) for n in all_), tuple(int(n) for n in good)
