"""The probability that what the embedded model drew as a tumour is one.

A logistic function of a few things that the scan and the model's own probabilities say. Its
coefficients were fitted by `benchmarks/existence.py` to phantoms with tumours and their doubles;
`docs/results/existence.md` holds it against other phantoms and real backgrounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.lesions.lookalikes import FALCIFORM
from lvt_track.lesions.spots import Spot

__all__ = [
    "COEFFICIENTS",
    "FITTED_TO",
    "LesionEvidence",
    "improbable",
    "lesion_evidence",
    "tumor_probability",
]

FITTED_TO = "default"
"""The model whose lesions the coefficients know, as the sources of masks name it."""

COEFFICIENTS: Mapping[str, float] = {
    "one": -1.98,
    "log diameter": -0.483,
    "log odds of the peak": -0.143,
    "log odds of the mean": 3.212,
    "darker by noise": -0.449,
    "brighter by noise": -0.484,
    "vessel": -4.994,
    "surface": -5.345,
    "at the falciform": -0.995,
}
"""Of the terms of `LesionEvidence.terms`."""

LEAST_PROBABILITY = 0.2
"""Below it a small lesion is in doubt: four of five like it are none."""

_WIDEST_IMPROBABLE_MM = 10.0
# What is larger looks like a tumour or like one of the lookalikes: in 3D-IRCADb 1.19 the only one
# of 20 below the limit is a round metastasis at the capsule.

_LEAST_NOISE_HU = 3.0
# Probabilities are kept in steps of 1/255.
_STEP = 1 / 255
_MOST_CONTRAST = 6.0


@dataclass(frozen=True)
class LesionEvidence:
    """What speaks for and against one drawn lesion.

    Attributes:
        diameter_mm: of the ball of its volume.
        peak: the highest tumour probability in it, 0 to 1.
        mean: the mean tumour probability in it, 0 to 1.
        contrast_hu: mean in it, less the median of the liver around it.
        noise_hu: standard deviation of the liver around it.
        vessel_share: of its voxels and their neighbours, those that are drawn as vessel too.
        surface_share: of its neighbours, those outside the liver.
        is_at_falciform: whether it may be focal fat at the falciform ligament, see `lookalikes`.
    """

    diameter_mm: float
    peak: float
    mean: float
    contrast_hu: float
    noise_hu: float
    vessel_share: float
    surface_share: float
    is_at_falciform: bool

    def terms(self) -> dict[str, float]:
        """What the coefficients multiply, by name."""
        contrast = self.contrast_hu / max(self.noise_hu, _LEAST_NOISE_HU)
        return {
            "one": 1.0,
            "log diameter": math.log(self.diameter_mm / 10.0),
            "log odds of the peak": _log_odds(self.peak),
            "log odds of the mean": _log_odds(self.mean),
            "darker by noise": min(max(-contrast, 0.0), _MOST_CONTRAST),
            "brighter by noise": min(max(contrast, 0.0), _MOST_CONTRAST),
            "vessel": self.vessel_share,
            "surface": self.surface_share,
            "at the falciform": float(self.is_at_falciform),
        }


def tumor_probability(evidence: LesionEvidence) -> float:
    """The probability that a drawn lesion is a tumour, 0 to 1."""
    terms = evidence.terms()
    log_odds = sum(weight * terms[name] for name, weight in COEFFICIENTS.items())
    return 1.0 / (1.0 + math.exp(-log_odds))


def improbable(evidence: LesionEvidence) -> str:
    """Why a lesion is in doubt that is small and unlikely a tumour; empty where it is not."""
    probability = tumor_probability(evidence)
    if probability >= LEAST_PROBABILITY or evidence.diameter_mm >= _WIDEST_IMPROBABLE_MM:
        return ""
    return f"perhaps none: by its look {100 * probability:.0f} % likely a tumour"


def lesion_evidence(
    spots: Sequence[Spot],
    probability: NDArray[np.floating],
    against: Mapping[int, str],
) -> dict[int, LesionEvidence]:
    """What speaks for and against each drawn lesion, by label.

    Args:
        spots: the lesions, see `drawn_spots`.
        probability: of tumour (z, y, x), 0 to 1, on the grid of their scan.
        against: what `lookalikes` says, by label.
    """
    evidence = {}
    for spot in spots:
        if math.isnan(spot.liver_hu):
            continue
        chance = probability[spot.box][spot.inside].astype(np.float64)
        evidence[spot.label] = LesionEvidence(
            diameter_mm=spot.diameter_mm,
            peak=float(chance.max()),
            mean=float(chance.mean()),
            contrast_hu=float(spot.hu.mean()) - spot.liver_hu,
            noise_hu=spot.noise_hu,
            vessel_share=spot.vessel_share,
            surface_share=spot.surface_share,
            is_at_falciform=against.get(spot.label) == FALCIFORM,
        )
    return evidence


def _log_odds(probability: float) -> float:
    kept = min(max(probability, _STEP), 1 - _STEP)
    return math.log(kept / (1 - kept))
