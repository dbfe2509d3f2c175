"""What the page says should be looked at first, and the corrections it proposes."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from lvt_track.core.course import Course
from lvt_track.core.lesion.lesion import Edge, Event, Lesion, Track, TrackState
from lvt_track.lesions.corrections.table import Action
from lvt_track.report.verdicts import cause
from lvt_track.report.viewer.doubts import Answer, Statement
from lvt_track.report.viewer.proposals import Places, exchanges, gaps, possible_non_tumors
from lvt_track.report.viewer.worklist import worklist


@pytest.fixture(scope="module")
def course(samples: ModuleType) -> Course:
    """Five tumours at two visits, of which one is seen at the first alone."""
    full: Course = samples.sample(visits=2, tracks=5).course
    return replace(full, responses=())


def places_of(course: Course) -> Places:
    """The sample's visits lie in one frame."""
    return {one.key: one.centroid_mm for at in course.visits for one in at.lesions}


def with_lesion(course: Course, lesion: Lesion) -> Course:
    visits = list(course.visits)
    findings = visits[lesion.visit]
    kept = [lesion if one.key == lesion.key else one for one in findings.lesions]
    visits[lesion.visit] = replace(findings, lesions=tuple(kept))
    return replace(course, visits=tuple(visits))


def test_links_that_fit_are_left_alone(course: Course) -> None:
    assert exchanges(course, places_of(course)) == []
    assert gaps(course, places_of(course)) == []


def test_a_non_target_that_grew_is_asked_about_with_both_answers(samples: ModuleType) -> None:
    course: Course = samples.sample(visits=2, tracks=5).course
    track = next(one for one in course.tracks if {0, 1} == {visit for visit, _ in one.lesions})
    name = f"T{track.number}"
    response = replace(course.responses[-1], category="SD", grown_non_targets=(name,))
    asked = replace(course, responses=(*course.responses[:-1], response))
    (doubt,) = (d for d in worklist(asked, places_of(course)) if "non-target, grew" in d.title)
    last = next(key for key in track.lesions if key[0] == 1)
    assert doubt.lesion == last
    assert [answer.statements for answer in doubt.answers] == [
        (Statement(Action.PROGRESSION, last),),
        (Statement(Action.NO_PROGRESSION, last),),
    ]
    assert cause(course, response).endswith(f"but non-target {name} grew: progression?")
    progressed = replace(asked, responses=(replace(response, category="PD"),))
    titles = [doubt.title for doubt in worklist(progressed, places_of(course))]
    assert not any("non-target, grew" in title for title in titles)


def test_an_exchanged_pair_is_seen_and_put_right_by_one_answer(course: Course) -> None:
    one, other, *rest = course.edges
    turned = (replace(one, later=other.later), replace(other, later=one.later))
    doubts = exchanges(replace(course, edges=(*turned, *rest)), places_of(course))
    (doubt,) = doubts
    put_right, as_it_is = doubt.answers
    assert set(put_right.statements) == {
        Statement(Action.REMOVE, one.earlier, other.later),
        Statement(Action.REMOVE, other.earlier, one.later),
        Statement(Action.ADD, one.earlier, one.later),
        Statement(Action.ADD, other.earlier, other.later),
    }
    assert {said.action for said in as_it_is.statements} == {Action.ADD}


def test_a_pair_is_not_compared_where_a_visit_is_not_aligned(course: Course) -> None:
    one, other, *rest = course.edges
    turned = (replace(one, later=other.later), replace(other, later=one.later))
    findings = course.visits[1]
    assert findings.registration is not None
    lost = replace(findings.registration, is_reliable=False, reason="it lies badly")
    visits = (course.visits[0], replace(findings, registration=lost))
    doubtful = replace(course, edges=(*turned, *rest), visits=visits)
    assert exchanges(doubtful, places_of(course)) == []


def test_a_tumour_that_ends_where_another_begins_may_be_one(course: Course) -> None:
    whole = next(track for track in course.tracks if len(track.lesions) == 2)
    first, last = whole.lesions
    others = [track for track in course.tracks if track is not whole]
    ended = replace(whole, lesions=(first,), state=TrackState.DISAPPEARED)
    begun = Track(99, (last,), TrackState.NEW)
    edges = tuple(edge for edge in course.edges if edge.earlier != first)
    apart = replace(course, tracks=(*others, ended, begun), edges=edges)
    (doubt,) = gaps(apart, places_of(course))
    assert doubt.answers[0].statements == (Statement(Action.ADD, first, last),)
    assert doubt.answers[1].statements == (Statement(Action.REMOVE, first, last),)


