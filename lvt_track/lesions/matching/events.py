"""Tumours through time: tracks, what became of them, and which "new" ones are not certain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lvt_track.core.course import LookBack, Visibility
from lvt_track.core.lesion.lesion import Edge, Event, Lesion, Track, TrackState
from lvt_track.lesions.corrections.decisions import Decisions
from lvt_track.lesions.frame import PointMap, are_aligned, covers_place, shows_place
from lvt_track.lesions.size import ball_radius_mm

__all__ = [
    "DETECTABLE_MM",
    "MEASURABLE_MM",
    "build_tracks",
    "confirming_visit",
    "doubt_what_was_visible",
]

DETECTABLE_MM = 5.0
"""Below this long axis a lesion may have been there before without being found."""

MEASURABLE_MM = 10.0
"""Below this long axis a liver lesion is too small to measure (RECIST 1.1)."""

SATELLITE_MM = 5.0
"""A small lesion this near to a known one may be a piece of it."""

CONFIRMING_GROWTH_MM = 5.0
"""By so much a lesion that was not sure to be new must grow to be new beyond doubt."""

CONFIRMING_GROWTH_SHARE = 0.2
"""And by this share of its long axis, as RECIST asks of progression."""

_TOUCHING = "one before: perhaps a new tumour touches it"

Key = tuple[int, int]


def build_tracks(
    lesions: Sequence[Sequence[Lesion]],
    edges: Sequence[Edge],
    frame: PointMap,
    dates: Sequence[dt.date],
    decisions: Decisions | None = None,
) -> tuple[Track, ...]:
    """The connected pieces of the lesion graph, each with its state and events.

    A tumour that is first seen after the first visit is `new` only if nothing speaks against
    it: its place was seen before, it is no speck beside a known lesion, it is not so small that
    it may have been overlooked, and the visits are well aligned. Otherwise it is `uncertain`,
    with the reason. A doubt that rests on its size alone ends at the visit at which the tumour is
    measurable and has clearly grown (RECIST 1.1, 4.3.5: follow-up clarifies an equivocal lesion).

    Args:
        lesions: the lesions of each visit.
        edges: which became which.
        frame: the registration of the visits.
        dates: date of each visit.
        decisions: what a reader says of the lesions; called new, a tumour is so without a doubt.
    """
    decisions = decisions or Decisions()
    by_key = {lesion.key: lesion for at in lesions for lesion in at}
    pieces = _pieces(by_key, edges, decisions.united)
    pieces.sort(key=lambda k: (k[0][0], -_start(k, by_key).measurement.volume_ml, k))
    tracks = []
    for number, keys in enumerate(pieces, start=1):
        track_edges = [edge for edge in edges if edge.earlier in set(keys)]
        start = _start(keys, by_key)
        by_reader = start.key in decisions.new
        hidden = "" if by_reader else _hidden(start, frame, dates)
        small = "" if hidden or by_reader else _too_small(start, by_key, frame, dates)
        confirmed = confirming_visit(keys, by_key) if small else None
        is_uncertain = bool(hidden or small) and confirmed is None
        events = _events(keys, track_edges, by_key, frame, dates)
        state = _state(keys, track_edges, frame, by_key, len(dates))
        if is_uncertain:
            state = TrackState.UNCERTAIN
        tracks.append(
            Track(
                number,
                tuple(keys),
                state,
                tuple(events),
                hidden or small,
                confirmed,
                role=next((decisions.roles[key] for key in keys if key in decisions.roles), ""),
                is_new_by_reader=by_reader,
                progressed=frozenset(keys) & decisions.progressed,
                not_progressed=frozenset(keys) & decisions.not_progressed,
                note="; ".join(decisions.notes[key] for key in keys if key in decisions.notes),
            )
        )
    return tuple(tracks)


def doubt_what_was_visible(
    tracks: Sequence[Track], looks: Sequence[LookBack], dates: Sequence[dt.date]
) -> tuple[Track, ...]:
    """The tracks, where one that an earlier scan already shows is uncertain instead of new.

    Only the last earlier scan that covers the place counts: with every further look the chance
    of a false alarm would grow. Where a scan, that one or one before, does not show the tumour, or
    a much fainter spot, and its place has changed since, it is new all the same.

    Args:
        tracks: as `build_tracks` gives them.
        looks: the places of later tumours in earlier scans.
        dates: date of each visit.
    """
    latest: dict[int, LookBack] = {}
    missed: set[int] = set()
    for look in sorted(looks, key=lambda look: look.visit):
        if look.verdict is not Visibility.NOT_COVERED:
            latest[look.track] = look
        if look.is_fainter or (look.verdict is Visibility.NOT_VISIBLE and look.has_changed):
            missed.add(look.track)
    doubted = []
    for track in tracks:
        last = latest.get(track.number)
        is_open = not track.is_new_by_reader and track.number not in missed
        if is_open and last is not None and last.verdict is Visibility.VISIBLE:
            seen = f"the scan of {dates[last.visit]} may show it already: {last.reason}"
            reason = f"{track.reason}; {seen}" if track.reason else seen
            track = replace(track, state=TrackState.UNCERTAIN, reason=reason, confirmed=None)
        doubted.append(track)
    return tuple(doubted)


def _pieces(
    by_key: Mapping[Key, Lesion], edges: Sequence[Edge], united: Sequence[tuple[Key, Key]]
) -> list[list[Key]]:
    parent = {key: key for key in by_key}

    def root(key: Key) -> Key:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for earlier, later in (*((edge.earlier, edge.later) for edge in edges), *united):
        parent[root(later)] = root(earlier)
    pieces: dict[Key, list[Key]] = {}
    for key in sorted(by_key):
        pieces.setdefault(root(key), []).append(key)
    return list(pieces.values())


def _state(
    keys: Sequence[Key],
    edges: Sequence[Edge],
    frame: PointMap,
    by_key: Mapping[Key, Lesion],
    visits: int,
) -> TrackState:
    """What became of the tumour; of several that apply, the one that weighs most."""
    if keys[-1][0] < visits - 1 and shows_place(by_key[keys[-1]], visits - 1, frame):
        return TrackState.DISAPPEARED
    if keys[0][0] > 0:
        return TrackState.NEW
    if any(edge.event is Event.MERGE for edge in edges):
        return TrackState.MERGED
    if any(edge.event is Event.SPLIT for edge in edges):
        return TrackState.SPLIT
    if _was_missed(keys, by_key, frame):
        return TrackState.REAPPEARED
    return TrackState.PERSISTENT


def _was_missed(keys: Sequence[Key], by_key: Mapping[Key, Lesion], frame: PointMap) -> bool:
    """Whether a visit between two that show the tumour shows its place without it."""
    last_at = {key[0]: by_key[key] for key in keys}
    return any(
        shows_place(last_at[before], between, frame)
        for before, after in pairwise(sorted(last_at))
        for between in range(before + 1, after)
    )


def _start(keys: Sequence[Key], by_key: Mapping[Key, Lesion]) -> Lesion:
    """The largest lesion of the track at its first visit."""
    first = (by_key[key] for key in keys if key[0] == keys[0][0])
    return max(first, key=lambda lesion: lesion.measurement.volume_ml)


def _before(start: Lesion, frame: PointMap) -> int | None:
    """The last earlier visit that shows the place of a tumour first seen later."""
    return next((k for k in range(start.visit - 1, -1, -1) if shows_place(start, k, frame)), None)


def _hidden(start: Lesion, frame: PointMap, dates: Sequence[dt.date]) -> str:
    """Why no earlier visit can tell whether a tumour is new; empty where one can."""
    first = start.visit
    if first == 0:
        return ""
    if _before(start, frame) is not None:
        return ""
    aligned = [k for k in range(first) if are_aligned(first, k, frame)]
    if not aligned:
        return f"{dates[first]} and {dates[first - 1]} could not be aligned well"
    return f"its place was outside the field of view at {dates[aligned[-1]]}"


def _too_small(
    start: Lesion, by_key: Mapping[Key, Lesion], frame: PointMap, dates: Sequence[dt.date]
) -> str:
    """Why a tumour is too small to be called new where it is first seen; empty where it is not."""
    before = _before(start, frame)
    if before is None:
        return ""
    size_mm = start.measurement.long_axis.length_mm
    neighbour = _nearest_known(start, before, by_key, frame)
    if neighbour is not None and size_mm < MEASURABLE_MM:
        other, distance_mm = neighbour
        if distance_mm < SATELLITE_MM:
            return (
                f"a speck of {size_mm:.1f} mm beside lesion {other.label} of "
                f"{dates[other.visit]}; it may be a part of it"
            )
    if size_mm < DETECTABLE_MM:
        return (
            f"at {size_mm:.1f} mm it is below the detection size of {DETECTABLE_MM:.0f} mm; "
            "it may have been there before"
        )
    return ""


def confirming_visit(keys: Sequence[Key], by_key: Mapping[Key, Lesion]) -> int | None:
    """The visit at which a tumour that was not sure to be new is no longer in doubt.

    It is then measurable and has grown by what RECIST calls progression, 5 mm and 20 %.

    Args:
        keys: of its lesions, sorted.
        by_key: the lesions of the course.
    """
    start_mm = _start(keys, by_key).measurement.long_axis.length_mm
    growth_mm = max(CONFIRMING_GROWTH_MM, CONFIRMING_GROWTH_SHARE * start_mm)
    least_mm = max(MEASURABLE_MM, start_mm + growth_mm)
    later = (by_key[key] for key in keys if key[0] > keys[0][0])
    enough = (one for one in later if one.measurement.long_axis.length_mm >= least_mm)
    return next((lesion.visit for lesion in enough), None)


def _nearest_known(
    lesion: Lesion, visit: int, by_key: Mapping[Key, Lesion], frame: PointMap
) -> tuple[Lesion, float] | None:
    """The lesion of another visit whose border is nearest, taken as a sphere."""
    known = [other for other in by_key.values() if other.visit == visit]
    if not known:
        return None
    centroid_mm = frame.map_points(np.array([lesion.centroid_mm]), lesion.visit, visit)
    centres = np.array([other.centroid_mm for other in known])
    radii = np.array([_radius_mm(other) for other in known])
    gap = np.linalg.norm(centres - centroid_mm, axis=1) - radii - _radius_mm(lesion)
    nearest = int(np.argmin(gap))
    return known[nearest], max(0.0, float(gap[nearest]))


def _radius_mm(lesion: Lesion) -> float:
    return float(ball_radius_mm(lesion.measurement.volume_ml))


def _events(
    keys: Sequence[Key],
    edges: Sequence[Edge],
    by_key: Mapping[Key, Lesion],
    frame: PointMap,
    dates: Sequence[dt.date],
) -> list[str]:
    """What happened, in words, by date."""
    dated_words: list[tuple[int, str]] = []
    first, last = keys[0][0], keys[-1][0]
    if first > 0:
        dated_words.append((first, f"first seen {dates[first]}"))
    for edge in edges:
        if edge.later[0] > edge.earlier[0] + 1:
            between = ", ".join(str(d) for d in dates[edge.earlier[0] + 1 : edge.later[0]])
            dated_words.append(
                (edge.later[0], f"not seen {between}, seen again {dates[edge.later[0]]}")
            )
    for event, word in ((Event.SPLIT, "split into"), (Event.MERGE, "merged from")):
        ends = [e.earlier if event is Event.SPLIT else e.later for e in edges if e.event is event]
        for end in sorted(set(ends)):
            visit = max(
                e.later[0] for e in edges if end in (e.earlier, e.later) and e.event is event
            )
            dated_words.append((visit, f"{word} {ends.count(end)} {dates[visit]}"))
    dated_words += [
        (edge.later[0], f"{count} lumps {dates[edge.later[0]]}, {_TOUCHING}")
        for edge, count in _turns_lumpy(edges, by_key)
    ]
    dated_words += [
        (visit, f"too small to measure {dates[visit]}") for visit in _turns_small(keys, by_key)
    ]
    if last < len(dates) - 1:
        lesion = by_key[keys[-1]]
        if not are_aligned(last, last + 1, frame):
            words = "not to be told at"
        elif not covers_place(lesion, last + 1, frame):
            words = "not in the field of view"
        else:
            words = "not seen"
        dated_words.append((last + 1, f"{words} {dates[last + 1]}"))
    return [words for _, words in sorted(dated_words, key=lambda item: item[0])]


def _turns_lumpy(edges: Sequence[Edge], by_key: Mapping[Key, Lesion]) -> list[tuple[Edge, int]]:
    """Where a tumour of one lump has become one of several: a new one may touch it."""
    return [
        (edge, len(by_key[edge.later].lumps_mm))
        for edge in edges
        if edge.event is Event.SAME
        and by_key[edge.later].lumps_mm
        and not by_key[edge.earlier].lumps_mm
    ]


def _turns_small(keys: Sequence[Key], by_key: Mapping[Key, Lesion]) -> list[int]:
    """Visits at which the tumour is too small to measure and was not so, or not there, before."""
    visits = sorted({visit for visit, _ in keys})
    small = [
        all(by_key[k].measurement.long_axis.length_mm < MEASURABLE_MM for k in keys if k[0] == at)
        for at in visits
    ]
    return [at for k, at in enumerate(visits) if small[k] and (k == 0 or not small[k - 1])]
