"""What decided a response, in the few words that stand first in a report."""

from __future__ import annotations

from lvt_track.core.course import Course
from lvt_track.core.records import Response, TrackState
from lvt_track.report.timelines import timelines
from lvt_track.report.wording import is_volumetric, percent

__all__ = ["cause"]

_NB = "\u00a0"
_MOST_NAMED = 3


def cause(course: Course, response: Response) -> str:
    """Why the category is what it is: new tumours by name and size, or how the sum changed.

    Args:
        course: with its tracks.
        response: of one of its visits.
    """
    parts = []
    if response.category == "PD":
        if response.new_lesion:
            parts.append(_new_tumors(course, response))
        if response.target == "PD":
            parts.append(f"{_sum_name(response)} {percent(response.change_from_nadir_percent)}")
            parts[-1] += " from the smallest before"
        if response.non_target == "PD":
            parts.append("non-target lesions progress")
        return "; ".join(parts)
    if response.category == "CR":
        return "no target or other lesion is left"
    if response.category in ("PR", "SD") and response.change_from_baseline_percent is not None:
        return (
            f"{_sum_name(response)} {percent(response.change_from_baseline_percent)} from baseline"
        )
    if response.category == "Baseline" and response.sum_mm is not None:
        unit = "mL" if is_volumetric(response.criterion) else "mm"
        return f"{_sum_name(response)} {response.sum_mm:.1f}{_NB}{unit}"
    if response.category == "NE":
        return "not evaluable"
    return ""


def _sum_name(response: Response) -> str:
    return "target volume" if is_volumetric(response.criterion) else "sum of diameters"


def _new_tumors(course: Course, response: Response) -> str:
    """The tumours that a visit shows and the first one does not, largest first."""
    visit = next(i for i, v in enumerate(course.visits) if v.visit.date == response.date)
    new = [
        (line.sightings[visit].diameter_mm or 0.0, line.name)
        for line in timelines(course)
        if line.seen[0] > 0
        and line.sightings[visit].is_seen
        and line.track.state is not TrackState.UNCERTAIN
    ]
    if not new:
        return "new lesion"
    new.sort(key=lambda one: -one[0])
    named = ", ".join(f"{name} {size:.1f}{_NB}mm" for size, name in new[:_MOST_NAMED])
    if len(new) > _MOST_NAMED:
        return f"{len(new)} new tumours, largest {named}"
    return f"new {named}"
