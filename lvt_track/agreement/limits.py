"""How well two sets of measurements of the same lesions agree, with 95 % intervals.

Everything takes plain arrays: paired values, one per lesion and visit. Where a patient gave
several pairs, these are no independent evidence; limits then use the variance between and within
patients, and all intervals come from leaving out one patient after the other (the jackknife).
Below five independent pairs or patients no interval is given.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from lvt_track.agreement.coefficients import (
    Estimate,
    concordance,
    icc_agreement,
    icc_consistency,
    jackknife_half_width,
    weighted_kappa,
)
from lvt_track.core.geometry import FloatArray

__all__ = [
    "LEAST_FOR_INTERVAL",
    "LEAST_PAIRS",
    "READERS_PERCENT",
    "READERS_SUM_PERCENT",
    "Agreement",
    "Limits",
    "agree",
    "agree_on_categories",
    "limits",
]

READERS_PERCENT = (-22.0, 25.0)
"""Limits of agreement between two human readers for the diameter of one lesion, in percent
(pooled over twelve studies: Yoon et al., Eur J Cancer 2016;53:5-15)."""

READERS_SUM_PERCENT = (-19.0, 20.0)
"""The same for the sum of diameters of a patient (same source)."""

LEAST_PAIRS = 3
"""Fewest pairs of which agreement is computed at all."""

LEAST_FOR_INTERVAL = 5
"""Fewest independent pairs, or patients, that are given intervals: fewer cannot show whether
their differences are normal, on which all intervals rest."""

Groups = NDArray[np.intp]

# Differences that are all the same leave a spread of rounding noise, or none.
_LEAST_SD = 1e-9
_NORMAL_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Limits:
    """Bias and 95 % limits of agreement of differences.

    Attributes:
        bias: mean difference.
        lower, upper: between these lie 95 % of differences, if they are normal.
        sd: standard deviation of a single difference.
    """

    bias: Estimate
    lower: Estimate
    upper: Estimate
    sd: float


@dataclass(frozen=True)
class Agreement:
    """Agreement of measured with reference values.

    Attributes:
        pairs, clusters: how many there are.
        mean_absolute_error: in the unit of the values.
        difference: bias and limits of measured minus reference, in the unit of the values.
        difference_percent: the same in percent of the mean of the two.
        icc_agreement: ICC(A,1), single measurement, absolute agreement.
        icc_consistency: ICC(C,1), single measurement, consistency.
        concordance: Lin's concordance correlation coefficient.
        pearson: correlation coefficient.
    """

    pairs: int
    clusters: int
    mean_absolute_error: float
    difference: Limits
    difference_percent: Limits
    icc_agreement: Estimate
    icc_consistency: Estimate
    concordance: Estimate
    pearson: Estimate


def agree(
    measured: ArrayLike, reference: ArrayLike, clusters: Sequence[Hashable] | None = None
) -> Agreement:
    """Agreement of paired measurements.

    Args:
        measured, reference: (n,) paired values above zero, at least three pairs.
        clusters: (n,) what pairs share: the patient, or within one patient the lesion; None where
            every pair is independent.

    Raises:
        ValueError: for fewer than three pairs, values that are not positive, or other lengths.
    """
    a, b = np.asarray(measured, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"paired values need one shape (n,), got {a.shape} and {b.shape}")
    if len(a) < LEAST_PAIRS:
        raise ValueError(f"agreement needs at least {LEAST_PAIRS} pairs, got {len(a)}")
    if not (np.isfinite(a).all() and np.isfinite(b).all() and min(a.min(), b.min()) > 0):
        raise ValueError("sizes must be finite and above zero")
    groups = np.arange(len(a)) if clusters is None else _numbered(clusters, len(a))
    pairs = np.stack([a, b], axis=1)
    count = int(groups.max()) + 1
    clustered = count < len(a)

    def estimate(statistic: Callable[[FloatArray], Estimate]) -> Estimate:
        plain = statistic(pairs)
        if count < LEAST_FOR_INTERVAL:
            return _without_interval(plain.value)
        if not clustered or abs(plain.value) >= 1:
            return plain
        # Coefficients are near normal after Fisher's transformation only.
        transformed = _jackknifed(lambda kept, _: np.arctanh(statistic(kept).value), pairs, groups)
        return Estimate(
            plain.value, float(np.tanh(transformed.low)), float(np.tanh(transformed.high))
        )

    difference = a - b
    percent = 200.0 * difference / (a + b)
    return Agreement(
        pairs=len(a),
        clusters=count,
        mean_absolute_error=float(np.abs(difference).mean()),
        difference=_limits(difference, groups),
        difference_percent=_limits(percent, groups),
        icc_agreement=estimate(icc_agreement),
        icc_consistency=estimate(icc_consistency),
        concordance=estimate(concordance),
        pearson=estimate(_pearson),
    )


def limits(differences: ArrayLike, clusters: Sequence[Hashable] | None = None) -> Limits:
    """Bias and limits of agreement.

    Independent differences: Bland and Altman (Lancet 1986;1:307-310), with the exact intervals of
    normal quantiles in place of their approximate ones (Carkeet, Optom Vis Sci 2015;92:e71-80).
    Several per patient: the variance is the sum of that between and that within patients (Bland
    and Altman, J Biopharm Stat 2007;17:571-582); intervals of bias and spread by the jackknife
    over patients, joined to those of the limits (Zou, Stat Methods Med Res 2013;22:630-642).

    Args:
        differences: (n,), at least two.
        clusters: (n,) as for `agree`; None where every difference is independent.
    """
    values = np.asarray(differences, dtype=np.float64)
    groups = np.arange(len(values)) if clusters is None else _numbered(clusters, len(values))
    return _limits(values, groups)


def agree_on_categories(
    first: Sequence[str],
    second: Sequence[str],
    order: Sequence[str],
    clusters: Sequence[Hashable] | None = None,
) -> Estimate:
    """Linearly weighted kappa, with an interval from leaving out one patient after the other.

    Args:
        first, second: (n,) paired categories, at least one pair.
        order: all categories, from best to worst.
        clusters: (n,) the patient of each pair; None where every pair is independent.

    Raises:
        ValueError: as `weighted_kappa`.
    """
    if len(first) != len(second):
        raise ValueError(f"kappa needs pairs, got {len(first)} and {len(second)}")
    codes = np.array([[order.index(a), order.index(b)] for a, b in zip(first, second, strict=True)])
    groups = np.arange(len(codes)) if clusters is None else _numbered(clusters, len(codes))

    def kappa(kept: FloatArray, _: Groups) -> float:
        left, right = ([order[int(code)] for code in column] for column in kept.T)
        return weighted_kappa(left, right, order)

    kappa_estimate = _jackknifed(kappa, codes.astype(np.float64), groups)
    low, high = np.clip([kappa_estimate.low, kappa_estimate.high], -1.0, 1.0)
    return Estimate(kappa_estimate.value, float(low), float(high))


def _limits(values: FloatArray, groups: Groups) -> Limits:
    """See `limits`."""
    bias, sd = _bias_and_sd(values, groups)
    lower, upper = bias - _NORMAL_95 * sd, bias + _NORMAL_95 * sd
    n, count = len(values), int(groups.max()) + 1
    if count < LEAST_FOR_INTERVAL:
        a, b, c = (_without_interval(value) for value in (bias, lower, upper))
        return Limits(a, b, c, sd)
    if count < n:
        return _limits_of_groups(values, groups)
    root = float(np.sqrt(n))
    of_bias = float(stats.t.ppf(0.975, n - 1)) * sd / root
    # The limit lies at 1.96 true standard deviations: the quantity (limit - mean) √n / sd is
    # noncentral t.
    near, far = (
        float(stats.nct.ppf(share, n - 1, _NORMAL_95 * root)) * sd / root
        for share in (0.025, 0.975)
    )
    return Limits(
        _around(bias, of_bias),
        Estimate(lower, bias - far, bias - near),
        Estimate(upper, bias + near, bias + far),
        sd,
    )


def _limits_of_groups(values: FloatArray, groups: Groups) -> Limits:
    """Limits of differences that share patients, with the intervals of bias and spread joined."""
    mean = _jackknifed(lambda kept, group: _bias_and_sd(kept, group)[0], values, groups)
    bias, sd = _bias_and_sd(values, groups)
    spread = Estimate(0.0, 0.0, 0.0)
    if sd > _LEAST_SD:
        # The logarithm of a standard deviation is nearer to normal than itself.
        log_sd = _jackknifed(
            lambda kept, group: float(np.log(max(_bias_and_sd(kept, group)[1], _LEAST_SD))),
            values,
            groups,
        )
        spread = Estimate(sd, float(np.exp(log_sd.low)), float(np.exp(log_sd.high)))
    near, far = _NORMAL_95 * (sd - spread.low), _NORMAL_95 * (spread.high - sd)
    down, up = bias - mean.low, mean.high - bias
    lower, upper = bias - _NORMAL_95 * sd, bias + _NORMAL_95 * sd
    return Limits(
        mean,
        Estimate(lower, lower - float(np.hypot(down, far)), lower + float(np.hypot(up, near))),
        Estimate(upper, upper - float(np.hypot(down, near)), upper + float(np.hypot(up, far))),
        sd,
    )


def _without_interval(value: float) -> Estimate:
    return Estimate(value, float("nan"), float("nan"))


def _around(value: float, half_width: float) -> Estimate:
    return Estimate(value, float(value - half_width), float(value + half_width))


def _bias_and_sd(values: FloatArray, groups: Groups) -> tuple[float, float]:
    """Mean, and standard deviation of one difference from one-way analysis of variance."""
    n, counts = len(values), np.bincount(groups)
    bias = float(values.mean())
    if len(counts) == n or len(counts) == 1:
        return bias, float(values.std(ddof=1))
    means = np.bincount(groups, values) / counts
    within = float(((values - means[groups]) ** 2).sum() / (n - len(counts)))
    between = float((counts * (means - bias) ** 2).sum() / (len(counts) - 1))
    typical = (n - (counts**2).sum() / n) / (len(counts) - 1)
    return bias, float(np.sqrt(within + max(0.0, (between - within) / typical)))


def _pearson(pairs: FloatArray) -> Estimate:
    """Correlation with Fisher's interval."""
    a, b = pairs.T
    if a.std() == 0 or b.std() == 0:
        return _without_interval(float("nan"))
    r = float(np.corrcoef(a, b)[0, 1])
    if len(a) < 4 or abs(r) >= 1:
        return _without_interval(r)
    z, half = np.arctanh(r), _NORMAL_95 / np.sqrt(len(a) - 3)
    return Estimate(r, float(np.tanh(z - half)), float(np.tanh(z + half)))


def _numbered(clusters: Sequence[Hashable], count: int) -> Groups:
    """Groups as numbers from 0."""
    if len(clusters) != count:
        raise ValueError(f"{count} values, but {len(clusters)} clusters")
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in clusters], dtype=np.intp)


def _jackknifed(
    statistic: Callable[[FloatArray, Groups], float], values: FloatArray, groups: Groups
) -> Estimate:
    """Student interval of a statistic from leaving out one patient after the other."""
    value = statistic(values, groups)
    count = int(groups.max()) + 1
    if count < LEAST_FOR_INTERVAL:
        return _without_interval(value)
    without = np.array(
        [
            statistic(values[groups != k], np.unique(groups[groups != k], return_inverse=True)[1])
            for k in range(count)
        ]
    )
    if not np.isfinite([value, *without]).all():
        return _without_interval(value)
    return _around(value, float(jackknife_half_width(without)))
