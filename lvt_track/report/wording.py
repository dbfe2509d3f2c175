"""The sentences of the report."""

from __future__ import annotations

import re
from collections import Counter

from lvt_track.core.course import Course
from lvt_track.core.records import Lesion, Response, TrackState
from lvt_track.report.timelines import (
    Presence,
    Sighting,
    Timeline,
    change_percent,
    doubling_time_days,
)

__all__ = [
    "MEANINGS",
    "STATE_NAMES",
    "all_warnings",
    "change_lines",
    "counts",
    "is_volumetric",
    "latest_responses",
    "percent",
    "period",
    "reason_sentence",
    "sighting_lines",
    "typeset",
    "verdict",
]

# Keeps a number and its unit on one line.
_NB = "\u00a0"

STATE_NAMES = {
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
    unit = "mL" if is_volumetric(response.criterion) else "mm"
    what = "target volume" if unit == "mL" else "sum of diameters"
    date = response.date.isoformat()
    if response.sum_mm is None:
        return f"On {date} no {what} could be formed."
    sentence = f"On {date} the {what} was {response.sum_mm:.1f}{_NB}{unit}"
    if response.change_from_baseline_percent is not None:
        sentence += f", {percent(response.change_from_baseline_percent)} from baseline"
    if response.change_from_nadir_percent is not None and response.nadir_mm is not None:
        sentence += (
            f" and {percent(response.change_from_nadir_percent)} from the smallest sum before"
            f" ({response.nadir_mm:.1f}{_NB}{unit})"
        )
    return sentence + "."


def reason_sentence(response: Response) -> str:
    """The reason as a sentence; empty where there is none."""
    reason = typeset(response.reason)
    return f"{reason[0].upper()}{reason[1:].rstrip('.')}." if reason else ""


def is_volumetric(criterion: str) -> bool:
    """Whether the sums of a criterion are volumes in mL rather than diameters in mm."""
    return "vol" in criterion.lower()


def counts(course: Course) -> list[tuple[int, str]]:
    """How many tracks there are, and how many in each state; states that are rare only if any."""
    states = Counter(track.state for track in course.tracks)
    always = (TrackState.PERSISTENT, TrackState.NEW, TrackState.DISAPPEARED)
    result = [(len(course.tracks), "tumours in all")]
    result += [
        (states[state], name)
        for state, name in STATE_NAMES.items()
        if states[state] or state in always
    ]
    return result


def all_warnings(course: Course) -> list[str]:
    """Everything a reader must know, the whole course first, then visit by visit."""
    warnings = list(course.warnings)
    for found in course.visits:
        said = list(dict.fromkeys((*found.visit.tracked_series.warnings, *found.warnings)))
        warnings += [f"{found.visit.name}: {warning}" for warning in said]
    return warnings


def sighting_lines(sighting: Sighting) -> tuple[str, ...]:
    """One track at one visit, in a few short lines."""
    if sighting.presence is Presence.NOT_YET:
        return ("–",)
    if not sighting.is_seen:
        return ("not seen",)
    first, *others = (_axes(lesion) for lesion in sighting.lesions)
    more = [f"+{_NB}{axes}" for axes in others[:2]]
    if len(others) > 2:
        more.append(f"+{_NB}{len(others) - 2}{_NB}more")
    volume = f"{sighting.volume_ml:.2f}{_NB}mL"
    word = () if sighting.presence is Presence.FOUND else (sighting.presence.value,)
    return (first, *more, volume, *word)


def _axes(lesion: Lesion) -> str:
    size = lesion.measurement
    return f"{size.long_axis.length_mm:.1f}{_NB}×{_NB}{size.short_axis.length_mm:.1f}"


def change_lines(course: Course, line: Timeline) -> tuple[str, ...]:
    """How a track changed from the first to the last visit that shows it."""
    if len(line.seen) < 2:
        return ("–",)
    first, last = line.first, line.last
    days = (course.visits[line.seen[-1]].visit.date - course.visits[line.seen[0]].visit.date).days
    lines = [
        f"{percent(change_percent(first.diameter_mm, last.diameter_mm))} diameter",
        f"{percent(change_percent(first.volume_ml, last.volume_ml))} volume",
    ]
    doubling = doubling_time_days(first.volume_ml, last.volume_ml, days)
    if doubling is not None:
        lines.append(f"doubles in {doubling:.0f}{_NB}d")
    return tuple(lines)


MEANINGS = (
    (
        "Tumour, lesion, track",
        "A lesion is one connected piece of a visit's tumour mask. A track (T1, T2, …) is one "
        "tumour through time: lesions of several visits that the program holds to be the same. "
        "Where lesions merge or split, all of them belong to one track. Links are made after the "
        "scans were brought onto each other; check them in the key images, above all where the "
        "registration is called unreliable.",
    ),
    (
        "Long and short axis",
        "The long axis is the longest straight line between two points of the outline in any "
        "acquired slice; the short axis is the longest one at a right angle to it in that slice. "
        "Where a track has several lesions at a visit, its diameter is the sum of their long "
        "axes, as RECIST 1.1 adds the parts of a lesion that broke up. Two readers of the same "
        "scan differ by −22 to +25 % for one lesion and by −19 to +20 % for a sum (95 % limits of "
        "agreement, pooled over twelve studies: Yoon et al., Eur J Cancer 2016); a smaller change "
        "may be no change.",
    ),
    (
        "Volume, burden, doubling time",
        "A volume is the number of voxels times the volume of one. It rests on the mask and on "
        "the slice thickness: slices of 10 mm instead of 0.6 mm made livers 4 % smaller (Hori et "
        "al., Liver Transpl 2011), and a tumour of a few slices can change by much more. Burden "
        "is tumour volume as a share of liver volume, tumours included. The doubling time "
        "assumes exponential growth from the first to the last visit that shows the tumour; it is "
        "given only for tumours that grew.",
    ),
    (
        "Response",
        "Categories are computed from the measured lesions by the rules of the criterion named: "
        "CR complete response, PR partial response, SD stable disease, PD progressive disease, "
        "NE not evaluable. The choice of target lesions is automatic. Disease outside the liver, "
        "lymph nodes, symptoms and treatment are unknown to this program; it cannot tell a true "
        "progression from an effect of treatment, and no response here is a diagnosis.",
    ),
    (
        "Not seen",
        "“Not seen” means that the mask of that visit holds no lesion at the place. The tumour "
        "may be gone, too small, hidden by another contrast phase, outside the scan, or missed "
        "by the model. “New” means likewise that no earlier mask shows it, not that it was not "
        "there.",
    ),
    (
        "Masks",
        "Masks come from the model named on the first page unless the table of scans says "
        "“given”. A model misses small and faint tumours and takes some cysts, vessels and "
        "partial volumes for tumours. Nothing in this report has been checked by a radiologist "
        "unless they say so.",
    ),
)
"""Heading and text of each part of the last page."""
