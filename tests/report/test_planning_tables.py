"""Growth of a remnant against a calculation by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from lvt_track.planning.resection.remnant import Remnant
from lvt_track.report.planning_tables import PlannedResection, remnant_table


def planned(date: str, functional_ml: float, standard_ml: float | None) -> PlannedResection:
    remnant = Remnant(900.0, functional_ml, 900.0, functional_ml, 900.0 + functional_ml, (), ())
    return PlannedResection(date, "right", None, remnant, standard_ml, {}, "")


@pytest.mark.parametrize(("standard_ml", "points"), [(1500.0, 2.0), (None, None)])
def test_a_remnant_of_300_ml_that_is_360_after_two_weeks_grows_by_a_tenth_a_week(
    standard_ml: float | None, points: float | None
) -> None:
    plans = [
        planned("2024-01-01", 300.0, standard_ml),
        planned("2024-01-15", 360.0, standard_ml),
        planned("2024-01-15", 390.0, standard_ml),
    ]
    table = remnant_table(plans)
    assert table["growth_percent"].notna().tolist() == [False, True, False]
    second = table.loc[1]
    assert second["growth_percent"] == 20.0 and second["growth_percent_per_week"] == 10.0
    rate = second["kinetic_growth_points_per_week"]
    assert pd.isna(rate) if points is None else rate == points
