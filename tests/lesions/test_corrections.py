from __future__ import annotations

import datetime as dt

import pytest

from lvt_track.errors import InputError
from lvt_track.lesions.corrections import Correction, check_corrections, parse_corrections


def row(date_a="2024-01-01", lesion_a="1", date_b="2024-03-01", lesion_b="2", action="add"):
    return {
        "date_a": date_a,
        "lesion_a": lesion_a,
        "date_b": date_b,
        "lesion_b": lesion_b,
        "action": action,
    }


def test_a_row_becomes_a_correction():
    (correction,) = parse_corrections([row(action=" Remove ")])
    assert correction == Correction(
        dt.date(2024, 1, 1), 1, dt.date(2024, 3, 1), 2, "remove", line=2
    )


def test_a_link_is_turned_forward_in_time():
    (correction,) = parse_corrections([row(date_a="2024-06-01", lesion_a="5")])
    assert (correction.date_a, correction.lesion_a) == (dt.date(2024, 3, 1), 2)
    assert (correction.date_b, correction.lesion_b) == (dt.date(2024, 6, 1), 5)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"date_a": "1.1.2024"}, "YYYY-MM-DD"),
        ({"lesion_b": "two"}, "whole number"),
        ({"action": "maybe"}, "add or remove"),
        ({"date_b": "2024-01-01"}, "two visits"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(bad, message):
    with pytest.raises(InputError, match=f"line 3: .*{message}"):
        parse_corrections([row(), row(**bad)])


def test_a_missing_column_is_named():
    short = row()
    del short["action"]
    with pytest.raises(InputError, match="line 2: missing column action"):
        parse_corrections([short])


def test_contradictions_and_unknown_visits_are_refused(ball, dates):
    lesions = [[ball(0, 1, (0, 0, 0), 9)], [ball(1, 2, (0, 0, 0), 9)]]
    both = [
        Correction(dates[0], 1, dates[1], 2, "add", 2),
        Correction(dates[0], 1, dates[1], 2, "remove", 3),
    ]
    with pytest.raises(InputError, match=r"line 3: .*both added and removed"):
        check_corrections(both, lesions, dates[:2])
    with pytest.raises(InputError, match="no visit of 1999-01-01"):
        check_corrections(
            [Correction(dt.date(1999, 1, 1), 1, dates[1], 2, "add")], lesions, dates[:2]
        )
    assert check_corrections(both[:1], lesions, dates[:2]) == {((0, 1), (1, 2)): "add"}
