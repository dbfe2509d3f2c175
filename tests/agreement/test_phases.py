"""Deviations between phases over a cohort: means, slope, and intervals over patients."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.agreement.phases import PhaseDeviation, PhaseStatistic, summarise_phases


def statistic(found: tuple[PhaseStatistic, ...], phase: str, name: str) -> PhaseStatistic:
    (one,) = (item for item in found if (item.phase, item.name) == (phase, name))
    return one


def test_by_hand() -> None:
    found = summarise_phases(
        [
            PhaseDeviation("a", "1", "arterial", -2.0, 1.0),
            PhaseDeviation("a", "1", "native", 4.0, 3.0),
            PhaseDeviation("b", "1", "arterial", 6.0, 5.0),
        ]
    )
    mean = statistic(found, "all", "mean_absolute_deviation_percent")
    assert mean.estimate.value == pytest.approx(4.0)
    assert np.isnan(mean.estimate.low), "two patients give no interval"
    assert (mean.phases, mean.studies, mean.patients) == (3, 2, 2)
    arterial = statistic(found, "arterial", "mean_deviation_percent")
    assert arterial.estimate.value == pytest.approx(2.0)
    assert (arterial.phases, arterial.patients) == (2, 2)
    assert statistic(found, "all", "slope_percent_per_mm").estimate.value == pytest.approx(1.0)


def test_one_pair_per_patient_is_students_interval() -> None:
    values = [1.0, 2.0, 4.0, 4.5, 7.0, 3.0]
    found = summarise_phases(
        [PhaseDeviation(f"{k}", "1", "arterial", v, 1.0) for k, v in enumerate(values)]
    )
    estimate = statistic(found, "all", "mean_deviation_percent").estimate
    half = 2.570582 * np.std(values, ddof=1) / np.sqrt(6)  # t of 5 degrees of freedom
    assert estimate.low == pytest.approx(np.mean(values) - half, rel=1e-6)
    assert estimate.high == pytest.approx(np.mean(values) + half, rel=1e-6)
    assert np.isnan(statistic(found, "all", "slope_percent_per_mm").estimate.value)


def test_repeats_of_a_patient_do_not_narrow_the_interval() -> None:
    once = [PhaseDeviation(f"{k}", "1", "arterial", float(k), 1.0) for k in range(6)]
    thrice = [
        PhaseDeviation(i.patient, f"{n}", i.phase, i.percent, 1.0) for i in once for n in "abc"
    ]
    first, second = (
        statistic(summarise_phases(items), "all", "mean_deviation_percent").estimate
        for items in (once, thrice)
    )
    assert (second.low, second.high) == pytest.approx((first.low, first.high))


def test_intervals_hold_what_they_promise() -> None:
    """Patients with an offset of their own, slope 0.5 %/mm: 100 cohorts of 20 patients."""
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(100):
        items = []
        for patient in range(20):
            offset = rng.normal(0, 1)
            for phase in ("native", "arterial", "delayed"):
                thickness = float(rng.choice([1.0, 2.5, 5.0]))
                percent = 10 + offset + 0.5 * thickness + rng.normal(0, 0.5)
                items.append(PhaseDeviation(f"{patient}", "1", phase, percent, thickness))
        slope = statistic(summarise_phases(items), "all", "slope_percent_per_mm").estimate
        hits += slope.low <= 0.5 <= slope.high
    assert hits >= 89  # of 95 expected


def test_nothing_to_compare() -> None:
    assert summarise_phases([]) == ()