def test_what_may_be_none_is_none_at_every_visit(course: Course) -> None:
    tracks = list(course.tracks)
    k = next(k for k, track in enumerate(tracks) if len(track.lesions) == 2)
    tracks[k] = replace(tracks[k], state=TrackState.UNCERTAIN, reason="it is small")
    doubts = possible_non_tumors(replace(course, tracks=tuple(tracks)))
    doubt = next(one for one in doubts if one.text == "it is small")
    said = tuple(Statement(Action.NONE, key) for key in tracks[k].lesions)
    assert doubt.answers[0] == Answer("is no tumour (2 visits)", said)


def test_fluid_and_unlikely_tumours_are_asked_about(course: Course) -> None:
    seen = next(track for track in course.tracks if len(track.lesions) == 2)
    before = len(possible_non_tumors(course))
    dark = unlikely = course
    for key in seen.lesions:
        lesion = course.lesion(key)
        dark = with_lesion(
            dark, replace(lesion, measurement=replace(lesion.measurement, mean_hu=12.0))
        )
        unlikely = with_lesion(unlikely, replace(lesion, tumor_probability=0.2))
    assert "as dark as fluid, 12 HU" in {one.text for one in possible_non_tumors(dark)}
    texts = [one.text for one in possible_non_tumors(unlikely)]
    assert len(texts) == before + 1 and any("20 % likely a tumour" in text for text in texts)


def test_a_progression_is_the_first_thing_to_look_at(samples: ModuleType) -> None:
    course: Course = samples.sample(visits=3, tracks=8).course
    last = course.responses[-1]
    new = next(track for track in course.tracks if track.lesions[0][0] > 0)
    progressed = replace(
        last, category="PD", new_lesion=True, new_lesions=(f"T{new.number}",), doubt=None
    )
    first = worklist(replace(course, responses=(progressed,)), places_of(course))[0]
    assert first.title == f"T{new.number} makes the PD" and f"T{new.number}" in first.text
    said = {one.action for answer in first.answers for one in answer.statements}
    assert said == {Action.NONE, Action.NEW}


def test_several_that_may_be_none_have_one_answer_together(course: Course) -> None:
    tracks = tuple(
        replace(track, state=TrackState.UNCERTAIN, reason=f"reason {track.number}")
        for track in course.tracks
    )
    doubts = worklist(replace(course, tracks=tracks), places_of(course))
    (together,) = [one for one in doubts if "may be none" in one.title]
    said = {one.lesion for one in together.answers[0].statements}
    assert said == {key for track in tracks for key in track.lesions}


def test_no_tumour_is_called_none_before_its_links_are_settled(course: Course) -> None:
    """One click each on both proposals would take the other tumour's lesion out."""
    places = places_of(course)
    one, other, *rest = course.edges
    turned = (replace(one, later=other.later), replace(other, later=one.later))
    by_key = {key: track for track in course.tracks for key in track.lesions}
    tracks = [t for t in course.tracks if not {one.earlier, other.earlier} & set(t.lesions)]
    for edge in turned:
        crossed = replace(by_key[edge.earlier], lesions=(edge.earlier, edge.later))
        tracks.append(replace(crossed, state=TrackState.UNCERTAIN, reason="faint"))
    doubts = worklist(replace(course, edges=(*turned, *rest), tracks=tuple(tracks)), places)
    said = [s for doubt in doubts for answer in doubt.answers for s in answer.statements]
    taken_out = {s.lesion for s in said if s.action is Action.NONE}
    assert not taken_out & {one.earlier, one.later, other.earlier, other.later}
    assert sum("settle that first" in doubt.text for doubt in doubts) == 2


def test_a_doubtful_link_is_answered_at_once(course: Course) -> None:
    first, *rest = course.edges
    doubtful = Edge(first.earlier, first.later, Event.SAME, first.cost, "auto", 0.4)
    doubts = worklist(replace(course, edges=(doubtful, *rest)), places_of(course))
    (doubt,) = [one for one in doubts if "is it the same?" in one.title]
    assert [one.label for one in doubt.answers] == ["wrong", "right"]
