"""The sentences of the report."""

from __future__ import annotations

import re
from collections import Counter

from lvt_track.core.course import Course
from lvt_track.core.lesion.lesion import Lesion, TrackState
from lvt_track.core.quantities import sized
from lvt_track.core.response.response import Response
from lvt_track.report.timelines import (
    Presence,
    Sighting,
    Timeline,
    change_percent,
    doubling_time_days,
)

__all__ = [
    "all_warnings",
    "change_lines",
    "counts",
    "latest_responses",
    "likely_line",
    "percent",
    "period",
    "reason_sentence",
    "reason_text",
    "sighting_lines",
    "state_name",
    "sum_name",
    "tumor_line",
    "tumor_percent",
    "typeset",
    "verdict",
]

# Keeps a number and its unit on one line.
_NB = "\u00a0"

_STATE_NAMES = {
    TrackState.PERSISTENT: "persistent",
    TrackState.NEW: "new",
    TrackState.DISAPPEARED: "not seen any more",
    TrackState.REAPPEARED: "seen again",
    TrackState.SPLIT: "split",
    TrackState.MERGED: "merged",
    TrackState.UNCERTAIN: "uncertain",
}


def percent(value: float | None) -> str:
    """A change as `+12 %`, with a true minus; a dash where there is none."""
    if value is None:
        return "–"
    rounded = typeset(f"{value:+.0f}")
    return f"{'0' if rounded in ('+0', '−0') else rounded}{_NB}%"


def typeset(text: str) -> str:
    """Words of a table as a report prints them: true minus signs, dates and hyphens as they are."""
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def period(course: Course) -> str:
    """The dates the course covers."""
    first, last = course.visits[0].visit, course.visits[-1].visit
    if len(course.visits) == 1:
        return f"1 visit, {first.name}"
    days = (last.date - first.date).days
    return f"{len(course.visits)} visits, {first.name} to {last.name} ({days} days)"


def latest_responses(course: Course) -> tuple[Response, ...]:
    """The last response by each criterion, in the order of the course."""
    last: dict[str, Response] = {}
    for response in course.responses:
        known = last.get(response.criterion)
        if known is None or response.date >= known.date:
            last[response.criterion] = response
    return tuple(last.values())


def verdict(response: Response) -> str:
    """One sentence: the sum and how it changed."""
    what = sum_name(response.unit)
    date = response.date.isoformat()
    if response.total is None:
        return f"On {date} no {what} could be formed."
    sentence = f"On {date} the {what} was {_sized(response.total, response.unit)}"
    if response.change_from_baseline_percent is not None:
        sentence += f", {percent(response.change_from_baseline_percent)} from baseline"
    if response.change_from_nadir_percent is not None and response.nadir is not None:
        sentence += (
            f" and {percent(response.change_from_nadir_percent)} from the smallest sum before"
            f" ({_sized(response.nadir, response.unit)})"
        )
    return sentence + "."


def reason_sentence(response: Response) -> str:
    """The reason as a sentence; empty where there is none."""
    reason = reason_text(response)
    return f"{reason[0].upper()}{reason[1:].rstrip('.')}." if reason else ""


def reason_text(response: Response) -> str:
    """The reason as a report prints it: several new lesions in the plural."""
    return re.sub(r"(?i)(new lesion) (?=[^;,(]+(\([^)]*\))?, T)", r"\1s ", typeset(response.reason))


def sum_name(unit: str) -> str:
    """What a criterion adds up, by the unit of its sums."""
    names = {"mL": "target volume", "mm²": "sum of products of diameters"}
    return names.get(unit, "sum of diameters")


def _sized(value: float, unit: str) -> str:
    """A size with its unit, on one line."""
    return sized(value, unit).replace(" ", _NB)


def state_name(course: Course, state: TrackState) -> str:
    """A state in words; empty where nothing can persist, since there is one visit alone."""
    is_first_look = state is TrackState.PERSISTENT and len(course.visits) == 1
    return "" if is_first_look else _STATE_NAMES[state]


