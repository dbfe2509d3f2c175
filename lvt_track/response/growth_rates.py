"""Growth and regression rates of a whole tumour burden: the part that grows and the part that dies.

Stein et al., Clin Cancer Res 2011;17:907-917: the sum relative to its baseline is
exp(-d·t) + exp(g·t) - 1, of a share that dies at rate d and one that grows at rate g.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares

from lvt_track.core.geometry import FloatArray

__all__ = ["growth_and_regression_per_day"]

_FEWEST = 3
_START_PER_DAY = (1e-3, 1e-2)
_MOST_PER_DAY = 0.5


def growth_and_regression_per_day(
    days: Sequence[float], sums: Sequence[float]
) -> tuple[float, float] | None:
    """g and d of the sums of a patient, by least squares.

    Args:
        days: since the baseline, the first of them 0.
        sums: at those days, in any unit; the first must be positive.

    Returns:
        g and d per day, neither negative; None for fewer than three sums, or none at baseline.
    """
    if len(days) != len(sums):
        raise ValueError(f"{len(days)} days do not fit {len(sums)} sums")
    if len(sums) < _FEWEST or sums[0] <= 0:
        return None
    t, share = np.asarray(days, float), np.asarray(sums, float) / sums[0]

    def misfit(rates: FloatArray) -> FloatArray:
        g, d = rates
        off: FloatArray = np.exp(-d * t) + np.exp(np.minimum(g * t, 50.0)) - 1.0 - share
        return off

    # Sums that fall and then rise have one best pair; others may end at a border, from any start.
    starts = [(g, d) for g in _START_PER_DAY for d in _START_PER_DAY]
    fits = [least_squares(misfit, start, bounds=(0.0, _MOST_PER_DAY)) for start in starts]
    g, d = min(fits, key=lambda fit: float(fit.cost)).x
    return float(g), float(d)
