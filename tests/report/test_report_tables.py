from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from lvt_track.core.course import Course
from lvt_track.core.quantities import reported_ml
from lvt_track.errors import OutputError
from lvt_track.report.tables import (
    edges_table,
    lesions_table,
    lookback_table,
    phases_table,
    response_table,
    tracks_table,
    visits_table,
    write_table,
)
from lvt_track.report.timelines import (
    change_percent,
    doubling_time_days,
    monthly_growth_percent,
    timelines,
)
from lvt_track.report.wording import change_lines, sighting_lines

# What DESIGN promises, in its order; columns may be added behind, never renamed or dropped.
PROMISED = {
    visits_table: [
        "date", "study", "series", "phase", "spacing_mm", "slice_thickness_mm", "liver_ml",
        "vessels_ml", "tumors_ml", "burden_percent", "lesions", "sum_of_diameters_mm", "response",
        "warnings",
    ],
    lesions_table: [
        "date", "lesion", "track", "x_mm", "y_mm", "z_mm", "long_axis_mm", "short_axis_mm",
        "slice", "volume_ml", "mean_hu",
    ],
    edges_table: ["date_a", "lesion_a", "date_b", "lesion_b", "event", "cost", "source"],
    tracks_table: [
        "track", "first_seen", "last_seen", "state", "events", "volume_change_percent",
        "doubling_time_days",
    ],
    response_table: [
        "date", "criterion", "sum_mm", "change_from_baseline_percent",
        "change_from_nadir_percent", "nadir_mm", "category", "reason",
    ],
    phases_table: ["date", "phase", "liver_ml", "deviation_percent"],
    lookback_table: ["track", "lesion", "date_found", "date", "days_earlier", "verdict", "reason"],
}  # fmt: skip

TABLES = list(PROMISED)


@pytest.fixture(scope="module")
def course(samples: ModuleType) -> Course:
    return samples.sample(4, 8).course


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("size", [(4, 8), (1, 3), (2, 0)])
def test_columns_are_those_promised(samples: ModuleType, table, size) -> None:
    columns = list(table(samples.sample(*size).course).columns)
    assert columns[: len(PROMISED[table])] == PROMISED[table]
    assert len(set(columns)) == len(columns)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_described(samples: ModuleType, table) -> None:
    page = Path(__file__).parents[2] / "docs" / "use" / "outputs.md"
    described = page.read_text(encoding="utf-8")
    # The twelve caliper ends are described by the first and the last of each axis.
    columns = [c for c in table(samples.sample(1, 0).course).columns if "_axis_end_" not in c]
    columns = [c for c in columns if "_axis_start_" not in c]
    assert [name for name in columns if f"`{name}`" not in described] == []


def test_lesions_give_place_size_and_track(course: Course) -> None:
    table = lesions_table(course)
    lesions = [lesion for found in course.visits for lesion in found.lesions]
    assert len(table) == len(lesions)
    for (_, row), lesion in zip(table.iterrows(), lesions, strict=True):
        axis = lesion.measurement.long_axis
        assert row["long_axis_mm"] == round(axis.length_mm, 1)
        assert row["volume_ml"] == reported_ml(lesion.measurement.volume_ml)
        assert row["track"] == course.track_of(lesion.key).number
        ends = [[row[f"long_axis_{end}_{c}_mm"] for c in "xyz"] for end in ("start", "end")]
        assert math.dist(*ends) == pytest.approx(axis.length_mm, abs=0.2)


def test_visits_carry_the_leading_response(course: Course) -> None:
    table = visits_table(course)
    recist = [r for r in course.responses if r.criterion == "RECIST 1.1"]
    assert list(table["response"]) == [r.category for r in recist]
    assert list(table["lesions"]) == [len(found.lesions) for found in course.visits]
    assert table["spacing_mm"][0] == "1.60 x 1.60 x 5.00"
    assert table["registration"].isna()[0]
    assert not table["registration_is_reliable"][2]


