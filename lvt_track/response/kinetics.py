"""How fast a tumour grows: specific growth rate, doubling time, tumour growth rate per month.

All of them assume exponential growth between the measurements. Volume is what grows; where only
a diameter was measured, the tumour is taken for a ball, whose volume goes with the cube.
"""

from __future__ import annotations

import math

__all__ = [
    "doubling_time_days",
    "growth_rate_percent_per_month",
    "specific_growth_rate_per_day",
    "volume_ratio",
]

_DAYS_PER_MONTH = 365.25 / 12.0


def volume_ratio(before_mm: float, after_mm: float) -> float:
    """Ratio of the volumes of two balls, later to earlier, from their diameters."""
    if before_mm <= 0:
        raise ValueError(f"a diameter must be positive, got {before_mm}")
    return (after_mm / before_mm) ** 3


def specific_growth_rate_per_day(ratio: float, elapsed_days: float) -> float | None:
    """ln(V2 / V1) / t (Mehrara et al., Cancer Res 2007;67:3970-3975); negative when shrinking.

    Args:
        ratio: later volume over earlier volume.
        elapsed_days: between the two.

    Returns:
        None where it is not defined: no time between, or a volume of zero.
    """
    if elapsed_days <= 0 or not 0 < ratio < math.inf:
        return None
    return math.log(ratio) / elapsed_days


def doubling_time_days(ratio: float, elapsed_days: float) -> float | None:
    """ln 2 · t / ln(V2 / V1) (Schwartz, Cancer 1961;14:1272-1294).

    Negative for a tumour that shrinks: its halving time. None where the volume did not change, or
    where the growth rate is not defined.
    """
    rate = specific_growth_rate_per_day(ratio, elapsed_days)
    return math.log(2.0) / rate if rate else None


def growth_rate_percent_per_month(ratio: float, elapsed_days: float) -> float | None:
    """TGR: the change of volume in one month (Ferté et al., Clin Cancer Res 2014;20:246-252).

    None where the growth rate is not defined.
    """
    rate = specific_growth_rate_per_day(ratio, elapsed_days)
    return None if rate is None else 100.0 * math.expm1(rate * _DAYS_PER_MONTH)
