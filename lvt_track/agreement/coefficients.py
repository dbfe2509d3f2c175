"""Coefficients of agreement: intraclass and concordance correlation, weighted kappa, trends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from lvt_track.core.geometry import FloatArray

__all__ = [
    "Estimate",
    "concordance",
    "icc_agreement",
    "icc_consistency",
    "jackknife_half_width",
    "trend_agreement",
    "weighted_kappa",
]

_NORMAL_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; nan where it is not defined."""

    value: float
    low: float
    high: float


def jackknife_half_width(without: FloatArray) -> FloatArray:
    """Half the 95 % interval of statistics from leaving out one patient after the other.

    Args:
        without: the statistics without each patient (patients, ...).
    """
    count = len(without)
    spread = ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    half: FloatArray = stats.t.ppf(0.975, count - 1) * np.sqrt((count - 1) / count * spread)
    return half


_UNDEFINED = Estimate(float("nan"), float("nan"), float("nan"))


def _mean_squares(ratings: ArrayLike) -> tuple[int, int, float, float, float]:
    """Subjects, raters, and the mean squares of rows, columns and residual."""
    x = np.asarray(ratings, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2:
        raise ValueError(f"ratings need at least 2 subjects and 2 raters, got {x.shape}")
    n, k = x.shape
    rows, columns, grand = x.mean(axis=1), x.mean(axis=0), x.mean()
    ms_rows = k * ((rows - grand) ** 2).sum() / (n - 1)
    ms_columns = n * ((columns - grand) ** 2).sum() / (k - 1)
    rest = x - rows[:, None] - columns[None] + grand
    return n, k, float(ms_rows), float(ms_columns), float((rest**2).sum() / ((n - 1) * (k - 1)))


def icc_consistency(ratings: ArrayLike) -> Estimate:
    """ICC(C,1): two-way model, single measurement, consistency (Shrout and Fleiss's ICC(3,1)).

    McGraw and Wong, Psychol Methods 1996;1:30-46.

    Args:
        ratings: (subjects, raters).
    """
    n, k, rows, _, rest = _mean_squares(ratings)
    if rest == 0:
        return _UNDEFINED if rows == 0 else Estimate(1.0, 1.0, 1.0)
    ratio = rows / rest
    low = ratio / float(stats.f.ppf(0.975, n - 1, (n - 1) * (k - 1)))
    high = ratio * float(stats.f.ppf(0.975, (n - 1) * (k - 1), n - 1))
    value, lower, upper = ((f - 1) / (f + k - 1) for f in (ratio, low, high))
    return Estimate(value, lower, upper)


def icc_agreement(ratings: ArrayLike) -> Estimate:
    """ICC(A,1): two-way model, single measurement, absolute agreement (ICC(2,1)).

    McGraw and Wong, Psychol Methods 1996;1:30-46.

    Args:
        ratings: (subjects, raters).
    """
    n, k, rows, columns, rest = _mean_squares(ratings)
    spread = rows + (k - 1) * rest + k * (columns - rest) / n
    if spread == 0:
        return _UNDEFINED
    value = (rows - rest) / spread
    if value >= 1:  # to the last digit, as of sizes that were read back
        return Estimate(value, value, value)
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    freedom = (a * columns + b * rest) ** 2 / (
        (a * columns) ** 2 / (k - 1) + (b * rest) ** 2 / ((n - 1) * (k - 1))
    )
    f_low = float(stats.f.ppf(0.975, n - 1, freedom))
    f_high = float(stats.f.ppf(0.975, freedom, n - 1))
    error = k * columns + (k * n - k - n) * rest
    low = n * (rows - f_low * rest) / (f_low * error + n * rows)
    high = n * (f_high * rows - rest) / (error + n * f_high * rows)
    return Estimate(value, low, high)


def concordance(pairs: ArrayLike) -> Estimate:
    """Lin's concordance correlation coefficient, interval by its z transform.

    Lin, Biometrics 1989;45:255-268, with the variance as corrected in 2000;56:324-325. The
    moments divide by n, as there.

    Args:
        pairs: (n, 2).
    """
    a, b = np.asarray(pairs, dtype=np.float64).T
    n = len(a)
    variance_a, variance_b = a.var(), b.var()
    covariance = float(((a - a.mean()) * (b - b.mean())).mean())
    shift = float(a.mean() - b.mean())
    spread = float(variance_a + variance_b + shift**2)
    if spread == 0:
        return _UNDEFINED
    value = 2 * covariance / spread
    if n < 3 or covariance == 0 or abs(value) >= 1:
        return Estimate(value, value if abs(value) == 1 else np.nan, np.nan)
    r2 = covariance**2 / float(variance_a * variance_b)
    u2 = shift**2 / float(np.sqrt(variance_a * variance_b))
    c2 = value**2
    variance_z = (
        (1 - r2) * c2 / ((1 - c2) * r2)
        + 2 * value**3 * (1 - value) * u2 / (np.sqrt(r2) * np.sign(value) * (1 - c2) ** 2)
        - value**4 * u2**2 / (2 * r2 * (1 - c2) ** 2)
    ) / (n - 2)
    half = _NORMAL_95 * float(np.sqrt(max(variance_z, 0.0)))
    z = float(np.arctanh(value))
    return Estimate(value, float(np.tanh(z - half)), float(np.tanh(z + half)))


def weighted_kappa(
    first: Sequence[str], second: Sequence[str], order: Sequence[str], power: int = 1
) -> float:
    """Weighted kappa of two series of ordered categories (Cohen, Psychol Bull 1968;70:213-220).

    Args:
        first, second: paired categories.
        order: all categories, from best to worst.
        power: 1 for weights that fall linearly with distance, 2 for quadratic ones.

    Returns:
        nan where both series hold one and the same category only.

    Raises:
        ValueError: for a category that is not in the order, or other lengths.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"kappa needs pairs, got {len(first)} and {len(second)}")
    size = len(order)
    counts = np.zeros((size, size))
    for a, b in zip(first, second, strict=True):
        counts[order.index(a), order.index(b)] += 1
    p = counts / counts.sum()
    i, j = np.indices(p.shape)
    weight: FloatArray = 1 - (np.abs(i - j) / max(1, size - 1)) ** power
    observed = float((weight * p).sum())
    expected = float((weight * np.outer(p.sum(axis=1), p.sum(axis=0))).sum())
    return float("nan") if np.isclose(expected, 1.0) else (observed - expected) / (1 - expected)


def trend_agreement(first: ArrayLike, second: ArrayLike, unchanged: float = 0.0) -> tuple[int, int]:
    """In how many changes both say the same: up, down, or no change.

    Args:
        first, second: (n,) changes of the same lesion between the same two visits.
        unchanged: a change up to this size is no change.

    Returns:
        The number that agree, and the number compared.
    """
    signs = []
    for changes in (first, second):
        values = np.asarray(changes, dtype=np.float64)
        signs.append(np.where(np.abs(values) <= unchanged, 0, np.sign(values)))
    if signs[0].shape != signs[1].shape:
        raise ValueError(f"paired changes need one shape, got {[s.shape for s in signs]}")
    return int(np.count_nonzero(signs[0] == signs[1])), int(signs[0].size)
