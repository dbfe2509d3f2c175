"""Looking back, on livers of plain shape whose truth is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from lvt_track.core.course import Course, LookBack, Visibility, VisitFindings
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.lesion import Track, TrackState
from lvt_track.core.series import Phase, Series, Visit
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.components import LesionShape
from lvt_track.lesions.lookback.change import still_shown, with_changes
from lvt_track.lesions.lookback.contrast import contrast_maps, ring_hu
from lvt_track.lesions.lookback.controls import control_cells, false_alarm_rate
from lvt_track.lesions.lookback.scan import LiverScan, liver_scan
from lvt_track.lesions.lookback.search import VISIBLE_RATE, look_back

GEOMETRY = Geometry.axial((30, 56, 60), (4.0, 2.0, 2.0))
CENTRE_MM = np.array([60.0, 56.0, 58.0])
PLACE_MM = (46.0, 50.0, 60.0)
PHASE = Phase.PORTAL

Spot = tuple[tuple[float, float, float], float, float]
"""Centre in mm, radius in mm, contrast in HU."""


def visit_scan(seed: int, spots: Sequence[Spot] = (), noise_hu: float = 12.0) -> LiverScan:
    """An ellipsoid of a liver at 100 HU with blurred noise, a vessel through it, and spots."""
    rng = np.random.default_rng(seed)
    z, y, x = np.indices(GEOMETRY.shape)
    world = GEOMETRY.to_world(np.stack([z, y, x], axis=-1))
    liver = np.sum(((world - CENTRE_MM) / [52, 48, 50]) ** 2, axis=-1) <= 1
    vessels = liver & (np.hypot(world[..., 0] - 70, world[..., 2] - 60) < 5)
    hu = np.where(liver, 100.0, -80.0)
    hu[vessels] = 170.0
    for centre, radius, contrast in spots:
        hu[np.linalg.norm(world - centre, axis=-1) <= radius] += contrast
    noise = ndimage.gaussian_filter(rng.standard_normal(GEOMETRY.shape), (0, 0.7, 0.7))
    hu += noise_hu * noise / noise.std()
    masks = Masks(liver, vessels, np.zeros_like(liver), GEOMETRY)
    scan = liver_scan(Volume(hu.astype(np.float32), GEOMETRY), masks)
    assert scan is not None
    return scan


def course_of(lesions: dict[int, list], dates: Sequence[dt.date]) -> Course:
    """A course whose lesions are new; one track for each visit that has any."""
    visits = []
    for k, date in enumerate(dates):
        series = Series(
            (Path("a"),), f"{k}", "", PHASE, GEOMETRY.shape, GEOMETRY.spacing_mm, 4.0, False
        )
        here = tuple(lesions.get(k, ()))
        visits.append(VisitFindings(Visit(date, f"{k}", (series,)), GEOMETRY, 1.0, 0.0, 0.0, here))
    tracks = tuple(
        Track(n, (lesion.key,), TrackState.NEW)
        for n, lesion in enumerate((x for k in sorted(lesions) for x in lesions[k]), start=1)
    )
    return Course("p", tuple(visits), tracks=tracks)


@pytest.fixture
def look(ball, still_frame, dates):
    """Look back from visit 1 to a scan with the given spots for a lesion of 14 mm at PLACE_MM."""

    def run(spots: Sequence[Spot], *, seed: int = 1, place=PLACE_MM, hu=60.0, **frame) -> LookBack:
        course = course_of({1: [ball(1, 1, place, 14, hu)]}, dates[:2])
        scans = (visit_scan(seed, spots), visit_scan(seed + 1))
        (found,) = look_back(course, scans, still_frame(**frame))
        return found

    return run


def test_contrast_is_that_of_the_ball() -> None:
    scan = visit_scan(0, [(PLACE_MM, 7.0, -30.0)], noise_hu=0.0)
    maps = contrast_maps(scan, (4.0, 6.3))
    here = tuple(np.rint(scan.geometry.to_index(PLACE_MM)).astype(int))
    assert maps[0][here] == pytest.approx(-30, abs=1.5)
    elsewhere = tuple(np.rint(scan.geometry.to_index((60, 30, 60))).astype(int))
    assert maps[0][elsewhere] == pytest.approx(0, abs=0.1)
    assert np.isnan(maps[1][0, 0, 0]), "outside the liver"
    assert ring_hu(scan, np.array(PLACE_MM), 7.0) == pytest.approx(100, abs=0.5)


def test_a_spot_of_the_lesions_kind_is_visible_and_where_it_is(look) -> None:
    found = look([((48.0, 50.0, 60.0), 4.0, -40.0)], uncertainty_mm=2.0)
    assert found.verdict is Visibility.VISIBLE
    assert found.days_earlier == 60
    assert found.contrast_hu == pytest.approx(-35, abs=8)
    assert found.size_mm == pytest.approx(8, abs=2.1)
    assert found.false_alarm_rate <= VISIBLE_RATE
    assert found.controls >= 50
    assert "HU darker than the liver around it" in found.reason


@pytest.mark.parametrize(
    "spots",
    [[], [(PLACE_MM, 4.0, 40.0)], [((20.0, 56.0, 60.0), 5.0, -40.0)]],
    ids=["nothing", "a bright spot for a dark lesion", "a spot elsewhere"],
)
def test_what_is_not_there_is_not_seen(look, spots) -> None:
    assert look(spots).verdict is not Visibility.VISIBLE


def test_a_bright_lesion_is_sought_as_a_bright_spot(look) -> None:
    assert look([(PLACE_MM, 5.0, 40.0)], hu=140.0).verdict is Visibility.VISIBLE


def test_the_model_may_see_what_the_contrast_does_not(ball, still_frame, dates) -> None:
    course = course_of({1: [ball(1, 1, PLACE_MM, 14)]}, dates[:2])
    plain = visit_scan(1)
    probability = np.random.default_rng(0).uniform(0, 0.1, plain.hu.shape).astype(np.float32)
    probability[tuple(np.rint(plain.geometry.to_index(PLACE_MM)).astype(int))] = 0.4
    scans = (replace(plain, probability=probability), visit_scan(2))
    (found,) = look_back(course, scans, still_frame())
    assert found.probability == pytest.approx(0.4)
    assert found.false_alarm_rate <= VISIBLE_RATE
    assert "tumour probability 40 %" in found.reason


@pytest.mark.parametrize(
    ("frame", "place", "reason"),
    [
        ({"lowest_z_mm": {0: 70.0}}, PLACE_MM, "outside the scan"),
        ({"unreliable": (0,)}, PLACE_MM, "could not be aligned"),
        ({}, (60.0, 2.0, 58.0), "no plain liver"),
    ],
)
def test_what_cannot_be_told_is_said(look, frame, place, reason) -> None:
    found = look([], place=place, **frame)
    assert found.verdict is Visibility.NOT_COVERED
    assert reason in found.reason
    assert found.contrast_hu is None


def test_a_visit_without_a_liver_covers_nothing(ball, still_frame, dates) -> None:
    course = course_of({1: [ball(1, 1, PLACE_MM, 14)]}, dates[:2])
    (found,) = look_back(course, (None, visit_scan(0)), still_frame())
    assert (found.verdict, found.reason) == (Visibility.NOT_COVERED, "no liver was found there")


def test_every_later_tumour_is_sought_in_every_scan_before(ball, still_frame, dates) -> None:
    lesions = {0: [ball(0, 1, (80, 56, 40), 12)], 2: [ball(2, 1, PLACE_MM, 10)]}
    scans = [visit_scan(k) for k in range(3)]
    found = look_back(course_of(lesions, dates[:3]), scans, still_frame())
    assert [(one.track, one.visit, one.days_earlier) for one in found] == [(2, 0, 120), (2, 1, 60)]


def test_controls_are_like_the_place_and_clear_of_lesions() -> None:
    scan = visit_scan(0)
    known = np.array([[46.0, 50.0, 60.0]])
    cells = control_cells(scan, known[0], known, np.array([20.0]))
    assert len(cells) == 200
    distance = np.linalg.norm(scan.geometry.to_world(cells) - known, axis=1)
    assert distance.min() > 20
    assert scan.tissue[tuple(cells.T)].all()
    here = tuple(np.rint(scan.geometry.to_index(known[0])).astype(int))
    chosen = np.minimum(scan.edge_mm[tuple(cells.T)], 15)
    assert np.abs(chosen - min(scan.edge_mm[here], 15)).mean() < 3
    again = control_cells(scan, known[0], known, np.array([20.0]))
    assert np.array_equal(cells, again)


@pytest.mark.parametrize("kinds", [1, 2, 3])
def test_the_false_alarm_rate_holds_whatever_is_scored(kinds: int) -> None:
    rng = np.random.default_rng(kinds)
    draws = rng.standard_normal((800, kinds, 101)) + rng.standard_normal((800, 1, 101))
    rates = np.array([false_alarm_rate(list(draw)) for draw in draws])
    for level in (0.05, 0.2):
        # Four standard errors.
        assert np.mean(rates <= level) == pytest.approx(level, abs=4 * np.sqrt(level / 800))
    assert rates.min() >= 1 / 101


def test_places_without_a_lesion_are_rarely_called_visible(ball, still_frame, dates) -> None:
    rng = np.random.default_rng(5)
    scan = visit_scan(7)
    inside = scan.geometry.to_world(np.argwhere(scan.edge_mm > 8))
    visible = []
    for place in inside[rng.choice(len(inside), 40)]:
        course = course_of({1: [ball(1, 1, place, 12)]}, dates[:2])
        (found,) = look_back(course, (scan, scan), still_frame())
        visible.append(found.verdict is Visibility.VISIBLE)
    assert np.sum(visible) <= 6, "of 40 at 5 %, six is the 99 % point"


def test_first_visible_is_the_start_of_an_unbroken_run(dates) -> None:
    see, no, out = Visibility.VISIBLE, Visibility.NOT_VISIBLE, Visibility.NOT_COVERED

    def first(*verdicts: Visibility) -> int | None:
        looks = tuple(
            LookBack(1, (len(verdicts), 1), k, 0, verdict, "", (0.0, 0.0, 0.0), 2.0)
            for k, verdict in enumerate(verdicts)
        )
        found = replace(course_of({}, dates[:5]), lookbacks=looks).first_visible(1)
        return None if found is None else found.visit

    assert first(no, see, see) == 1
    assert first(see, no, see) == 2
    assert first(see, out, see) == 0
    assert first(see, see, no) is None
    assert first(out, out) is None


@pytest.mark.parametrize(
    ("before_hu", "after_hu", "has_changed"),
    [(0.0, 0.0, False), (-40.0, -40.0, False), (0.0, -40.0, True), (-40.0, 0.0, True)],
)
def test_a_place_has_changed_where_control_places_have_not(
    ball, still_frame, dates, before_hu, after_hu, has_changed
):
    lesion = ball(1, 1, PLACE_MM, 14, 60.0)
    scans = [visit_scan(k + 1, [(PLACE_MM, 7, hu)]) for k, hu in enumerate((before_hu, after_hu))]
    course, frame = course_of({1: [lesion]}, dates[:2]), still_frame()
    course = replace(course, lookbacks=look_back(course, scans, frame))
    (look,) = with_changes(course, {(1, 1): ball_of_7_mm()}, scans, frame)
    assert look.has_changed is has_changed and not look.is_hidden
    assert look.change_hu == pytest.approx(after_hu - before_hu, abs=8)
    cells = np.moveaxis(np.indices(scans[0].hu.shape), 0, -1)
    here = np.linalg.norm(scans[0].geometry.to_world(cells) - PLACE_MM, axis=-1) < 10
    vein = replace(scans[0], vessels=scans[0].vessels | here)
    (look,) = with_changes(course, {(1, 1): ball_of_7_mm()}, [vein, scans[1]], frame)
    assert look.is_hidden and look.has_changed is None


@pytest.mark.parametrize(
    ("hu", "after_hu", "is_shown"),
    [(-40.0, -40.0, True), (-40.0, 0.0, False), (-40.0, 40.0, False), (0.0, -40.0, False)],
)
def test_what_one_visit_alone_has_is_sought_in_the_next_scan(
    ball, still_frame, dates, hu, after_hu, is_shown
):
    lesion = ball(1, 1, PLACE_MM, 14, 60.0)
    scans = [visit_scan(1), *(visit_scan(2, [(PLACE_MM, 7, one)]) for one in (hu, after_hu))]
    course, shapes = course_of({1: [lesion]}, dates[:3]), {(1, 1): ball_of_7_mm()}
    assert (still_shown(course, shapes, scans, still_frame()) == {1}) is is_shown
    assert not still_shown(course, shapes, [*scans[:2], None], still_frame())
    beyond = still_frame(lowest_z_mm={2: PLACE_MM[2]})
    assert not still_shown(course, shapes, scans, beyond)
    last = course_of({1: [lesion]}, dates[:2])
    assert not still_shown(last, shapes, scans[:2], still_frame())


def ball_of_7_mm() -> LesionShape:
    """Sample points of a ball at PLACE_MM."""
    steps = np.arange(-6.0, 7.0, 2.0)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    return LesionShape(cube[np.linalg.norm(cube, axis=1) <= 7] + PLACE_MM, 2.0)
