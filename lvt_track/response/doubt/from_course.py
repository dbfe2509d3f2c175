"""What is in doubt of a course that lvt followed: what a model drew, and doubtful links."""

from __future__ import annotations

from collections import Counter

from lvt_track.core.course import EDITED, GIVEN, Course
from lvt_track.core.lesion.lesion import Event, Track, TrackState
from lvt_track.response.doubt.doubts import DoubtfulLink, Doubts
from lvt_track.response.pieces import track_name

__all__ = ["doubts_from_course"]

_SURE = 0.99


def doubts_from_course(course: Course) -> Doubts:
    """Who drew the lesions of each visit, which links may be wrong, and what was there before.

    Links count of tumours that the baseline shows and that are one lesion at every visit.

    Args:
        course: with its visits, edges and tracks.
    """
    drawn = frozenset(
        findings.visit.date
        for findings in course.visits
        if findings.sources.get("tumors", GIVEN) not in (GIVEN, EDITED)
    )
    shown = frozenset(
        track_name(track.number)
        for track in course.tracks
        if track.state is TrackState.UNCERTAIN and course.first_visible(track.number) is not None
    )
    links = [link for track in course.tracks for link in _links(course, track)]
    return Doubts(drawn, tuple(links), shown, _tumor_probabilities(course))


def _tumor_probabilities(course: Course) -> dict[str, float]:
    """By name of the tumours that are one lesion at one visit alone, or in doubt at every visit.

    Of several lesions the largest probability counts: focal fat and forks are drawn again.
    """
    told: dict[str, float] = {}
    for track in course.tracks:
        lesions = [course.lesion(key) for key in track.lesions]
        known = [one.tumor_probability for one in lesions if one.tumor_probability is not None]
        is_open = len(lesions) == 1 or all(one.doubt for one in lesions)
        if is_open and len(known) == len(lesions) and not track.is_new_by_reader:
            told[track_name(track.number)] = max(known)
    return told


def _links(course: Course, track: Track) -> list[DoubtfulLink]:
    counts = Counter(visit for visit, _ in track.lesions)
    if counts.get(0) != 1 or max(counts.values()) > 1:
        return []
    return [
        DoubtfulLink(
            track_name(track.number), course.visits[edge.later[0]].visit.date, edge.confidence
        )
        for edge in sorted(course.edges, key=lambda edge: edge.later)
        if edge.later in track.lesions
        and edge.event is Event.SAME
        and edge.confidence is not None
        and edge.confidence < _SURE
    ]
