"""What a reader should look at first, most doubtful first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lvt_track.core.course import Course
from lvt_track.core.lesion.lesion import Lesion, TrackState
from lvt_track.report.timelines import change_percent, timelines
from lvt_track.report.verdicts import settling_sentence
from lvt_track.report.wording import latest_responses, percent, tumor_percent

__all__ = ["Doubt", "worklist"]

SURE_LINK = 0.7
"""Links of less confidence are listed."""

_JUMP = 4.0
"""A volume that changes by this factor from one visit to the next is listed."""


@dataclass(frozen=True)
class Doubt:
    """One thing to look at.

    Attributes:
        title: in few words.
        text: why.
        lesion: key (visit, label) of the lesion to show; None for a visit as a whole.
        visit: the visit.
    """

    title: str
    text: str
    lesion: tuple[int, int] | None
    visit: int


def worklist(course: Course) -> tuple[Doubt, ...]:
    """What settles the last responses, visits that lie badly, links, doubtful tumours, jumps."""
    return (
        *_settling(course),
        *_visits(course),
        *_links(course),
        *_uncertain(course),
        *_jumps(course),
    )


def _settling(course: Course) -> list[Doubt]:
    """The one thing that is likeliest to change each of the last responses."""
    visits = {findings.visit.date: k for k, findings in enumerate(course.visits)}
    doubts: dict[tuple[int, str], Doubt] = {}
    for response in latest_responses(course):
        if response.doubt is None or response.doubt.settling is None:
            continue
        settling = response.doubt.settling
        visit = visits[settling.date]
        number = re.match(r"T(\d+)", settling.lesion)
        tracks = [one for one in course.tracks if number and one.number == int(number[1])]
        keys = [key for track in tracks for key in track.lesions if key[0] == visit]
        text = f"{response.criterion}, now {response.category}: {settling_sentence(response)}"
        known = doubts.get((visit, settling.lesion))
        title = f"{settling.lesion} settles the response"
        text = f"{known.text} {text}" if known else text
        doubts[visit, settling.lesion] = Doubt(title, text, keys[0] if keys else None, visit)
    return list(doubts.values())


def _visits(course: Course) -> list[Doubt]:
    return [
        Doubt(
            f"{findings.visit.name} could not be aligned",
            f"{findings.registration.reason}; its lesions are linked to none",
            None,
            k,
        )
        for k, findings in enumerate(course.visits)
        if findings.registration is not None and not findings.registration.is_reliable
    ]


def _links(course: Course) -> list[Doubt]:
    doubtful = [
        edge
        for edge in course.edges
        if edge.source == "auto" and edge.confidence is not None and edge.confidence < SURE_LINK
    ]
    doubtful.sort(key=lambda edge: edge.confidence or 0.0)
    return [
        Doubt(
            f"T{course.track_of(edge.later).number}: is it the same?",
            f"link from {course.visits[edge.earlier[0]].visit.name} to "
            f"{course.visits[edge.later[0]].visit.name}, confidence {edge.confidence:.2f}",
            edge.later,
            edge.later[0],
        )
        for edge in doubtful
    ]


def _uncertain(course: Course) -> list[Doubt]:
    return [
        Doubt(
            f"T{track.number}: is it new?",
            _with_probability(track.reason, course.lesion(track.lesions[0])),
            track.lesions[0],
            track.lesions[0][0],
        )
        for track in course.tracks
        if track.state is TrackState.UNCERTAIN
    ]


def _with_probability(reason: str, lesion: Lesion) -> str:
    if lesion.tumor_probability is None:
        return reason
    return f"{reason}; {tumor_percent(lesion.tumor_probability)} % likely a tumour"


def _jumps(course: Course) -> list[Doubt]:
    doubts = []
    for line in timelines(course):
        for k in range(1, len(line.sightings)):
            if line.sightings[k - 1].is_cut or line.sightings[k].is_cut:
                continue
            before, after = line.sightings[k - 1].volume_ml, line.sightings[k].volume_ml
            if not before or not after or 1 / _JUMP < after / before < _JUMP:
                continue
            change = percent(change_percent(before, after))
            name = course.visits[k].visit.name
            text = f"from {before:.2f} to {after:.2f} mL at {name}: {change}"
            lesion = line.sightings[k].lesions[0]
            doubts.append(Doubt(f"{line.name}: a jump in volume", text, lesion.key, k))
    return doubts
