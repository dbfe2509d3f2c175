"""RECIST 1.1 against the vectors of recist_vectors.md, and what no table of numbers may change."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.response.response import Response
from lvt_track.errors import InputError
from lvt_track.response.criteria.recist import RECIST_1_1, least_measurable_mm
from lvt_track.response.timepoints.targets import choose_baseline
from lvt_track.response.timepoints.walk import classify

START = dt.date(2024, 1, 15)
ROLES = {
    "T": Role.TARGET,
    "N": Role.TARGET,
    "X": Role.NON_TARGET,
    "Y": Role.NON_TARGET,
    "W": Role.NEW,
}
WORDS = {
    "absent": Status.ABSENT,
    "small": Status.TOO_SMALL,
    "nd": Status.NOT_DONE,
    "here": Status.MEASURED,
    "prog": Status.PROGRESSION,
    "maybe": Status.EQUIVOCAL,
}


@dataclass(frozen=True)
class Vector:
    name: str
    rule: str
    visits: str
    expected: tuple[str, ...]

    def rows(self) -> list[Assessment]:
        return [
            row
            for k, visit in enumerate(self.visits.split(";"))
            for row in (read(item, START + dt.timedelta(days=56 * k)) for item in visit.split())
        ]


def read(item: str, date: dt.date) -> Assessment:
    name, found = item.split("=")
    match = re.fullmatch(r"([a-z]*)([\d.]*)", found)
    assert match, item
    word, size = match.groups()
    size_mm = float(size) if size else None
    nodal = name[0] in "NY"
    merged = tuple(name.split("+")) if "+" in name else ()
    return Assessment(
        date=date,
        lesion=name,
        role=ROLES[name[0]],
        site="lymph node" if nodal else "liver",
        long_axis_mm=None if nodal else size_mm,
        short_axis_mm=size_mm if nodal else None,
        status=WORDS[word] if word else Status.MEASURED,
        derived_from=merged or ((name.split(".")[0],) if "." in name else ()),
    )


def load() -> list[Vector]:
    text = Path(__file__).with_name("recist_vectors.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith("| id")
    ]
    return [Vector(a, b, c, tuple(x.strip() for x in d.split(";"))) for a, b, c, d in cells]


VECTORS = load()


def respond(rows: Sequence[Assessment]) -> tuple[Response, ...]:
    return classify(rows, RECIST_1_1)


def categories(responses: Sequence[Response]) -> tuple[str, ...]:
    return tuple(response.category for response in responses[1:])


def row(lesion: str, size_mm: float | None = None, visit: int = 0, **known: object) -> Assessment:
    date = START + dt.timedelta(days=56 * visit)
    return Assessment(date=date, lesion=lesion, long_axis_mm=size_mm, **known)  # type: ignore[arg-type]


def test_there_are_vectors_enough_and_none_twice() -> None:
    assert len(VECTORS) >= 80
    assert len({vector.name for vector in VECTORS}) == len(VECTORS)
    assert len({vector.visits for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_vector(vector: Vector) -> None:
    found = respond(vector.rows())
    assert found[0].category == "Baseline"
    assert categories(found) == vector.expected, [response.reason for response in found]
    assert all(response.reason for response in found)


@settings(deadline=None)
@given(st.sampled_from(VECTORS), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(vector: Vector, random: object) -> None:
    rows = vector.rows()
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert respond(shuffled) == respond(rows)


@settings(deadline=None)
@given(st.sampled_from(VECTORS))
def test_names_do_not_matter(vector: Vector) -> None:
    def renamed(name: str) -> str:
        return f"lesion {name[::-1]}"

    rows = [
        replace(
            row,
            lesion=renamed(row.lesion),
            derived_from=tuple(renamed(name) for name in row.derived_from),
        )
        for row in vector.rows()
    ]
    assert categories(respond(rows)) == vector.expected


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(101, 900), min_size=2, max_size=2), min_size=2, max_size=6),
    st.integers(1, 100),
)
def test_a_stable_non_target_changes_only_complete_response(
    tenths: list[list[int]], other: int
) -> None:
    rows = [
        row(f"T{k}", size / 10, visit, role=Role.TARGET)
        for visit, sizes in enumerate(tenths)
        for k, size in enumerate(sizes)
    ]
    stable = [row("X", float(other), visit, role=Role.NON_TARGET) for visit in range(len(tenths))]
    assert categories(respond(rows)) == categories(respond(rows + stable))


@settings(deadline=None)
@given(
    st.lists(st.integers(50, 900), min_size=2, max_size=6),
    st.integers(-1000, 1000),
)
def test_the_calendar_does_not_matter(tenths: list[int], days: int) -> None:
    rows = [row("T", size / 10, visit, role=Role.TARGET) for visit, size in enumerate(tenths)]
    moved = [replace(r, date=r.date + dt.timedelta(days=days)) for r in rows]
    assert categories(respond(rows)) == categories(respond(moved))


@settings(deadline=None)
@given(st.lists(st.integers(50, 900), min_size=2, max_size=6))
def test_categories_follow_exact_arithmetic(tenths: list[int]) -> None:
    """Against the rules in whole tenths of a millimetre, where nothing is rounded."""
    expected, nadir = [], tenths[0]
    for size in tenths[1:]:
        if 10 * size >= 12 * nadir and size - nadir >= 50:
            expected.append("PD")
        elif 10 * size <= 7 * tenths[0] or expected[-2:] == ["PR", "PR"]:
            expected.append("PR")  # once confirmed it lasts until progression
        else:
            expected.append("SD")
        nadir = min(nadir, size)
    rows = [row("T", size / 10, visit, role=Role.TARGET) for visit, size in enumerate(tenths)]
    assert categories(respond(rows)) == tuple(expected)


@settings(deadline=None)
@given(st.lists(st.integers(50, 900), min_size=2, max_size=6), st.integers(0, 4))
def test_visits_before_do_not_depend_on_visits_after(tenths: list[int], cut: int) -> None:
    rows = [row("T", size / 10, visit, role=Role.TARGET) for visit, size in enumerate(tenths)]
    whole = respond(rows)
    kept = max(1, len(tenths) - cut)
    assert respond(rows[:kept]) == whole[:kept]


def test_sum_nadir_and_changes() -> None:
    rows = [row("T", 100.0), row("T", 50.0, 1), row("T", 60.0, 2)]
    last = respond([replace(r, role=Role.TARGET) for r in rows])[2]
    assert last.sum_mm == 60
    assert last.nadir_mm == 50
    assert last.change_from_baseline_percent == pytest.approx(-40)
    assert last.change_from_nadir_percent == pytest.approx(20)
    assert (last.target, last.non_target, last.new_lesion) == ("PD", "", False)
    assert last.reason == (
        "sum 60.0 mm, +20.0 % and +10.0 mm against the nadir of 50.0 mm (2024-03-11)"
    )


def test_a_sum_that_is_not_whole_is_not_given() -> None:
    rows = [row("A", 30.0), row("B", 20.0), row("A", 60.0, 1)]
    last = respond(rows)[1]
    assert last.category == "PD"
    assert last.sum_mm is None
    assert last.change_from_nadir_percent is None
    assert "not assessed: B" in last.reason


def test_five_targets_two_per_organ_largest_first() -> None:
    rows = [
        row("liver 1", 50.0),
        row("liver 2", 40.0),
        row("liver 3", 30.0),
        row("lung 1", 20.0, site="lung"),
        row("lung 2", 12.0, site="Left lung"),
        row("lung 3", 25.0, site="right lung"),
        Assessment(START, "node 1", site="Lymph node, hilar", short_axis_mm=16.0),
        row("adrenal", 11.0, site="adrenal"),
    ]
    baseline = choose_baseline(rows, RECIST_1_1.scale)
    chosen = [row.lesion for row in baseline.targets]
    assert chosen == ["liver 1", "liver 2", "lung 3", "lung 1", "node 1"]
    assert {row.lesion for row in baseline.non_targets} == {"liver 3", "lung 2", "adrenal"}


@pytest.mark.parametrize(
    ("known", "is_target"),
    [
        ({"long_axis_mm": 10.0}, True),
        ({"long_axis_mm": 9.9}, False),
        ({"long_axis_mm": 10.0, "slice_thickness_mm": 5.0}, True),
        ({"long_axis_mm": 15.9, "slice_thickness_mm": 8.0}, False),
        ({"long_axis_mm": 16.0, "slice_thickness_mm": 8.0}, True),
        ({"site": "lymph node", "short_axis_mm": 15.0}, True),
        ({"site": "lymph node", "short_axis_mm": 14.9}, False),
        ({"site": "lymph node", "long_axis_mm": 40.0, "short_axis_mm": 12.0}, False),
        ({"site": "mesenteric LN", "long_axis_mm": 40.0}, False),
    ],
)
def test_what_can_be_a_target(known: dict[str, object], is_target: bool) -> None:
    baseline = choose_baseline([Assessment(START, "A", **known)], RECIST_1_1.scale)  # type: ignore[arg-type]
    assert bool(baseline.targets) is is_target


@pytest.mark.parametrize(("thickness_mm", "least_mm"), [(None, 10), (1, 10), (5, 10), (7.5, 15)])
def test_thick_slices_raise_the_smallest_target(thickness_mm: float, least_mm: float) -> None:
    assert least_measurable_mm(thickness_mm) == least_mm


def test_the_readers_choice_is_kept_and_remarked_on() -> None:
    rows = [row(f"T{k}", 9.0 + k, role=Role.TARGET) for k in range(3)]
    reason = respond(rows)[0].reason
    assert "as the reader chose" in reason
    assert "3 target lesions in liver, the rule allows 2" in reason
    assert "target T0 is too small" in reason


def test_a_follow_up_row_without_site_is_still_a_node() -> None:
    node = Assessment(START, "N", role=Role.TARGET, site="lymph node", short_axis_mm=20.0)
    later = Assessment(START + dt.timedelta(60), "N", long_axis_mm=30.0, short_axis_mm=9.0)
    assert respond([node, later])[1].category == "CR"


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([], "no visits"),
        ([row("A", 20.0), row("A", 20.0)], "stands twice"),
        ([row("A", role=Role.TARGET)], "without a size at baseline: A"),
        (
            [row("A", 20.0, role=Role.TARGET), row("B", 20.0, 1, role=Role.TARGET)],
            "called a target",
        ),
    ],
)
def test_contradictions_are_refused(rows: list[Assessment], what: str) -> None:
    with pytest.raises(InputError, match=what):
        respond(rows)


def test_equivocal_lesions_date_back_when_confirmed() -> None:
    rows = [
        row("T", 20.0, role=Role.TARGET),
        row("T", 20.0, 1),
        row("W", 6.0, 1, status=Status.EQUIVOCAL),
        row("T", 20.0, 2),
        row("W", 9.0, 2),
    ]
    found = respond(rows)
    assert "possible new lesion W, not counted" in found[1].reason
    assert "new lesion W (new since 2024-03-11, equivocal then, confirmed 2024-05-06)" in (
        found[2].reason
    )
    assert [response.category for response in found] == ["Baseline", "SD", "PD"]


@pytest.mark.parametrize("size", [0.0, -3.0, float("nan"), float("inf")])
def test_sizes_are_positive(size: float) -> None:
    with pytest.raises(ValueError, match="long_axis_mm must be positive"):
        row("A", size)
