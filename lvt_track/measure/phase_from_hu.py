"""The contrast phase of a CT from its brightness, for scans whose headers do not say it.

Each phase is a normal distribution of the places of `blood_pool`, fitted to phantoms
(`benchmarks/phase_from_pixels.py`). A place that a scan does not show is left out of all of them.
Portal and delayed look alike; in practice nearly every study of the liver has a portal venous scan
and few have a delayed one, so portal is taken for three times as likely as any other beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.measure.blood_pool import BloodPool, measure_blood_pool
from lvt_track.measure.phase_model import COVARIANCE_HU2, MEAN_HU

__all__ = ["LEAST_CONFIDENCE", "PhaseReading", "phase_from_hu", "phase_of_blood_pool"]

LEAST_CONFIDENCE = 0.8
"""Below it a phase stays unknown."""

_PHASES = (Phase.NATIVE, Phase.ARTERIAL, Phase.PORTAL, Phase.DELAYED)
_PRIOR = {Phase.NATIVE: 1.0, Phase.ARTERIAL: 1.0, Phase.PORTAL: 3.0, Phase.DELAYED: 1.0}
# Scans of patients stray more than phantoms, and in other ways.
_WIDER = 1.5
# Farther than that from all phases a scan is none that the model knows; mean square by place.
_STRANGE = 6.0
_FEWEST_PLACES = 4


@dataclass(frozen=True)
class PhaseReading:
    """A phase and the probability of it, given that the scan is of one of the four.

    Attributes:
        phase: unknown where it cannot be told.
        confidence: of the likeliest phase, 0 to 1, also where that is too little to name it.
    """

    phase: Phase
    confidence: float


_UNKNOWN = PhaseReading(Phase.UNKNOWN, 0.0)


def phase_from_hu(volume: Volume) -> PhaseReading:
    """The contrast phase that a scan of the trunk shows.

    Args:
        volume: in HU; the slices about the liver are enough, in any order of axes.
    """
    pool = measure_blood_pool(volume)
    return _UNKNOWN if pool is None else phase_of_blood_pool(pool)


def phase_of_blood_pool(pool: BloodPool) -> PhaseReading:
    """The phase in which places are so bright."""
    values = pool.values()
    if np.count_nonzero(np.isfinite(values)) < _FEWEST_PLACES:
        return _UNKNOWN
    fits = [_fit(values, phase) for phase in _PHASES]
    logs = np.array([log for log, _ in fits]) + np.log([_PRIOR[phase] for phase in _PHASES])
    shares = np.exp(logs - logs.max())
    best = int(shares.argmax())
    confidence = float(shares[best] / shares.sum())
    if fits[best][1] > _STRANGE:
        return _UNKNOWN
    if confidence < LEAST_CONFIDENCE:
        return PhaseReading(Phase.UNKNOWN, confidence)
    return PhaseReading(_PHASES[best], confidence)


def _fit(values: FloatArray, phase: Phase) -> tuple[float, float]:
    """Log density of what is shown, and its mean square distance from the phase's mean."""
    shown = np.isfinite(values)
    away = (values - np.array(MEAN_HU[phase]))[shown]
    covariance = _WIDER * np.array(COVARIANCE_HU2[phase])[np.ix_(shown, shown)]
    square = float(away @ np.linalg.solve(covariance, away))
    _, determinant = np.linalg.slogdet(covariance)
    return -0.5 * (square + float(determinant)), square / len(away)
