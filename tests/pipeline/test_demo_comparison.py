"""The demo beside the truth: lesions, links and categories are counted right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lvt_track.core.course import GIVEN, Course, VisitFindings
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Edge, Event, Lesion, Measurement, Track, TrackState
from lvt_track.core.series import Phase, Series, Visit
from lvt_track.phantom.course.truth import TrueLesion
from lvt_track.pipeline.demo.comparison import compare_with_truth
from lvt_track.response.course import respond_to_course

DATES = (dt.date(2024, 1, 15), dt.date(2024, 4, 15))
GEOMETRY = Geometry.axial((10, 10, 10), (5, 1, 1))

# Two tumours; the first doubles, and at the second visit a third one is new.
TRUTH = {
    DATES[0].isoformat(): ((1, 0.0, 20.0), (2, 80.0, 8.0)),
    DATES[1].isoformat(): ((1, 0.0, 40.0), (2, 80.0, 8.0), (3, 160.0, 12.0)),
}


def true_lesions() -> dict[str, tuple[TrueLesion, ...]]:
    return {
        date: tuple(
            TrueLesion(k, n, (n,), (x, 0.0, 0.0), size**3 / 2000, size, size * 0.9)
            for n, (_, x, size) in enumerate(at, 1)
        )
        for k, (date, at) in enumerate(TRUTH.items())
    }


def drawn(visit: int, label: int, x: float, size: float) -> Lesion:
    long = Caliper((x - size / 2, 0, 0), (x + size / 2, 0, 0), size)
    short = Caliper((x, -0.45 * size, 0), (x, 0.45 * size, 0), 0.9 * size)
    return Lesion(visit, label, (x, 1.0, 0.0), Measurement(size**3 / 2000, long, short, 0))


def told(lesions: Sequence[Mapping[int, tuple[float, float]]], tracks: Sequence[Track]) -> Course:
    """A course by the place and size of the labels of each visit, judged by RECIST."""
    visits = []
    for k, (date, at) in enumerate(zip(DATES, lesions, strict=True)):
        series = Series((Path("a"),), "u", "", Phase.PORTAL, (10, 10, 10), (5, 1, 1), 5, False)
        found = tuple(drawn(k, label, *size) for label, size in at.items())
        visit = Visit(date, f"s{k}", (series,))
        visits.append(VisitFindings(visit, GEOMETRY, 1500, 50, 10, found, {"tumors": GIVEN}))
    edges = [
        Edge(track.lesions[0], track.lesions[1], Event.SAME, 0.1)
        for track in tracks
        if len(track.lesions) > 1
    ]
    course = Course("P", tuple(visits), tuple(edges), tuple(tracks))
    return replace(course, responses=respond_to_course(course))


def follow(number: int, *lesions: tuple[int, int], state: TrackState) -> Track:
    return Track(number, lesions, state)


def test_what_is_drawn_as_it_is_compares_as_right() -> None:
    everything = [{n: (x, size) for n, (_, x, size) in enumerate(at, 1)} for at in TRUTH.values()]
    tracks = [
        follow(1, (0, 1), (1, 1), state=TrackState.PERSISTENT),
        follow(2, (0, 2), (1, 2), state=TrackState.PERSISTENT),
        follow(3, (1, 3), state=TrackState.NEW),
    ]
    result = compare_with_truth(told(everything, tracks), true_lesions())
    assert (result.lesions_found, result.lesions, result.false_lesions) == (5, 5, 0)
    assert (result.large_found, result.large) == (3, 3)
    assert (result.links_found, result.links, result.false_links) == (2, 2, 0)
    assert [(pair.told, pair.true) for pair in result.categories] == [("PD", "PD")]


def test_what_is_missed_made_up_or_linked_wrongly_is_counted() -> None:
    # The small tumour is missed, a spot is made up, the large one is drawn as it was at first and
    # linked to the spot.
    course = told(
        [{1: (0, 20), 2: (-60, 15)}, {1: (4, 21)}],
        [
            follow(1, (0, 1), state=TrackState.DISAPPEARED),
            follow(2, (0, 2), (1, 1), state=TrackState.PERSISTENT),
        ],
    )
    result = compare_with_truth(course, true_lesions())
    assert (result.lesions_found, result.lesions, result.false_lesions) == (2, 5, 1)
    assert (result.links_found, result.links, result.false_links) == (0, 2, 1)
    (pair,) = result.categories
    assert pair.true == "PD" != pair.told
    assert f"2024-04-15 is PD, told {pair.told}" in result.summary()
    assert result.facts()["categories"] == [vars(pair)]


@pytest.mark.parametrize(("away_mm", "is_found"), [(9.9, 1), (10.1, 0)])
def test_a_lesion_is_found_within_its_radius(away_mm: float, is_found: int) -> None:
    truth = true_lesions()
    course = told([{1: (away_mm, 18)}, {}], [follow(1, (0, 1), state=TrackState.DISAPPEARED)])
    shifted = replace(course.visits[0].lesions[0], centroid_mm=(away_mm, 0.0, 0.0))
    course = replace(
        course, visits=(replace(course.visits[0], lesions=(shifted,)), course.visits[1])
    )
    assert compare_with_truth(course, truth).lesions_found == is_found
