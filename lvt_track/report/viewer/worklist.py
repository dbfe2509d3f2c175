"""What a reader should look at first, most doubtful first, and what can be said of it at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.course import Course
from lvt_track.core.lesion.lesion import Track, TrackState
from lvt_track.core.response.categories import Standing
from lvt_track.core.response.response import Response
from lvt_track.lesions.corrections.table import Action
from lvt_track.report.timelines import Timeline, change_percent, timelines
from lvt_track.report.verdicts import cause, settling_sentence
from lvt_track.report.viewer.doubts import (
    Answer,
    Doubt,
    Statement,
    linked,
    none_of,
    unlinked,
)
from lvt_track.report.viewer.proposals import (
    Places,
    exchanges,
    gaps,
    possible_non_tumors,
    tumor_answers,
)
from lvt_track.report.wording import latest_responses, percent
from lvt_track.response.standings import standing_of_word

__all__ = ["worklist"]

SURE_LINK = 0.7
"""Links of less confidence are listed."""

_JUMP = 4.0
"""A volume that changes by this factor from one visit to the next is listed."""

_LEAST_TOGETHER = 2

Key = tuple[int, int]

_PROGRESSES = (Standing.PROGRESSION, Standing.UNCONFIRMED)


def worklist(course: Course, places: Places) -> tuple[Doubt, ...]:
    """What makes or settles the last responses, badly aligned visits, links, doubtful tumours.

    Args:
        course: as it is reported.
        places: of lesions in the common frame, by key.
    """
    turned = exchanges(course, places)
    doubts = (
        *_progressions(course),
        *_grown_non_targets(course),
        *_settling(course),
        *_visits(course),
        *turned,
        *_links(course),
        *gaps(course, places),
        *_tumors(course, turned),
        *_jumps(course),
    )
    return _joined(doubts)


def _joined(doubts: tuple[Doubt, ...]) -> tuple[Doubt, ...]:
    """One doubt of those with the same answers, and of those that only say more of a lesion."""
    joined: list[Doubt] = []
    for doubt in doubts:
        for k, one in enumerate(joined):
            is_more = not doubt.answers and doubt.lesion is not None and one.lesion == doubt.lesion
            if is_more or (one.answers and one.answers == doubt.answers):
                if doubt.text not in one.text:
                    joined[k] = replace(one, text=f"{one.text.rstrip('.')}; {doubt.text}")
                break
        else:
            joined.append(doubt)
    return tuple(joined)


def _progressions(course: Course) -> list[Doubt]:
    """What each progression rests on: nobody should sign one unseen."""
    doubts: dict[int, Doubt] = {}
    for response in latest_responses(course):
        if standing_of_word(response.category) not in _PROGRESSES:
            continue
        visit = next(k for k, v in enumerate(course.visits) if v.visit.date == response.date)
        line = _decisive(course, response, visit)
        if line is None:
            continue
        track, lesion = line.track, line.sightings[visit].lesions[0]
        text = f"{response.criterion}: {cause(course, response)}"
        if track.number in doubts:
            text = f"{doubts[track.number].text}; {text}"
        is_new = line.name in response.new_lesions
        answers = tumor_answers(track) if is_new else ()
        title = f"{line.name} makes the {response.category}"
        doubts[track.number] = Doubt(title, text, lesion.key, visit, answers)
    return list(doubts.values())


def _decisive(course: Course, response: Response, visit: int) -> Timeline | None:
    """The largest new tumour, else the one that has grown by most since it was smallest."""
    shown = [line for line in timelines(course) if line.sightings[visit].is_seen]
    new = [line for line in shown if line.name in response.new_lesions]

    def growth_mm(line: Timeline) -> float:
        sizes = [one.diameter_mm for one in line.sightings[: visit + 1] if one.diameter_mm]
        return sizes[-1] - min(sizes)

    if new:
        return max(new, key=lambda line: line.sightings[visit].diameter_mm or 0.0)
    return max(shown, key=growth_mm, default=None)


def _grown_non_targets(course: Course) -> list[Doubt]:
    """Non-targets whose growth makes a progression if a reader calls it unequivocal."""
    doubts: dict[str, Doubt] = {}
    for response in latest_responses(course):
        visit = next(k for k, v in enumerate(course.visits) if v.visit.date == response.date)
        if standing_of_word(response.category) in _PROGRESSES:
            continue
        for name in response.grown_non_targets:
            track = _track_named(course, name)
            keys = [key for key in track.lesions if key[0] == visit] if track else []
            if not keys or name in doubts:
                continue
            doubts[name] = Doubt(
                f"{name}, a non-target, grew: progression?",
                f"{response.criterion}, now {response.category}; {_growth(course, keys[0], visit)}",
                keys[0],
                visit,
                (
                    Answer("unequivocal progression", (Statement(Action.PROGRESSION, keys[0]),)),
                    Answer("no progression", (Statement(Action.NO_PROGRESSION, keys[0]),)),
                ),
            )
    return list(doubts.values())


def _growth(course: Course, lesion: Key, visit: int) -> str:
    """How a tumour and all together grew since the first visit."""
    number = course.track_of(lesion).number
    line = next(line for line in timelines(course) if line.track.number == number)
    sizes = [line.sightings[k].diameter_mm or 0.0 for k in (0, visit)]
    volumes = [course.visits[k].tumors_ml for k in (0, visit)]
    change = percent(change_percent(*volumes))
    return (
        f"from {sizes[0]:.1f} to {sizes[1]:.1f} mm since {course.visits[0].visit.name}, all "
        f"tumours together from {volumes[0]:.1f} to {volumes[1]:.1f} mL ({change})"
    )


def _track_named(course: Course, lesion: str) -> Track | None:
    """The track of a lesion named as reports name it."""
    number = re.match(r"T(\d+)", lesion)
    return next((t for t in course.tracks if number and t.number == int(number[1])), None)


def _settling(course: Course) -> list[Doubt]:
    """The one thing that is likeliest to change each of the last responses."""
    visits = {findings.visit.date: k for k, findings in enumerate(course.visits)}
    doubts: dict[tuple[int, str], Doubt] = {}
    for response in latest_responses(course):
        if response.doubt is None or response.doubt.settling is None:
            continue
        settling = response.doubt.settling
        visit = visits[settling.date]
        track = _track_named(course, settling.lesion)
        keys = [key for key in track.lesions if key[0] == visit] if track else []
        text = f"{response.criterion}, now {response.category}: {settling_sentence(response)}"
        known = doubts.get((visit, settling.lesion))
        title = f"{settling.lesion} settles the response"
        text = f"{known.text} {text}" if known else text
        answers = tumor_answers(track) if track and _is_open(track) else ()
        doubts[visit, settling.lesion] = Doubt(
            title, text, keys[0] if keys else None, visit, answers
        )
    return list(doubts.values())


def _is_open(track: Track) -> bool:
    return track.state is TrackState.UNCERTAIN


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
            (
                unlinked("wrong", (edge.earlier, edge.later)),
                linked("right", (edge.earlier, edge.later)),
            ),
        )
        for edge in doubtful
    ]


def _tumors(course: Course, turned: Sequence[Doubt]) -> list[Doubt]:
    """Tumours that may be none, and before them, where there are several, all at once.

    Of one whose links may be exchanged it is not yet known which lesions are its own.

    Args:
        course: as it is reported.
        turned: links that may be exchanged.
    """
    statements = [said for one in turned for answer in one.answers for said in answer.statements]
    unclear = {course.track_of(said.lesion).number for said in statements}
    doubts, later = [], []
    for one in possible_non_tumors(course):
        if one.lesion is not None and course.track_of(one.lesion).number in unclear:
            text = f"{one.text}; its links may be exchanged: settle that first, and report again"
            later.append(replace(one, text=text, answers=()))
        else:
            doubts.append(one)
    if len(doubts) < _LEAST_TOGETHER:
        return [*doubts, *later]
    tracks = [course.track_of(one.lesion) for one in doubts if one.lesion]
    names = ", ".join(f"T{track.number}" for track in tracks)
    every = [key for track in tracks for key in track.lesions]
    together = Doubt(
        f"{len(tracks)} tumours may be none",
        names,
        None,
        doubts[0].visit,
        (none_of(every, f"{_all(len(tracks))} are no tumours"),),
    )
    return [together, *doubts, *later]


def _all(count: int) -> str:
    return "both" if count == _LEAST_TOGETHER else f"all {count}"


def _jumps(course: Course) -> list[Doubt]:
    """Tumours whose volume changes more than tissue does, with every visit at which it does."""
    doubts = []
    for line in timelines(course):
        jumps = [k for k in range(1, len(line.sightings)) if _is_jump(line, k)]
        if not jumps:
            continue
        texts = []
        for k in jumps:
            before, after = (line.sightings[i].volume_ml or 0.0 for i in (k - 1, k))
            change = percent(change_percent(before, after))
            name = course.visits[k].visit.name
            texts.append(f"from {before:.2f} to {after:.2f} mL at {name}: {change}")
        lesion = line.sightings[jumps[0]].lesions[0]
        title = f"{line.name}: {'a jump' if len(jumps) == 1 else 'jumps'} in volume"
        doubts.append(Doubt(title, "; ".join(texts), lesion.key, lesion.visit))
    return doubts


def _is_jump(line: Timeline, k: int) -> bool:
    before, after = line.sightings[k - 1], line.sightings[k]
    if before.is_cut or after.is_cut or not before.volume_ml or not after.volume_ml:
        return False
    return not 1 / _JUMP < after.volume_ml / before.volume_ml < _JUMP
