"""New tumours on a model's word alone that may be none: fragments, spots drawn once, known places.

A new tumour means progression, and a model errs: it draws a piece at the edge of a large tumour
apart from it, a spot at one visit that no other visit shows, at one visit what looked the same
at the visit before and was not drawn there, or a known tumour that was away and has come back. A
reader's masks are believed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from lvt_track.core.course import CHANGED_RATE, LookBack, Visibility
from lvt_track.core.lesion.lesion import Lesion, Track, TrackState
from lvt_track.lesions.components import LesionShape, ShapeTable
from lvt_track.lesions.frame import PointMap, are_aligned, shows_place
from lvt_track.lesions.lookback.search import VISIBLE_RATE
from lvt_track.lesions.matching.events import confirming_visit

__all__ = ["FRAGMENT_GAP_MM", "FRAGMENT_RATIO", "ModelFinds", "doubt_model_finds"]

FRAGMENT_GAP_MM = 3.0
"""A fragment lies this near to the tumour that it may be a piece of."""

FRAGMENT_RATIO = 4.0
"""That tumour is by so much larger: of two alike neither is a fragment."""

_BEYOND = 0.7
_INSIDE_SHARE = 0.5


@dataclass(frozen=True)
class ModelFinds:
    """What the lesions of a course rest on.

    Attributes:
        lesions: of each visit.
        shapes: of the lesions, by key.
        dates: of each visit.
        is_drawn: whether a model drew the tumours of each visit.
        looks: at the places of later tumours in the scans before.
        still_shown: numbers of tracks that one visit alone has, though the next one's scan shows
            them.
    """

    lesions: Sequence[Sequence[Lesion]]
    shapes: ShapeTable
    dates: Sequence[dt.date]
    is_drawn: Sequence[bool]
    looks: Sequence[LookBack] = ()
    still_shown: Collection[int] = ()


def doubt_model_finds(
    tracks: Sequence[Track], finds: ModelFinds, frame: PointMap
) -> tuple[Track, ...]:
    """The tracks, where one that begins with a model's find of such a kind is uncertain.

    What a reader calls new is left alone, and so is what is uncertain already. A place that looked
    the same before, or that is no plain liver in one of the scans, is in doubt until the tumour
    there is measurable and has clearly grown; growth proves nothing of what the scan before shows
    most of. What one visit alone has is new where the next scan shows it and its place has changed
    since the scan before. A tumour of any visit is uncertain that has not
    clearly grown and of which every scan says that it may be none, see `lookalikes`.

    Args:
        tracks: as matching gives them.
        finds: their lesions.
        frame: the registration of the visits.
    """
    by_key = {lesion.key: lesion for at in finds.lesions for lesion in at}
    first_of = {key: track.lesions[0][0] for track in tracks for key in track.lesions}
    same = {look.track: look for look in finds.looks if _speaks_against(look)}
    doubted = []
    for track in tracks:
        first = track.lesions[0][0]
        is_open = first > 0 and finds.is_drawn[first] and not track.is_new_by_reader
        against = "" if track.is_new_by_reader or track.role else _lookalike(track, by_key)
        if against:
            track = _doubted(track, against)
        elif is_open and track.state is not TrackState.UNCERTAIN:
            reason = (
                _fragment(track, by_key, first_of, finds, frame)
                or _in_known(track, by_key, finds, frame)
                or _once(track, by_key, finds, frame)
                or _came_back(track, finds)
            )
            if reason:
                track = _doubted(track, reason)
            elif track.number in same:
                reason = _not_shown_new(same[track.number], finds)
                was_there = same[track.number].was_there
                grown = None if was_there else confirming_visit(track.lesions, by_key)
                track = _doubted(track, reason) if grown is None else _settled(track, reason, grown)
            if track.state is TrackState.DISAPPEARED and _is_still_shown(track, finds):
                track = _not_gone(track, finds.dates)
        doubted.append(track)
    return tuple(doubted)


def _is_still_shown(track: Track, finds: ModelFinds) -> bool:
    """Whether a tumour that one visit alone has came before it, and is there at the next."""
    has_changed = any(look.track == track.number and look.has_changed for look in finds.looks)
    return has_changed and track.number in finds.still_shown


def _not_gone(track: Track, dates: Sequence[dt.date]) -> Track:
    after = track.lesions[0][0] + 1
    event = f"not drawn {dates[after]}, whose scan still shows it"
    events = tuple(one for one in track.events if one != f"not seen {dates[after]}")
    # Whether it is there at the visits after that, nobody looked.
    state = TrackState.NEW if after == len(dates) - 1 else track.state
    return replace(track, state=state, events=(*events, event))


def _speaks_against(look: LookBack) -> bool:
    return look.is_hidden or look.has_changed is False or look.stands_out is False


def _lookalike(track: Track, by_key: Mapping[tuple[int, int], Lesion]) -> str:
    """What the scans say against a tumour, where all do and it has not clearly grown."""
    doubts = [by_key[key].doubt for key in track.lesions]
    if not all(doubts) or confirming_visit(track.lesions, by_key) is not None:
        return ""
    return f"a model drew it: {doubts[0]}"


def _doubted(track: Track, reason: str) -> Track:
    words = f"{track.reason}; {reason}" if track.reason else reason
    return replace(track, state=TrackState.UNCERTAIN, reason=words, confirmed=None)


def _settled(track: Track, reason: str, visit: int) -> Track:
    words = f"{track.reason}; {reason}" if track.reason else reason
    return replace(track, reason=words, confirmed=max(visit, track.confirmed or 0))


def _came_back(track: Track, finds: ModelFinds) -> str:
    """Why a tumour was there and away before a model drew it; empty where no scan says so.

    Each further scan that is looked at adds a chance of a false alarm: the limit is shared by them.
    """
    looks = sorted(
        (
            look
            for look in finds.looks
            if look.track == track.number and look.verdict is not Visibility.NOT_COVERED
        ),
        key=lambda look: look.visit,
    )
    away = [look.visit for look in looks if look.verdict is Visibility.NOT_VISIBLE]
    for look in looks:
        rate = 1.0 if look.false_alarm_rate is None else look.false_alarm_rate
        is_shown = look.verdict is Visibility.VISIBLE and rate <= VISIBLE_RATE / len(looks)
        if is_shown and away and look.visit < away[-1]:
            return (
                f"a model drew it, and the scan of {finds.dates[look.visit]} may show it already, "
                f"that of {finds.dates[away[-1]]} does not: it may have come back ({look.reason})"
            )
    return ""


def _not_shown_new(look: LookBack, finds: ModelFinds) -> str:
    """Why what looked the same before, or cannot be compared, is not new."""
    if look.is_hidden:
        return (
            f"a model drew it where vessels or the liver's edge leave too little to compare with "
            f"{finds.dates[look.visit]}: the scans do not show whether it is new"
        )
    change_hu, rate = look.change_hu or 0.0, look.change_rate or 0.0
    if look.stands_out is False:
        return (
            "a model drew it where the scan shows nothing that stands out: "
            f"{round(look.found_contrast_hu or 0.0):+d} HU against the liver around it"
        )
    if rate <= CHANGED_RATE and look.was_there:
        return (
            f"a model drew it, and did not at {finds.dates[look.visit]}, whose scan shows most of "
            f"it already: {round(change_hu):+d} of its {round(look.found_contrast_hu or 0.0):+d} "
            "HU have come since"
        )
    if rate <= CHANGED_RATE:
        became = "brighter" if change_hu > 0 else "darker"
        return (
            f"a model drew it, and its place has become {became} since {finds.dates[look.visit]} "
            "while it is the reverse: something has gone there"
        )
    return (
        f"a model drew it, and did not at {finds.dates[look.visit]}, whose scan looks the same "
        f"there: {round(change_hu):+d} HU since, against the liver around it, and {100 * rate:.0f} "
        "% of control places changed as much"
    )


def _fragment(
    track: Track,
    by_key: Mapping[tuple[int, int], Lesion],
    first_of: Mapping[tuple[int, int], int],
    finds: ModelFinds,
    frame: PointMap,
) -> str:
    """Why a new tumour may be a piece of a known one beside it; empty where it is none."""
    first = track.lesions[0][0]
    start = _largest(track, first, by_key)
    if start.key not in finds.shapes:
        return ""
    for visit in (first, first - 1):
        if visit != first and not are_aligned(visit, first, frame):
            continue
        for other in sorted(finds.lesions[visit], key=lambda one: -one.measurement.volume_ml):
            is_known = first_of.get(other.key, first) < first
            least_ml = FRAGMENT_RATIO * start.measurement.volume_ml
            if not is_known or other.measurement.volume_ml < least_ml:
                continue
            shape = finds.shapes[start.key]
            points_mm = shape.points_mm
            if visit != first:
                points_mm = frame.map_points(points_mm, first, visit)
            gap_mm = _gap_mm(LesionShape(points_mm, shape.grain_mm), finds.shapes[other.key])
            if gap_mm < FRAGMENT_GAP_MM:
                return (
                    f"a model drew it within {FRAGMENT_GAP_MM:.0f} mm of lesion {other.label} of "
                    f"{finds.dates[visit]}, which is {FRAGMENT_RATIO:.0f} times as large or more; "
                    "it may be a piece of it"
                )
    return ""


def _in_known(
    track: Track,
    by_key: Mapping[tuple[int, int], Lesion],
    finds: ModelFinds,
    frame: PointMap,
) -> str:
    """Why a new tumour may be a part of one drawn at its place before; empty where none was."""
    first = track.lesions[0][0]
    start, before = _largest(track, first, by_key), first - 1
    if start.key not in finds.shapes or not are_aligned(before, first, frame):
        return ""
    shape = finds.shapes[start.key]
    points_mm = frame.map_points(shape.points_mm, first, before)
    for other in finds.lesions[before]:
        known = finds.shapes.get(other.key)
        if known is None:
            continue
        nearest_mm, _ = cKDTree(known.points_mm).query(points_mm)
        if np.mean(nearest_mm <= known.grain_mm) >= _INSIDE_SHARE:
            return (
                f"a model drew it where lesion {other.label} of {finds.dates[before]} is drawn; it "
                "may be a part of it"
            )
    return ""


def _once(
    track: Track,
    by_key: Mapping[tuple[int, int], Lesion],
    finds: ModelFinds,
    frame: PointMap,
) -> str:
    """Why a spot that one visit alone shows may be none; empty where no later visit could tell."""
    first, after = track.lesions[0][0], track.lesions[0][0] + 1
    if track.lesions[-1][0] > first or after >= len(finds.dates):
        return ""
    start = _largest(track, first, by_key)
    if _is_still_shown(track, finds) or not shows_place(start, after, frame):
        return ""
    return f"a model drew it at one visit alone; it is not seen at {finds.dates[after]}"


def _largest(track: Track, visit: int, by_key: Mapping[tuple[int, int], Lesion]) -> Lesion:
    lesions = (by_key[key] for key in track.lesions if key[0] == visit)
    return max(lesions, key=lambda lesion: lesion.measurement.volume_ml)


def _gap_mm(one: LesionShape, other: LesionShape) -> float:
    """Distance of two shapes; a surface lies beyond its nearest sample by most of a grain."""
    nearest_mm, _ = cKDTree(other.points_mm).query(one.points_mm)
    return max(0.0, float(np.min(nearest_mm)) - _BEYOND * (one.grain_mm + other.grain_mm))
