"""Rows of a corrections table: read whole, checked, and found again after a repaint."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lvt_track.errors import InputError
from lvt_track.lesions.corrections.decisions import decide
from lvt_track.lesions.corrections.edits import edit_lesions
from lvt_track.lesions.corrections.lesion_names import LesionName, identify, name_of
from lvt_track.lesions.corrections.table import COLUMNS, Action, Correction, parse_corrections
from lvt_track.lesions.matching.match import match_course

FIRST, SECOND = dt.date(2024, 1, 1), dt.date(2024, 3, 1)


def row(**fields):
    link = {
        "date_a": "2024-01-01",
        "lesion_a": "1",
        "date_b": "2024-03-01",
        "lesion_b": "2",
        "action": "add",
    }
    return link | fields


def alone(action, lesion="1", **fields):
    return {"action": action, "date_a": "2024-01-01", "lesion_a": lesion} | fields


def link(action, a, b, line=0, dates=(FIRST, SECOND)):
    return Correction(Action(action), LesionName(dates[0], a), LesionName(dates[1], b), line=line)


def test_a_link_is_turned_forward_in_time():
    (correction,) = parse_corrections([row(date_a="2024-06-01", lesion_a="5", action=" Remove ")])
    assert correction.action is Action.REMOVE
    assert correction.first == LesionName(dt.date(2024, 3, 1), 2)
    assert correction.second == LesionName(dt.date(2024, 6, 1), 5)
    assert correction.line == 2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row(date_a="1.1.2024"), "YYYY-MM-DD"),
        (row(lesion_b="two"), "whole number"),
        (row(lesion_b="0"), "from 1 on"),
        (row(action="maybe"), "action must be one of add, remove"),
        (row(date_b="2024-01-01"), "two visits"),
        (row(date_b=None), "date_b is empty"),
        (row(x_a_mm="3"), "needs all of x_a_mm"),
        (row(volume_a_ml="nan"), "must be a number"),
        (row() | {None: ["too", "much"]}, "more fields"),
        (alone("none", date_b="2024-03-01", lesion_b="1"), "about one lesion"),
        (alone("size", long_axis_mm="-3"), "above 0"),
        (alone("size"), "above 0"),
        (alone("split", parts="1"), "from 2 to 9"),
        (alone("note"), "needs a text"),
        ({"action": "add", "date_a": "2024-01-01", "lesion_a": "1"}, "missing column date_b"),
        ({"date_a": "2024-01-01", "lesion_a": "1"}, "missing column action"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(bad, message):
    with pytest.raises(InputError, match=f"line 3: .*{message}.*line 4: "):
        parse_corrections([row(), bad, row(action="")])


texts = st.text(max_size=6)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(COLUMNS), st.sampled_from([None, "", "2024-01-01", "1"]) | texts
        ),
        max_size=3,
    )
)
def test_any_text_is_understood_or_refused_in_words(rows):
    try:
        parsed = parse_corrections(rows)
    except InputError as error:
        assert "line" in str(error)
    else:
        blank = sum(not any(v and v.strip() for v in one.values()) for one in rows)
        assert len(parsed) == len(rows) - blank


def test_facts_are_read_back_as_they_were():
    corrections = parse_corrections(
        [
            row(x_a_mm="1", y_a_mm="2", z_a_mm="-3.5", volume_a_ml="0.2", voxels_a="ab12"),
            alone("size", long_axis_mm="12.5", note="by hand", reader="A", time="2024"),
            alone("split", "3", parts="3"),
        ]
    )
    again = parse_corrections([one.facts() for one in corrections], first_line=0)
    assert again == tuple(replace(one, line=0) for one in corrections)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(one.facts() for one in corrections)
    text.seek(0)
    assert parse_corrections(list(csv.DictReader(text))) == corrections


@pytest.fixture
def visits(ball):
    """Two visits of two lesions each, which keep their places."""
    return [
        [replace(ball(v, k, (40 * k, v, 0), 20 - 4 * k), voxels=f"v{v}l{k}") for k in (1, 2)]
        for v in range(2)
    ]


def test_contradictions_and_unknown_lesions_are_refused_all_at_once(visits, dates):
    at = (dates[0], dates[1])
    rows = [
        link("add", 1, 2, 2, at),
        link("remove", 1, 2, 3, at),
        link("add", 7, 2, 4, at),
        Correction(Action.NEW, LesionName(dates[0], 1), line=5),
        Correction(Action.NONE, LesionName(dates[0], 1), line=6),
        Correction(Action.TARGET, LesionName(dates[1], 1), line=7),
        Correction(Action.NON_TARGET, LesionName(dates[1], 1), line=8),
        Correction(Action.NEW, LesionName(dates[1], 2), line=9),
        Correction(Action.NOTE, LesionName(dt.date(1999, 1, 1), 2), note="?", line=10),
        Correction(Action.SIZE, LesionName(dates[1], 1), long_axis_mm=9, line=11),
        Correction(Action.SIZE, LesionName(dates[1], 1), long_axis_mm=8, line=12),
        Correction(Action.PROGRESSION, LesionName(dates[0], 2), line=13),
        Correction(Action.PROGRESSION, LesionName(dates[1], 1), line=14),
        Correction(Action.NO_PROGRESSION, LesionName(dates[1], 1), line=15),
    ]
    with pytest.raises(InputError) as refused:
        decide(rows, visits, dates[:2])
    told = dict(
        part.split(": ", 1) for part in str(refused.value).split("line ")[1:] if ": " in part
    )
    expected = {
        "3": "both added and removed",
        "4": "no lesion 7",
        "5": "of the first visit",
        "6": "called none, and something else is said of it",
        "8": "both target and non-target",
        "9": "a link to its past is added",
        "10": "no visit of 1999-01-01",
        "12": "two sizes, 9 and 8 mm",
        "13": "of the first visit, from which growth is counted",
        "15": "to have progressed, and not to",
    }
    assert told.keys() == expected.keys()
    assert all(words in told[line] for line, words in expected.items())


def test_remembered_corrections_follow_a_repainted_lesion(visits, dates):
    """Both masks of the second visit change and the numbers swap: the removed link stays so."""
    remove = link("remove", 1, 1, 2, (dates[0], dates[1]))
    remembered = tuple(
        replace(one, line=0) for one in decide([remove], visits, dates[:2]).corrections
    )
    one, other = visits[1]
    size = other.measurement
    painted = [
        replace(other, label=1, voxels="x", measurement=replace(size, volume_ml=9.0)),
        replace(one, label=2, voxels="y"),
    ]
    decisions = decide(remembered, [visits[0], painted], dates[:2])
    assert decisions.removed == {((0, 1), (1, 2))}
    assert any("is lesion 2 now" in text for text in decisions.remarks)

    gone = decide(remembered, [visits[0], painted[:1]], dates[:2])
    assert not gone.removed and len(gone.remarks) == 1 and "no longer fits" in gone.remarks[0]
    back = decide(gone.corrections, visits, dates[:2])
    assert back.removed == {((0, 1), (1, 1))} and not back.remarks


def test_what_is_none_takes_no_tumour_away_that_was_painted_together_with_it(ball, dates):
    spot = replace(ball(0, 2, (20, 0, 0), 20), voxels="spot")
    none = Correction(Action.NONE, name_of(spot, dates[0]))
    both = replace(ball(0, 1, (10, 0, 0), 25), voxels="both")
    decisions = decide([none], [[both]], dates[:1])
    assert decisions.rejected == frozenset() and decisions.corrections == (none,)
    assert "painted larger since" in decisions.remarks[0]
    slightly = replace(ball(0, 1, (19, 0, 0), 22), voxels="slightly")
    assert decide([none], [[slightly]], dates[:1]).rejected == {(0, 1)}


def test_a_table_of_another_run_is_refused(visits, dates):
    name = LesionName(dates[0], 1, (400.0, 0.0, 0.0), 3.0, "other")
    with pytest.raises(InputError, match=r"line 2: .* nothing like lesion 1"):
        decide([Correction(Action.NONE, name, line=2)], visits, dates[:2])


def test_what_is_said_of_the_whole_of_a_split_lesion_is_refused(visits, dates):
    part = visits[0][0]
    whole = LesionName(dates[0], part.label, part.centroid_mm, 9.0, "the whole")
    for action in (Action.NONE, Action.SIZE):
        row = Correction(action, whole, long_axis_mm=30.0, line=3)
        with pytest.raises(InputError, match=r"line 3: lesion 1 of .* is split, and"):
            decide([row], visits, dates[:2], {"the whole"})
    remembered = Correction(Action.NONE, whole)
    decisions = decide([remembered], visits, dates[:2], {"the whole"})
    assert not decisions.rejected and decisions.corrections == (remembered,)
    assert decide(
        [Correction(Action.NOTE, whole, note="x")], visits, dates[:2], {"the whole"}
    ).notes


def test_a_lesion_is_named_by_voxels_before_place_and_by_place_before_number(visits, dates):
    one, other = visits[0]
    name = name_of(one, dates[0])
    assert identify(replace(name, voxels=other.voxels), visits[0]) is other
    assert identify(replace(name, label=2, voxels=""), visits[0]) is one
    assert identify(LesionName(dates[0], 2), visits[0]) is other
    assert identify(LesionName(dates[0], 2, voxels="gone"), visits[0]) is None


def test_the_readers_word_in_matching(ball, still_frame, dates, visits):
    def follow(*corrections):
        decisions = decide(corrections, visits, dates[:2])
        lesions = [edit_lesions(at, decisions) for at in visits]
        return match_course(lesions, still_frame(), dates[:2], decisions=decisions)

    new = follow(Correction(Action.NEW, LesionName(dates[1], 2)))
    assert [(e.earlier, e.later) for e in new.edges] == [((0, 1), (1, 1))]
    (fresh,) = (track for track in new.tracks if track.lesions == ((1, 2),))
    assert fresh.state == "new" and fresh.is_new_by_reader

    none = follow(Correction(Action.NONE, LesionName(dates[0], 2)))
    assert all((0, 2) not in track.lesions for track in none.tracks)

    role = follow(Correction(Action.NON_TARGET, LesionName(dates[1], 1), note="hilar"))
    assert [(t.role, t.note) for t in role.tracks] == [("non-target", "hilar"), ("", "")]

    grown = follow(
        Correction(Action.PROGRESSION, LesionName(dates[1], 1)),
        Correction(Action.NO_PROGRESSION, LesionName(dates[1], 2)),
    )
    assert [(t.progressed, t.not_progressed) for t in grown.tracks] == [
        ({(1, 1)}, frozenset()),
        (frozenset(), {(1, 2)}),
    ]

    same = follow(link("same", 1, 2, 0, (dates[0], dates[0])))
    assert len(same.tracks) == 1
    across = follow(link("same", 1, 2, 0, (dates[0], dates[1])))
    assert len(across.tracks) == 1
    (edge,) = (e for e in across.edges if (e.earlier, e.later) == ((0, 1), (1, 2)))
    assert edge.source == "reader"


def test_a_readers_size_keeps_the_masks_beside_it(visits, dates):
    decisions = decide(
        [Correction(Action.SIZE, LesionName(dates[0], 1), long_axis_mm=10.0)], visits, dates[:2]
    )
    size = edit_lesions(visits[0], decisions)[0].measurement
    assert size.long_axis.length_mm == 10.0 and size.drawn_long_axis_mm == 16.0
    assert size.short_axis.length_mm == 10.0
    assert size.volume_ml == visits[0][0].measurement.volume_ml
