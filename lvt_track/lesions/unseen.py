"""Tumours at the visits that do not show them: where they should lie, and what that means."""

from __future__ import annotations

import numpy as np

from lvt_track.core.course import Course
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.lesion.lesion import Track
from lvt_track.lesions.frame import PointMap

__all__ = ["expected_place", "nearest_lesion", "unshown_visits"]


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
            nearest = nearest_lesion(track, k)
            centre = np.array([course.lesion(nearest).centroid_mm])
            is_covered = bool(frame.covered(centre, nearest[0], k)[0])
            if findings.liver_ml == 0 or not frame.is_reliable(k) or not is_covered:
                unshown.add((track.number, k))
    return frozenset(unshown)
