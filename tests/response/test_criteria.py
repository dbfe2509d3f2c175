"""mRECIST, volume, growth rates, best overall response, and responses of a course."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.response.response import Response
from lvt_track.core.series import Phase
from lvt_track.errors import InputError
from lvt_track.response.best import BestRules, best_overall_response
from lvt_track.response.criteria.easl import EASL
from lvt_track.response.criteria.mrecist import MRECIST
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.criteria.volumetric import VOLUME, ball_ml
from lvt_track.response.kinetics import (
    doubling_time_days,
    growth_rate_percent_per_month,
    specific_growth_rate_per_day,
    volume_ratio,
)
from lvt_track.response.timepoints.walk import classify, require

START = dt.date(2024, 1, 1)


def row(lesion: str, visit: int, **known: object) -> Assessment:
    return Assessment(START + dt.timedelta(56 * visit), lesion, **known)  # type: ignore[arg-type]


def categories(responses: tuple[Response, ...]) -> list[str]:
    return [response.category for response in responses[1:]]


def test_mrecist_counts_what_enhances() -> None:
    rows = [
        row("T", 0, long_axis_mm=40.0, enhancing_mm=40.0),
        row("T", 1, long_axis_mm=42.0, enhancing_mm=28.0),
        row("T", 2, long_axis_mm=42.0, enhancing_mm=0.0),
        row("T", 3, long_axis_mm=42.0, enhancing_mm=6.0),
    ]
    assert categories(classify(rows, MRECIST)) == ["PR", "CR", "PD"]


@pytest.mark.parametrize(("size_mm", "category"), [(9.9, "SD"), (10.0, "PD")])
def test_mrecist_new_lesions_need_10_mm(size_mm: float, category: str) -> None:
    rows = [
        row("T", 0, enhancing_mm=30.0, role=Role.TARGET),
        row("T", 1, enhancing_mm=30.0),
        row("W", 1, long_axis_mm=size_mm, enhancing_mm=size_mm),
    ]
    assert categories(classify(rows, MRECIST)) == [category]


@pytest.mark.parametrize(
    ("site", "short_mm", "is_target"),
    [
        ("lymph node", 15.0, True),
        ("porta hepatis lymph node", 19.9, False),
        ("porta hepatis lymph node", 20.0, True),
    ],
)
def test_mrecist_nodes_at_the_hilum_need_20_mm(site: str, short_mm: float, is_target: bool) -> None:
    node = row("N", 0, site=site, short_axis_mm=short_mm)
    assert (classify([node], MRECIST)[0].sum_mm is not None) is is_target


def test_mrecist_is_refused_without_an_arterial_phase() -> None:
    with pytest.raises(InputError, match="arterially enhancing diameter"):
        require([row("T", 0, long_axis_mm=40.0)], MRECIST)
    with pytest.raises(InputError, match="portal phase"):
        require([row("T", 0, enhancing_mm=40.0, phase=Phase.PORTAL)], MRECIST)


@pytest.mark.parametrize(
    ("volume_ml", "category"),
    [(34.4, "SD"), (34.3, "PR"), (172.7, "SD"), (172.8, "PD"), (100.0, "SD")],
)
def test_volume_limits(volume_ml: float, category: str) -> None:
    rows = [row("T", 0, volume_ml=100.0), row("T", 1, volume_ml=volume_ml)]
    assert categories(classify(rows, VOLUME)) == [category]


@settings(deadline=None)
@given(st.floats(12, 90), st.floats(5, 120))
def test_volumes_of_balls_respond_as_their_diameters(before_mm: float, after_mm: float) -> None:
    """Away from the limits, where -65.7 and +72.8 are rounded."""
    ratio = after_mm / before_mm
    if min(abs(ratio - 0.7), abs(ratio - 1.2)) < 0.001:
        return
    expected = "PR" if ratio < 0.7 else "PD" if ratio > 1.2 else "SD"
    rows = [
        row("T", 0, volume_ml=ball_ml(before_mm)),
        row("T", 1, volume_ml=ball_ml(after_mm)),
    ]
    assert categories(classify(rows, VOLUME)) == [expected]


def test_total_burden_counts_all_lesions() -> None:
    rows = [
        row("A", 0, volume_ml=10.0),
        row("B", 0, volume_ml=5.0),
        row("A", 1, volume_ml=8.0),
        row("B", 1, status=Status.ABSENT),
        row("W", 1, volume_ml=2.0),
        row("A", 2),
    ]
    first, second, third = (response.reason for response in classify(rows, VOLUME))
    assert first.endswith("all lesions 15.0 mL")
    assert second.endswith("all lesions 10.0 mL")
    assert "all lesions" not in third


def test_growth_rates() -> None:
    assert volume_ratio(20, 40) == 8
    assert doubling_time_days(8, 90) == pytest.approx(30)
    assert doubling_time_days(0.5, 90) == pytest.approx(-90)
    assert specific_growth_rate_per_day(math.e, 100) == pytest.approx(0.01)
    month = 365.25 / 12
    assert growth_rate_percent_per_month(1.5, month) == pytest.approx(50)
    assert growth_rate_percent_per_month(1.5**2, 2 * month) == pytest.approx(50)


def test_growth_rates_where_they_are_not_defined() -> None:
    assert doubling_time_days(1, 90) is None
    assert specific_growth_rate_per_day(2, 0) is None
    assert specific_growth_rate_per_day(0, 30) is None
    assert growth_rate_percent_per_month(math.inf, 30) is None
    with pytest.raises(ValueError, match="positive"):
        volume_ratio(0, 10)


# Eisenhauer 2009, tables 1 and 2: target, non-target, new, overall.
OVERALL = """
CR CR no CR | CR Non-CR/Non-PD no PR | CR NE no PR | PR Non-CR/Non-PD no PR | PR NE no PR
PR CR no PR | SD Non-CR/Non-PD no SD | SD NE no SD | SD CR no SD | NE Non-CR/Non-PD no NE
NE CR no NE | NE NE no NE | PD CR no PD | PD NE no PD | CR PD no PD | SD PD no PD | NE PD no PD
CR CR yes PD | SD NE yes PD | NE NE yes PD | CR - no CR | PR - no PR | SD - no SD | NE - no NE
- CR no CR | - Non-CR/Non-PD no Non-CR/Non-PD | - NE no NE | - PD no PD | - CR yes PD | - - no NE
- - yes PD
"""

# What the targets of 20 mm measure at the second visit, and what is said of the non-target.
TARGETS = {"CR": "absent", "PR": 10.0, "SD": 20.0, "PD": 30.0, "NE": "not done"}
NON_TARGETS = {"CR": "absent", "Non-CR/Non-PD": "measured", "NE": "not done", "PD": "progression"}


@pytest.mark.parametrize("line", [x.strip() for x in OVERALL.replace("\n", "|").split("|") if x])
def test_table_of_overall_response(line: str) -> None:
    target, non_target, new, overall = line.split()
    rows = [row("other", 0, role=Role.NON_TARGET, site="lung")] if non_target != "-" else []
    if target != "-":
        rows.append(row("T", 0, role=Role.TARGET, long_axis_mm=20.0))
        found = TARGETS[target]
        is_size = isinstance(found, float)
        rows.append(
            row("T", 1, long_axis_mm=found) if is_size else row("T", 1, status=Status(found))
        )
    if non_target != "-":
        rows.append(row("other", 1, status=Status(NON_TARGETS[non_target])))
    if new == "yes":
        rows.append(row("W", 1, role=Role.NEW, long_axis_mm=12.0))
    response = classify(rows, RECIST_1_1, [START, START + dt.timedelta(56)])[1]
    known = (response.target or "-", response.non_target or "-", response.category)
    assert known == (target, non_target, overall)


def course(*categories: str, days: int = 56, has_targets: bool = True) -> list[Response]:
    return [
        Response(
            date=START + dt.timedelta(days * k),
            criterion="RECIST 1.1",
            unit="mm",
            total=None,
            nadir=50.0 if has_targets else None,
            change_from_baseline_percent=None,
            change_from_nadir_percent=None,
            target="",
            non_target="",
            new_lesion=False,
            category=category,
            reason="",
        )
        for k, category in enumerate(("Baseline", *categories))
    ]


@pytest.mark.parametrize(
    ("seen", "best", "confirmed"),
    [
        ("CR CR", "CR", "CR"),
        ("PR CR", "CR", "PR"),
        ("PR PR", "PR", "PR"),
        ("PR SD", "PR", "SD"),
        ("PR PD", "PR", "SD"),
        ("PR NE", "PR", "SD"),
        ("PR NE PR", "PR", "PR"),
        ("CR SD", "CR", "SD"),
        ("CR PD", "CR", "SD"),
        ("SD PD", "SD", "SD"),
        ("PD CR", "PD", "PD"),
        ("NE NE", "NE", "NE"),
        ("NE PD", "PD", "PD"),
        ("Non-CR/Non-PD PD", "Non-CR/Non-PD", "Non-CR/Non-PD"),
        ("SD PR PR PD", "PR", "PR"),
        ("", "NE", "NE"),
    ],
)
def test_best_overall_response(seen: str, best: str, confirmed: str) -> None:
    responses = course(*seen.split())
    assert best_overall_response(responses) == best
    assert best_overall_response(responses, BestRules(confirm_after_days=28)) == confirmed


def test_without_targets_an_unconfirmed_response_is_not_stable_disease() -> None:
    """Stable disease is said of targets alone (RECIST 1.1, table 2)."""
    seen = course("CR", has_targets=False)
    assert best_overall_response(seen, BestRules(confirm_after_days=28)) == "Non-CR/Non-PD"
    assert best_overall_response(seen) == "CR"


def test_stable_disease_needs_time() -> None:
    assert best_overall_response(course("SD", days=41)) == "NE"
    assert best_overall_response(course("SD", days=42)) == "SD"
    assert best_overall_response(course("SD", "PD", days=30)) == "PD"


def test_confirmation_needs_time() -> None:
    responses = course("PR", "PR", days=27)
    assert best_overall_response(responses, BestRules(confirm_after_days=28)) == "SD"
    assert (
        best_overall_response(course("PR", "PR", days=28), BestRules(confirm_after_days=28)) == "PR"
    )


def test_mrecist_of_images_says_where_the_arterial_phase_is_missing() -> None:
    """Measured from an arterial series beside the portal one that is followed."""

    def seen(day: int, enhancing_mm: float | None, why: str = "") -> Assessment:
        phase = Phase.ARTERIAL if enhancing_mm is not None else None
        more = {"enhancing_mm": enhancing_mm, "enhancing_short_mm": enhancing_mm}
        more |= {"enhancing_phase": phase, "enhancing_reason": why}
        return row("T", day, long_axis_mm=40.0, phase=Phase.PORTAL, **more)

    missing = "no arterial phase at this visit"
    rows = [seen(0, 30.0), seen(60, None, missing), seen(120, 0.0)]
    found = classify(rows, MRECIST)
    assert categories(found) == ["NE", "CR"]
    assert missing in found[1].reason
    for criterion in (MRECIST, EASL):
        none = classify([seen(0, None, missing), seen(60, 20.0)], criterion)
        assert [one.category for one in none] == ["NE", "NE"]
        assert f"at the baseline: {missing}" in none[0].reason
    with pytest.raises(InputError, match=missing):
        require([seen(0, None, missing)], MRECIST)
