"""What decided a response, in the few words that stand first in a report."""

from __future__ import annotations

import math

from lvt_track.core.course import Course
from lvt_track.core.quantities import sized
from lvt_track.core.response.categories import Standing
from lvt_track.core.response.response import Response
from lvt_track.report.timelines import timelines
from lvt_track.report.wording import percent, sum_name
from lvt_track.response.standings import standing_of_word

__all__ = ["cause", "doubt_sentence", "settling_sentence"]

_NB = "\u00a0"
_MOST_NAMED = 3
_PROGRESSES = (Standing.PROGRESSION, Standing.UNCONFIRMED)


def cause(course: Course, response: Response) -> str:
    """Why the category is what it is: new tumours by name and size, or how the sum changed.

    Args:
        course: with its tracks.
        response: of one of its visits.
    """
    change = response.change_from_baseline_percent
    match standing_of_word(response.category):
        case Standing.PROGRESSION | Standing.UNCONFIRMED:
            return _progression(course, response)
        case Standing.COMPLETE:
            return "no target or other lesion is left"
        case Standing.PARTIAL | Standing.STABLE if change is not None:
            return f"{sum_name(response.unit)} {percent(change)} from baseline{_unjudged(response)}"
        case Standing.BASELINE if response.total is not None:
            return f"{sum_name(response.unit)} {sized(response.total, response.unit)}"
        case Standing.UNKNOWN:
            return "not evaluable"
    return ""


def _unjudged(response: Response) -> str:
    """The non-targets whose growth a reader must judge."""
    names = response.grown_non_targets
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f", but non-target {', '.join(names[:_MOST_NAMED])}{more} grew: progression?"


def _progression(course: Course, response: Response) -> str:
    """What progresses; where nothing does by itself, such as confirmation, the rule's words."""
    parts = []
    if response.new_lesion:
        parts.append(_new_tumors(course, response))
    if standing_of_word(response.target) in _PROGRESSES:
        parts.append(_grown_targets(response))
    if standing_of_word(response.non_target) in _PROGRESSES:
        parts.append("non-target lesions progress")
    return "; ".join(parts) or response.reason


def _grown_targets(response: Response) -> str:
    """How the targets progressed; there is no share of a smallest sum of 0."""
    change = response.change_from_nadir_percent
    if change is not None:
        return f"{sum_name(response.unit)} {percent(change)} from the smallest before"
    return "target lesions came back" if response.nadir == 0 else "target lesions progress"


def _new_tumors(course: Course, response: Response) -> str:
    """The new tumours that count and that the visit shows, largest first."""
    visit = next(i for i, v in enumerate(course.visits) if v.visit.date == response.date)
    new = [
        (line.sightings[visit].diameter_mm or 0.0, line.name)
        for line in timelines(course)
        if line.sightings[visit].is_seen and line.name in response.new_lesions
    ]
    if not new:
        return "new lesion"
    new.sort(key=lambda one: -one[0])
    if len(new) == 1:
        alone = ", drawn by a model alone" if response.lone_find else ""
        return f"new {new[0][1]}, {new[0][0]:.1f}{_NB}mm{alone}"
    named = ", ".join(f"{name} {size:.1f}{_NB}mm" for size, name in new[:_MOST_NAMED])
    if len(new) > _MOST_NAMED:
        return f"{len(new)} new tumours, largest {named}"
    return f"new {named}"


def doubt_sentence(response: Response) -> str:
    """How sure the category is, in one sentence; empty where that was not asked for."""
    doubt = response.doubt
    if doubt is None:
        return ""
    share = doubt.share_of(response.category)
    # Never rounded up to all of them.
    part = "all" if share == 1 else f"{math.floor(100 * share)}{_NB}%"
    parts = [f"{response.category} in {part} of {doubt.draws:,} draws"]
    if doubt.choices:
        sampled = doubt.choices < doubt.choices_possible
        of = f"{doubt.choices} sampled of {doubt.choices_possible:,}" if sampled else doubt.choices
        parts.append(f"in {doubt.choices_alike} of {of} admissible choices of targets")
    return f"{'; '.join(parts)}."


def settling_sentence(response: Response) -> str:
    """What would settle the category, as a sentence; empty where no one thing changes it."""
    settling = response.doubt.settling if response.doubt else None
    return f"{settling.words[0].upper()}{settling.words[1:]}." if settling else ""
