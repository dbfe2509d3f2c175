"""Time to progression over many patients: the product-limit estimate of Kaplan and Meier."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from lvt_track.core.geometry import FloatArray
from lvt_track.core.response.categories import Standing
from lvt_track.core.response.response import Response
from lvt_track.response.standings import standing_of

__all__ = ["FollowUp", "SurvivalStep", "kaplan_meier", "median_days", "progression"]


@dataclass(frozen=True)
class FollowUp:
    """How long a patient was followed, and whether that ended with progression.

    Attributes:
        days: from the baseline to progression, else to the last visit that could be judged.
        progressed: whether it ended so; else the time is censored.
    """

    days: int
    progressed: bool


@dataclass(frozen=True)
class SurvivalStep:
    """The curve from one time on.

    Attributes:
        days: since the baseline.
        at_risk: patients followed until then.
        events: progressions at that time.
        censored: patients whose follow-up ends at that time.
        free: share that is free of progression after it.
        low, high: its 95 % interval; None where it is not defined.
    """

    days: int
    at_risk: int
    events: int
    censored: int
    free: float
    low: float | None
    high: float | None


def progression(responses: Sequence[Response]) -> FollowUp | None:
    """The follow-up of one patient by one criterion.

    Progression counts from the day of the scan that shows it. What scans cannot know, a death or
    another treatment, has to be added by whoever knows it.

    Args:
        responses: in order of time; the first is the baseline.

    Returns:
        None where no later visit could be judged.
    """
    last = None
    for response in responses[1:]:
        days = (response.date - responses[0].date).days
        if standing_of(response) is Standing.PROGRESSION:
            return FollowUp(days, True)
        if standing_of(response) is not Standing.UNKNOWN:
            last = days
    return None if last is None else FollowUp(last, False)


def kaplan_meier(times: Sequence[FollowUp]) -> tuple[SurvivalStep, ...]:
    """Product-limit estimate (Kaplan and Meier, J Am Stat Assoc 1958;53:457-481).

    Intervals are Greenwood's on the log-log scale, which stays between 0 and 1; as SciPy gives
    them.

    Args:
        times: of the patients; none give no curve.
    """
    if not times:
        return ()
    days = np.array([one.days for one in times])
    events = np.array([one.progressed for one in times])
    curve = stats.ecdf(stats.CensoredData.right_censored(days, ~events)).sf
    moments = np.unique(days).astype(float)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # where all or none progressed
        interval = curve.confidence_interval(method="log-log")
    free = curve.evaluate(moments)
    low, high = _limit(interval.low, moments), _limit(interval.high, moments)
    return tuple(
        SurvivalStep(
            int(day),
            int((days >= day).sum()),
            int(((days == day) & events).sum()),
            int(((days == day) & ~events).sum()),
            float(free[k]),
            _known(low[k]),
            _known(high[k]),
        )
        for k, day in enumerate(moments)
    )


def median_days(steps: Sequence[SurvivalStep]) -> int | None:
    """First time at which half or fewer are free of progression; None where it is not reached."""
    return next((step.days for step in steps if step.free <= 0.5), None)


def _limit(limit: Any, moments: FloatArray) -> FloatArray:
    """A limit of the interval at some times; SciPy's types do not say that it is a function."""
    values: FloatArray = limit.evaluate(moments)
    return values


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