def counts(course: Course) -> list[tuple[int, str]]:
    """How many tracks there are, and how many in each state; states that are rare only if any."""
    states = Counter(track.state for track in course.tracks if state_name(course, track.state))
    usual = (TrackState.PERSISTENT, TrackState.NEW, TrackState.DISAPPEARED)
    always = usual if len(course.visits) > 1 and course.tracks else ()
    count = len(course.tracks)
    result = [(count, "tumour in all" if count == 1 else "tumours in all")]
    result += [
        (states[state], "new since the first scan" if state is TrackState.NEW else name)
        for state, name in _STATE_NAMES.items()
        if states[state] or state in always
    ]
    return result


def all_warnings(course: Course) -> list[str]:
    """Everything a reader must know, the whole course first, then visit by visit.

    What is said of several visits in the same words is said once, with all their dates.
    """
    dates: dict[str, list[str]] = {}
    for findings in course.visits:
        for text in dict.fromkeys((*findings.visit.tracked_series.warnings, *findings.warnings)):
            dates.setdefault(text, []).append(findings.visit.name)
    return [*course.warnings, *(f"{', '.join(named)}: {text}" for text, named in dates.items())]


def sighting_lines(sighting: Sighting, state: TrackState) -> tuple[str, ...]:
    """One track at one visit, in a few short lines; one that is uncertain is not called new."""
    if sighting.presence is Presence.NOT_YET:
        return ("–",)
    if not sighting.is_seen:
        return ("not seen",)
    first, *others = (_axes(lesion) for lesion in sighting.lesions)
    more = [f"+{_NB}{axes}" for axes in others[:2]]
    if len(others) > 2:
        more.append(f"+{_NB}{len(others) - 2}{_NB}more")
    volume = _sized(sighting.volume_ml or 0.0, "mL")
    if sighting.is_cut:
        more.append("the scan ends in it")
    if sighting.presence is Presence.SEEN:
        return (first, *more, volume)
    is_open = sighting.presence is Presence.NEW and state is TrackState.UNCERTAIN
    return (first, *more, volume, "possibly new" if is_open else sighting.presence.value)


def _axes(lesion: Lesion) -> str:
    size = lesion.measurement
    return f"{size.long_axis.length_mm:.1f}{_NB}×{_NB}{size.short_axis.length_mm:.1f}"


def likely_line(sighting: Sighting) -> tuple[str, ...]:
    """Between which diameters the true one lies in 95 of 100 cases; nothing where unknown."""
    interval = sighting.diameter_95
    if interval is None:
        return ()
    return (f"95{_NB}%:{_NB}{interval.low:.0f}–{interval.high:.0f}{_NB}mm",)


def tumor_line(sighting: Sighting) -> tuple[str, ...]:
    """How likely it is that what a model drew is a tumour; nothing where unknown."""
    known = (one.tumor_probability for one in sighting.lesions)
    # Of several lesions one that is a tumour makes the track one.
    each = [one for one in known if one is not None]
    if not each:
        return ()
    return (f"tumour:{_NB}{tumor_percent(max(each))}{_NB}%",)


def tumor_percent(probability: float) -> str:
    """A probability in percent, no digit more than is known of it.

    >>> tumor_percent(0.618), tumor_percent(0.997), tumor_percent(0.003)
    ('62', 'over 99', 'under 1')
    """
    percents = round(100 * probability)
    if percents > 99 or percents < 1:
        return "over 99" if percents > 99 else "under 1"
    return str(percents)


def change_lines(course: Course, line: Timeline) -> tuple[str, ...]:
    """How a track changed from the first to the last visit that shows it; whether it is gone."""
    gone = () if line.is_seen_last else ("not seen any more",)
    if len(line.seen) < 2:
        return gone or ("–",)
    if not line.is_comparable:
        return (*gone, "not comparable: a scan ends in it")
    first, last = line.first, line.last
    days = (course.visits[line.seen[-1]].visit.date - course.visits[line.seen[0]].visit.date).days
    before = "before: " if gone else ""
    lines = [
        *gone,
        f"{before}{percent(change_percent(first.diameter_mm, last.diameter_mm))} diameter",
        f"{percent(change_percent(first.volume_ml, last.volume_ml))} volume",
    ]
    doubling = doubling_time_days(first.volume_ml, last.volume_ml, days)
    if doubling is not None:
        lines.append(f"doubles in {doubling:.0f}{_NB}d")
    return tuple(lines)
