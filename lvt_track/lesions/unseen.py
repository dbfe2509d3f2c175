"""Tumours at the visits that do not show them: where they should lie, and what that means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lvt_track.core.course import Course
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.lesion.lesion import Track
from lvt_track.core.response.assessment import Assessment
from lvt_track.lesions.frame import PointMap, are_aligned, shows_place

__all__ = ["expected_place", "nearest_lesion", "unshown_visits", "with_expected_places"]


def nearest_lesion(track: Track, visit: int) -> tuple[int, int]:
    """Key (visit, label) of the track's lesion at the visit closest to this one."""
    return min(track.lesions, key=lambda key: (abs(key[0] - visit), key))


def expected_place(course: Course, track: Track, visit: int, frame: PointMap) -> Point:
    """Where a track that was not found at a visit should lie there: LPS mm in its own frame."""
    nearest = nearest_lesion(track, visit)
    centre = np.array([course.lesion(nearest).centroid_mm])
    x, y, z = frame.map_points(centre, nearest[0], visit)[0]
    return float(x), float(y), float(z)


def unshown_visits(course: Course, frame: PointMap) -> frozenset[tuple[int, int]]:
    """(track, visit) pairs where not finding a track says nothing."""
    unshown = set()
    for track in course.tracks:
        seen = {visit for visit, _ in track.lesions}
        for k, findings in enumerate(course.visits):
            if k in seen:
                continue
            nearest = course.lesion(nearest_lesion(track, k))
            if findings.liver_ml == 0 or not shows_place(nearest, k, frame):
                unshown.add((track.number, k))
    return frozenset(unshown)


def with_expected_places(
    rows: Sequence[Assessment], course: Course, frame: PointMap
) -> tuple[Assessment, ...]:
    """Rows that have no place, with the one where their lesion should lie, to 0.1 mm.

    It is that of the row of the same name at the visit closest in order, carried over. It stays
    out where a scan does not show it, or either visit could not be aligned.

    Args:
        rows: of the course.
        course: the course.
        frame: its registration.
    """
    order = {findings.visit.date: k for k, findings in enumerate(course.visits)}
    seen: dict[str, dict[int, Point]] = defaultdict(dict)
    for row in rows:
        if row.position_mm is not None:
            seen[row.lesion][order[row.date]] = row.position_mm
    placed = []
    for row in rows:
        visit, places = order[row.date], seen[row.lesion]
        if row.position_mm is None and places:
            nearest = min(places, key=lambda k: (abs(k - visit), k))
            point = _carried(places[nearest], nearest, visit, frame)
            row = replace(row, position_mm=point)
        placed.append(row)
    return tuple(placed)


def _carried(place: Point, source: int, target: int, frame: PointMap) -> Point | None:
    """A place of one visit in the frame of another; None where that one does not show it."""
    point = np.array([place])
    if not are_aligned(source, target, frame) or not frame.covered(point, source, target)[0]:
        return None
    x, y, z = np.round(frame.map_points(point, source, target)[0], 1)
    return float(x), float(y), float(z)
