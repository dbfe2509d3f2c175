"""Time to progression and growth rates against published and made-up truths."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvt_track.core.response.response import Response
from lvt_track.response.growth_rates import growth_and_regression_per_day
from lvt_track.response.survival import FollowUp, kaplan_meier, median_days, progression


def response(day: int, category: str) -> Response:
    date = dt.date(2024, 1, 1) + dt.timedelta(day)
    return Response(date, "RECIST 1.1", "mm", 10.0, 10.0, 0.0, 0.0, "", "", False, category, "")


# Weeks of remission under 6-mercaptopurine, + censored (Freireich et al., Blood 1963;21:699-716),
# the example of Cox and Oakes, Analysis of Survival Data, 1984, table 1.1.
REMISSIONS = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"


def test_the_published_product_limit_estimate() -> None:
    times = [FollowUp(int(t.rstrip("+")), not t.endswith("+")) for t in REMISSIONS.split()]
    steps = {step.days: step for step in kaplan_meier(times) if step.events}
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert {day: round(step.free, 3) for day, step in steps.items()} == published
    assert [steps[day].at_risk for day in published] == [21, 17, 15, 12, 11, 7, 6]
    assert (steps[6].events, steps[6].censored) == (3, 1)
    # R's survfit(conf.type = "log-log") for week 6 and 23.
    assert (steps[6].low, steps[6].high) == pytest.approx((0.620, 0.952), abs=1e-3)
    assert (steps[23].low, steps[23].high) == pytest.approx((0.188, 0.680), abs=1e-3)
    assert median_days(kaplan_meier(times)) == 23


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=30))
def test_the_curve_falls_and_without_censoring_is_a_share(times: list[tuple[int, bool]]) -> None:
    steps = kaplan_meier([FollowUp(*one) for one in times])
    free = [step.free for step in steps]
    assert free == sorted(free, reverse=True)
    assert sum(step.events + step.censored for step in steps) == len(times)
    all_progress = kaplan_meier([FollowUp(day, True) for day, _ in times])
    for step in all_progress:
        left = sum(day > step.days for day, _ in times) / len(times)
        assert step.free == pytest.approx(left)


def test_nobody_gives_no_curve() -> None:
    assert kaplan_meier([]) == ()
    assert median_days([]) is None


def test_follow_up_ends_with_progression_or_the_last_visit_that_could_be_judged() -> None:
    baseline = response(0, "Baseline")
    assert progression([baseline]) is None
    assert progression([baseline, response(50, "NE")]) is None
    seen = [baseline, response(50, "PR"), response(90, "PD"), response(120, "PD")]
    assert progression(seen) == FollowUp(90, True)
    assert progression([*seen[:2], response(130, "NE")]) == FollowUp(50, False)
    assert progression([baseline, response(60, "iUPD"), response(90, "iCPD")]) == FollowUp(90, True)


@pytest.mark.parametrize(("g", "d"), [(0.002, 0.02), (0.004, 0.006), (0.003, 0.0)])
def test_growth_and_regression_are_those_that_made_the_sums(g: float, d: float) -> None:
    days = np.arange(0.0, 500.0, 60.0)
    sums = 80.0 * (np.exp(-d * days) + np.exp(g * days) - 1.0)
    found = growth_and_regression_per_day(days.tolist(), sums.tolist())
    assert found == pytest.approx((g, d), abs=2e-5)


def test_two_sums_say_nothing_of_two_rates() -> None:
    assert growth_and_regression_per_day([0, 50], [10, 12]) is None
    assert growth_and_regression_per_day([0, 50, 90], [0, 12, 13]) is None
