"""A model's word alone does not make a tumour new where it may be a fragment, or is seen once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lvt_track.core.course import LookBack, Visibility
from lvt_track.core.lesion.lesion import Track, TrackState
from lvt_track.lesions.components import LesionShape
from lvt_track.lesions.matching.doubts import ModelFinds, doubt_model_finds
from lvt_track.lesions.matching.match import match_course


def shape_of(lesion):
    """Sample points of a ball on a grid of 2 mm."""
    radius = lesion.measurement.long_axis.length_mm / 2
    steps = np.arange(-radius, radius + 1e-6, 2.0)
    points = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    inside = points[np.linalg.norm(points, axis=1) <= radius]
    return LesionShape(inside + np.array(lesion.centroid_mm), 2.0)


def followed(visits, frame, dates, is_drawn=True, looks=(), still_shown=()):
    """The states of all tracks that begin after the first visit, with reasons."""
    dates = dates[: len(visits)]
    tracks = match_course(visits, frame, dates).tracks
    shapes = {lesion.key: shape_of(lesion) for at in visits for lesion in at}
    finds = ModelFinds(visits, shapes, dates, [is_drawn] * len(visits), looks, still_shown)
    doubted = doubt_model_finds(tracks, finds, frame)
    return [(track.state, track.reason) for track in doubted if track.lesions[0][0] > 0]


@pytest.fixture
def fragment(ball):
    """A tumour of 50 mm, beside which a piece of 14 mm lies at the second and third visit."""
    return [
        [ball(0, 1, (0, 0, 0), 50)],
        *([ball(v, 1, (0, 0, 0), 50), ball(v, 2, (33, 0, 0), 14)] for v in (1, 2)),
    ]


def test_a_fragment_at_the_edge_of_a_large_tumour_is_not_new(fragment, still_frame, dates):
    ((state, reason),) = followed(fragment, still_frame(), dates)
    assert state is TrackState.UNCERTAIN and "may be a piece of it" in reason


def test_a_readers_mask_is_believed(fragment, still_frame, dates):
    assert followed(fragment, still_frame(), dates, is_drawn=False) == [(TrackState.NEW, "")]


@pytest.mark.parametrize(("away_mm", "diameter_mm"), [(45, 14), (46, 40)])
def test_further_away_or_as_large_it_is_new(ball, still_frame, dates, away_mm, diameter_mm):
    visits = [
        [ball(0, 1, (0, 0, 0), 50)],
        *([ball(v, 1, (0, 0, 0), 50), ball(v, 2, (away_mm, 0, 0), diameter_mm)] for v in (1, 2)),
    ]
    assert followed(visits, still_frame(), dates) == [(TrackState.NEW, "")]


def test_a_spot_drawn_once_and_gone_is_doubted_and_at_the_last_visit_it_is_not(
    ball, still_frame, dates
):
    known = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    once = [known[0], [*known[1], ball(1, 2, (60, 0, 0), 15)], known[2]]
    ((state, reason),) = followed(once, still_frame(), dates)
    assert state is TrackState.UNCERTAIN and "at one visit alone" in reason
    last = [known[0], known[1], [*known[2], ball(2, 2, (60, 0, 0), 15)]]
    assert followed(last, still_frame(), dates) == [(TrackState.NEW, "")]
    unseen = still_frame(unreliable=[2])
    assert all("one visit alone" not in reason for _, reason in followed(once, unseen, dates))


def look_at(rate: float) -> LookBack:
    """A look at tumour 2 in the scan before the one that shows it, in a place that changed so."""
    look = LookBack(2, (1, 2), 0, 60, Visibility.NOT_VISIBLE, "", (60.0, 0.0, 0.0), 2.0)
    return replace(look, change_hu=-3.0, change_rate=rate)


@pytest.mark.parametrize(
    ("rate", "shown", "state"),
    [
        (0.01, (2,), TrackState.NEW),
        (0.01, (), TrackState.UNCERTAIN),
        (0.5, (2,), TrackState.UNCERTAIN),  # it was there before, and is after
    ],
)
def test_what_the_next_scan_shows_and_no_mask_is_new_where_its_place_has_changed(
    ball, still_frame, dates, rate, shown, state
):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    visits[1].append(ball(1, 2, (60, 0, 0), 15))
    frame, looks = still_frame(), [look_at(rate)]
    ((found, _),) = followed(visits, frame, dates, looks=looks, still_shown=shown)
    assert found is state


@pytest.mark.parametrize(
    ("found_hu", "found_rate", "state"),
    [
        (-4.0, 0.5, TrackState.UNCERTAIN),
        (-4.0, 0.02, TrackState.NEW),  # a rim about a dark middle
        (-6.0, 0.5, TrackState.NEW),
    ],
)
def test_what_does_not_stand_out_where_it_is_drawn_is_not_new(
    ball, still_frame, dates, found_hu, found_rate, state
):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    for v in (1, 2):
        visits[v].append(ball(v, 2, (60, 0, 0), 15))
    look = replace(look_at(0.01), change_hu=-5.0, found_contrast_hu=found_hu, found_rate=found_rate)
    ((found, reason),) = followed(visits, still_frame(), dates, looks=[look])
    assert found is state and ("stands out" in reason) is (state is TrackState.UNCERTAIN)


def test_what_is_drawn_where_a_lesion_was_may_be_a_part_of_it(ball, still_frame, dates):
    """Alike in size, so that it is no fragment; the other one goes on as another."""
    visits = [
        [ball(0, 1, (0, 0, 0), 30)],
        [ball(1, 1, (0, 0, 0), 30), ball(1, 2, (8, 0, 0), 20)],
    ]
    tracks = [
        Track(1, ((0, 1), (1, 1)), TrackState.PERSISTENT),
        Track(2, ((1, 2),), TrackState.NEW),
    ]
    shapes = {lesion.key: shape_of(lesion) for at in visits for lesion in at}
    finds = ModelFinds(visits, shapes, dates[:2], [True, True])
    _, late = doubt_model_finds(tracks, finds, still_frame())
    assert late.state is TrackState.UNCERTAIN
    assert f"where lesion 1 of {dates[0]} is drawn" in late.reason


@pytest.mark.parametrize("is_drawn", [True, False])
@pytest.mark.parametrize(("rate", "says_same"), [(0.5, True), (0.01, False)])
def test_what_looks_the_same_before_is_doubted_on_a_models_word(
    ball, still_frame, dates, rate, says_same, is_drawn
):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    for v in (1, 2):
        visits[v].append(ball(v, 2, (60, 0, 0), 15))
    ((state, reason),) = followed(visits, still_frame(), dates, is_drawn, [look_at(rate)])
    assert ("looks the same" in reason) is (says_same and is_drawn)
    assert (state is TrackState.UNCERTAIN) is (says_same and is_drawn)


def test_a_place_that_became_the_reverse_of_the_tumour_shows_none(ball, still_frame, dates):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    for v in (1, 2):
        visits[v].append(ball(v, 2, (60, 0, 0), 15))
    gone = replace(look_at(0.01), change_hu=30.0, found_contrast_hu=-6.0)
    ((state, reason),) = followed(visits, still_frame(), dates, looks=[gone])
    assert state is TrackState.UNCERTAIN and "something has gone" in reason


@pytest.mark.parametrize(
    ("found_hu", "state"), [(-20.0, TrackState.UNCERTAIN), (-4.0, TrackState.NEW)]
)
def test_where_most_of_the_contrast_was_there_before_it_is_not_new(
    ball, still_frame, dates, found_hu, state
):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    for v in (1, 2):
        visits[v].append(ball(v, 2, (60, 0, 0), 15))
    look = replace(look_at(0.01), found_contrast_hu=found_hu)  # -3 HU have come
    ((found, reason),) = followed(visits, still_frame(), dates, looks=[look])
    assert found is state and ("most of it already" in reason) is (state is TrackState.UNCERTAIN)


def test_where_the_scans_cannot_be_compared_nothing_is_new(ball, still_frame, dates):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    for v in (1, 2):
        visits[v].append(ball(v, 2, (60, 0, 0), 15))
    look = replace(look_at(0.5), change_hu=None, change_rate=None)
    assert followed(visits, still_frame(), dates, looks=[look]) == [(TrackState.NEW, "")]
    hidden = replace(look, is_hidden=True)
    ((state, reason),) = followed(visits, still_frame(), dates, looks=[hidden])
    assert state is TrackState.UNCERTAIN and "too little to compare with" in reason


def test_the_doubt_of_a_place_that_looked_the_same_ends_with_growth(ball, still_frame, dates):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    for v, diameter_mm in ((1, 12), (2, 18)):
        visits[v].append(ball(v, 2, (60, 0, 0), diameter_mm))
    ((state, reason),) = followed(visits, still_frame(), dates, looks=[look_at(0.5)])
    assert state is TrackState.NEW and "looks the same" in reason


def test_growth_does_not_make_new_what_the_scan_before_shows_most_of(ball, still_frame, dates):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(3)]
    for v, diameter_mm in ((1, 12), (2, 18)):
        visits[v].append(ball(v, 2, (60, 0, 0), diameter_mm))
    look = replace(look_at(0.01), found_contrast_hu=-20.0)  # -3 HU have come
    ((state, reason),) = followed(visits, still_frame(), dates, looks=[look])
    assert state is TrackState.UNCERTAIN and "most of it already" in reason


@pytest.mark.parametrize(
    ("first_rate", "state"),
    [(0.01, TrackState.UNCERTAIN), (0.04, TrackState.NEW)],
    ids=["came back", "a chance in two looks"],
)
def test_what_was_shown_and_away_has_come_back(ball, still_frame, dates, first_rate, state):
    visits = [[ball(v, 1, (0, 0, 0), 20)] for v in range(4)]
    for v in (2, 3):
        visits[v].append(ball(v, 2, (60, 0, 0), 15))
    away = replace(look_at(0.01), lesion=(2, 2), visit=1, false_alarm_rate=0.6)
    shown = replace(away, visit=0, verdict=Visibility.VISIBLE, false_alarm_rate=first_rate)
    ((found, reason),) = followed(visits, still_frame(), dates, looks=[shown, away])
    assert found is state and ("come back" in reason) is (state is TrackState.UNCERTAIN)
    # A scan that does not show it before one that does is no return.
    late = [replace(away, visit=0), replace(shown, visit=1)]
    assert followed(visits, still_frame(), dates, looks=late) == [(TrackState.NEW, "")]


@pytest.mark.parametrize(("last_mm", "state"), [(15, "uncertain"), (22, "persistent")])
def test_what_every_scan_doubts_is_uncertain_until_it_grows(
    ball, still_frame, dates, last_mm, state
):
    spots = [ball(0, 1, (0, 0, 0), 15), ball(1, 1, (0, 0, 0), last_mm)]
    visits = [[replace(spot, doubt="it may be fat")] for spot in spots]
    tracks = match_course(visits, still_frame(), dates[:2]).tracks
    finds = ModelFinds(visits, {}, dates[:2], [True, True])
    (track,) = doubt_model_finds(tracks, finds, still_frame())
    assert track.state == state
    once = [visits[0], [replace(visits[1][0], doubt="")]]
    (track,) = doubt_model_finds(tracks, replace(finds, lesions=once), still_frame())
    assert track.state == "persistent"
