"""Mistakes that a course itself suggests, each with the correction that one click accepts.

Whoever looks for an exchanged pair or a tumour that was lost for a visit compares all with all.
The page has done that: it shows what lies nearer to each other than what is linked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from lvt_track.core.course import Course
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.lesion.lesion import Edge, Lesion, Track, TrackState
from lvt_track.lesions.corrections.table import Action
from lvt_track.measure.content import NECROTIC_BELOW_HU
from lvt_track.report.viewer.doubts import (
    Answer,
    Doubt,
    Statement,
    exchanged,
    linked,
    none_of,
    unlinked,
)
from lvt_track.report.wording import tumor_percent

__all__ = ["Places", "exchanges", "gaps", "possible_non_tumors", "tumor_answers"]

_FOLD_MM = 10.0
"""A volume that differs by a factor of e speaks as much against a link as these millimetres."""

_BETTER = 0.5
"""Two links are exchanged only where that at least halves what speaks against them."""

_LIKELY = 0.5
_GAP_MM = 12.0
_GAP_FOLD = 2.0
_ONCE_MM = 15.0
"""A tumour of one visit alone is no wonder when it is larger: it was removed, or has grown."""

Key = tuple[int, int]
Places = Mapping[Key, Point]


@dataclass(frozen=True, eq=False)
class _Placed:
    """The lesions of a course in one frame.

    Attributes:
        course: the course.
        places: of its lesions in the common frame.
        lesions: by key.
    """

    course: Course
    places: Places
    lesions: Mapping[Key, Lesion]

    def is_linked(self, visit: int) -> bool:
        """Whether places of a visit can be compared with those of others."""
        quality = self.course.visits[visit].registration
        return quality is None or quality.is_reliable

    def largest(self, track: Track, end: int) -> Lesion:
        """The largest lesion of the first (0) or last (-1) visit that shows a track."""
        visit = track.lesions[end][0]
        lesions = (self.lesions[key] for key in track.lesions if key[0] == visit)
        return max(lesions, key=lambda lesion: lesion.measurement.volume_ml)

    def apart_mm(self, earlier: Key, later: Key) -> float:
        """Distance of two lesions in the common frame."""
        return math.dist(self.places[earlier], self.places[later])

    def fold(self, earlier: Key, later: Key) -> float:
        """Natural logarithm of the ratio of two volumes, without its sign."""
        first, last = (self.lesions[key].measurement.volume_ml for key in (earlier, later))
        return abs(math.log(first / last))

    def against(self, earlier: Key, later: Key) -> float:
        """What speaks against a link, in millimetres."""
        return self.apart_mm(earlier, later) + _FOLD_MM * self.fold(earlier, later)


def _placed(course: Course, places: Places) -> _Placed:
    lesions = {lesion.key: lesion for findings in course.visits for lesion in findings.lesions}
    return _Placed(course, places, lesions)


def exchanges(course: Course, places: Places) -> list[Doubt]:
    """Pairs of links between the same two visits that fit much better the other way round.

    Args:
        course: with its edges.
        places: of lesions in the common frame, by key.
    """
    placed = _placed(course, places)
    pasts = Counter(edge.later for edge in course.edges)
    futures = Counter(edge.earlier for edge in course.edges)
    between: dict[tuple[int, int], list[Edge]] = {}
    for edge in course.edges:
        visits = edge.earlier[0], edge.later[0]
        is_single = pasts[edge.later] == futures[edge.earlier] == 1
        if is_single and all(map(placed.is_linked, visits)):
            between.setdefault(visits, []).append(edge)
    doubts = []
    for edges in between.values():
        for one, other in combinations(edges, 2):
            drawn = placed.against(one.earlier, one.later)
            drawn += placed.against(other.earlier, other.later)
            turned = placed.against(one.earlier, other.later)
            turned += placed.against(other.earlier, one.later)
            if turned < _BETTER * drawn:
                doubts.append(_exchange(course, one, other))
    return doubts


def _exchange(course: Course, one: Edge, other: Edge) -> Doubt:
    links = [(edge.earlier, edge.later) for edge in (one, other)]
    before, after = (course.visits[k].visit.name for k in (one.earlier[0], one.later[0]))
    first, second = sorted(course.track_of(edge.later).number for edge in (one, other))
    return Doubt(
        f"T{first} and T{second}: exchanged?",
        f"from {before} to {after} each lies nearer to the other",
        one.later,
        one.later[0],
        (
            exchanged("exchange them", *links),
            linked("right as they are", *links),
        ),
    )


def gaps(course: Course, places: Places) -> list[Doubt]:
    """Tumours that end where another one begins later.

    Args:
        course: with its tracks.
        places: of lesions in the common frame, by key.
    """
    placed = _placed(course, places)
    tracks = [(t, placed.largest(t, 0), placed.largest(t, -1)) for t in course.tracks]
    pairs = [
        (placed.against(end.key, start.key), ended, begun)
        for ended, _, end in tracks
        for begun, start, _ in tracks
        if end.visit < start.visit and _is_alike(placed, end, start)
    ]
    pairs.sort(key=lambda pair: (pair[0], pair[1].number, pair[2].number))
    taken: set[tuple[str, int]] = set()
    doubts = []
    for _, ended, begun in pairs:
        ends = {("end", ended.number), ("start", begun.number)}
        if ends & taken:
            continue
        taken |= ends
        doubts.append(_gap(placed, ended, begun))
    return doubts


def _gap(placed: _Placed, ended: Track, begun: Track) -> Doubt:
    end, start = placed.largest(ended, -1), placed.largest(begun, 0)
    link = (end.key, start.key)
    before, after = (placed.course.visits[k].visit.name for k in (end.visit, start.visit))
    sizes = " and ".join(f"{one.measurement.long_axis.length_mm:.1f}" for one in (end, start))
    return Doubt(
        f"T{ended.number} and T{begun.number}: one tumour?",
        f"one is last seen on {before}, the other begins there on {after} ({sizes} mm)",
        start.key,
        start.visit,
        (linked("are one", link), unlinked("are two", link)),
    )


def _is_alike(placed: _Placed, end: Lesion, start: Lesion) -> bool:
    """Whether one may have become the other, by place and size."""
    if not (placed.is_linked(end.visit) and placed.is_linked(start.visit)):
        return False
    lengths_mm = [one.measurement.long_axis.length_mm for one in (end, start)]
    reach_mm = max(_GAP_MM, sum(lengths_mm) / 2.0)
    is_near = placed.apart_mm(end.key, start.key) <= reach_mm
    return is_near and placed.fold(end.key, start.key) < _GAP_FOLD


def possible_non_tumors(course: Course) -> list[Doubt]:
    """Tracks that may be no tumours, each with the answer that takes it out of all its visits.

    Those that are uncertain, those as dark as fluid, and small ones that one visit of several
    alone shows.

    Args:
        course: with its tracks.
    """
    doubts = []
    for track in course.tracks:
        reason = _against_tumor(course, track)
        if not reason or track.is_new_by_reader:
            continue
        title = f"T{track.number}: is it a tumour?"
        first = course.lesion(track.lesions[0])
        if first.tumor_probability is not None:
            reason += f"; {tumor_percent(first.tumor_probability)} % likely a tumour"
        doubts.append(Doubt(title, reason, first.key, first.visit, tumor_answers(track)))
    return doubts


def tumor_answers(track: Track) -> tuple[Answer, ...]:
    """That a tumour is none at any visit, or that it is new, where it can be."""
    first = track.lesions[0]
    count = len({visit for visit, _ in track.lesions})
    visits = f" ({count} visits)" if count > 1 else ""
    answers = [none_of(track.lesions, f"is no tumour{visits}")]
    if first[0] > 0 and not track.is_new_by_reader:
        answers.append(Answer("is new", (Statement(Action.NEW, first),)))
    return tuple(answers)


def _against_tumor(course: Course, track: Track) -> str:
    lesions = [course.lesion(key) for key in track.lesions]
    if track.state is TrackState.UNCERTAIN:
        return track.reason
    levels = sorted(
        one.measurement.mean_hu for one in lesions if one.measurement.mean_hu is not None
    )
    if levels and levels[len(levels) // 2] < NECROTIC_BELOW_HU:
        return f"as dark as fluid, {levels[len(levels) // 2]:.0f} HU"
    widest_mm = max(one.measurement.long_axis.length_mm for one in lesions)
    likely = [one.tumor_probability for one in lesions if one.tumor_probability is not None]
    if likely and max(likely) < _LIKELY:
        return "more likely none than a tumour at each visit, by its scans"
    dates = {visit for visit, _ in track.lesions}
    if len(course.visits) > 1 and len(dates) == 1 and widest_mm < _ONCE_MM:
        return f"one visit alone shows it, {widest_mm:.1f} mm"
    return ""