def test_tracks_tell_changes_of_what_was_seen(course: Course) -> None:
    table = tracks_table(course).set_index("track")
    first = table.loc[1]
    growth = 1.18**9  # volume goes with the third power of a diameter that grows by 18 % a visit
    assert first["volume_change_percent"] == pytest.approx(100 * (growth - 1), abs=0.1)
    days = (course.visits[-1].visit.date - course.visits[0].visit.date).days
    expected = days * math.log(2) / math.log(growth)
    assert first["doubling_time_days"] == pytest.approx(expected, abs=0.06)
    assert table.loc[3, "first_seen"] == course.visits[2].visit.name
    assert table.loc[4, "last_seen"] == course.visits[1].visit.name
    assert pd.isna(table.loc[4, "doubling_time_days"])  # it shrank


@pytest.mark.parametrize("end", [0, -1])
def test_what_a_scan_cuts_neither_grew_nor_shrank(course: Course, end: int) -> None:
    key = course.tracks[0].lesions[end]
    visits = tuple(
        replace(v, lesions=tuple(replace(one, is_cut=one.key == key) for one in v.lesions))
        for v in course.visits
    )
    cut = replace(course, visits=visits)
    line = timelines(cut)[0]
    assert change_lines(cut, line) == ("not comparable: a scan ends in it",)
    assert "the scan ends in it" in sighting_lines(line.sightings[end], line.track.state)
    first = tracks_table(cut).set_index("track").loc[line.track.number]
    for name in ("volume_change_percent", "diameter_change_percent", "doubling_time_days"):
        assert pd.isna(first[name])
    assert pd.isna(first["monthly_growth_percent"]) and first["last_volume_ml"] > 0


def test_edges_name_dates_and_events(course: Course) -> None:
    table = edges_table(course)
    assert len(table) == len(course.edges)
    assert (table["date_a"] < table["date_b"]).all()
    assert set(table["event"]) == {"same", "split", "merge"}


def test_order_does_not_depend_on_the_order_of_edges_and_tracks(course: Course) -> None:
    turned = Course(
        course.patient,
        course.visits,
        course.edges[::-1],
        course.tracks[::-1],
        course.responses,
        course.phases,
    )
    for table in (lesions_table, edges_table, tracks_table):
        pd.testing.assert_frame_equal(table(course), table(turned))


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(10.0, 12.0, 20.0), (10.0, 0.0, -100.0), (0.0, 5.0, None)]
)
def test_change_percent(before: float, after: float, expected: float | None) -> None:
    assert change_percent(before, after) == expected


def test_growth_per_month() -> None:
    month = 365.25 / 12
    assert monthly_growth_percent(1.0, 1.21, 2 * month) == pytest.approx(10.0)
    assert monthly_growth_percent(2.0, 1.0, month) == pytest.approx(-50.0)
    assert monthly_growth_percent(2.0, None, month) is None
    assert monthly_growth_percent(1.0, 2.0, 0.0) is None


def test_doubling_time() -> None:
    assert doubling_time_days(1.0, 8.0, 90.0) == pytest.approx(30.0)
    assert doubling_time_days(1.0, 1.0, 90.0) is None
    assert doubling_time_days(2.0, 1.0, 90.0) is None
    assert doubling_time_days(1.0, 2.0, 0.0) is None


def test_tables_are_written_whole(course: Course, tmp_path: Path) -> None:
    path = tmp_path / "lesions.csv"
    frame = lesions_table(course)
    write_table(frame, path)
    back = pd.read_csv(path)
    assert list(back.columns) == list(frame.columns)
    assert back["long_axis_mm"].tolist() == frame["long_axis_mm"].tolist()
    assert [p.name for p in tmp_path.iterdir()] == ["lesions.csv"]
    with pytest.raises(OutputError):
        write_table(frame, tmp_path / "missing" / "lesions.csv")
