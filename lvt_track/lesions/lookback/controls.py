"""Control places: what a liver shows where nothing is known to be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from lvt_track.core.course import Course
from lvt_track.core.geometry import FloatArray
from lvt_track.lesions.frame import PointMap
from lvt_track.lesions.lookback.scan import LiverScan
from lvt_track.lesions.size import ball_radius_mm

__all__ = [
    "FEWEST_CONTROLS",
    "MOST_CONTROLS",
    "control_cells",
    "false_alarm_rate",
    "known_places",
]

FEWEST_CONTROLS = 50
MOST_CONTROLS = 200

_POOL = 3000
_SEED = 20
# How far apart two places count as unlike, and beyond which distance all are alike.
_EDGE_MM, _FARTHEST_EDGE_MM = 3.0, 15.0
_VESSEL_MM, _FARTHEST_VESSEL_MM = 2.0, 6.0


def control_cells(
    scan: LiverScan, place_mm: FloatArray, known_mm: FloatArray, clear_mm: FloatArray
) -> NDArray[np.intp]:
    """Random cells of plain liver, as far from its edge and from vessels as a place is.

    The same scan and place give the same cells.

    Args:
        scan: the visit.
        place_mm: LPS position (3,) to be compared with.
        known_mm: positions (n, 3) of what is, was or will be a lesion.
        clear_mm: distance (n,) that controls keep from each.

    Returns:
        Indices (m, 3) of the most alike, MOST_CONTROLS at most; fewer in a liver full of lesions.
    """
    rng = np.random.default_rng(_SEED)
    count = len(scan.tissue_cells)
    cells = scan.tissue_cells[rng.choice(count, min(count, _POOL), replace=False)]
    if len(cells) and len(known_mm):
        apart = cdist(scan.geometry.to_world(cells), known_mm) > clear_mm
        cells = cells[apart.all(axis=1)]
    cell = np.rint(scan.geometry.to_index(place_mm)).astype(np.intp)
    cell = np.clip(cell, 0, np.array(scan.hu.shape) - 1)
    unlike = np.zeros(len(cells))
    for distance_mm, step_mm, farthest_mm in (
        (scan.edge_mm, _EDGE_MM, _FARTHEST_EDGE_MM),
        (scan.vessel_mm, _VESSEL_MM, _FARTHEST_VESSEL_MM),
    ):
        place_mm_away = min(float(distance_mm[tuple(cell)]), farthest_mm)
        unlike += (
            np.abs(np.minimum(distance_mm[tuple(cells.T)], farthest_mm) - place_mm_away) / step_mm
        )
    return cells[np.argsort(unlike, kind="stable")[:MOST_CONTROLS]]


def known_places(course: Course, visit: int, frame: PointMap) -> tuple[FloatArray, FloatArray]:
    """Where lesions of any visit lie in one visit (n, 3), and their radii (n,), in mm."""
    places, radii = [np.zeros((0, 3))], []
    for other, findings in enumerate(course.visits):
        if findings.lesions:
            centres = np.array([lesion.centroid_mm for lesion in findings.lesions])
            places.append(frame.map_points(centres, other, visit))
            radii += [ball_radius_mm(one.measurement.volume_ml) for one in findings.lesions]
    return np.vstack(places), np.array(radii, dtype=float)


def false_alarm_rate(scores: Sequence[FloatArray]) -> float:
    """How often a control place looks as much like a lesion as the place in question.

    Of several scores each place counts with the one by which it stands out most among all; since
    control places have the same choice, the rate holds whatever the scores and however many
    (Westfall and Young 1993, ch. 2: the smallest of several p-values, referred to its own
    distribution). The place itself is counted as one of them, so the rate is never zero.

    Args:
        scores: for each kind of score an array (1 + controls,), the place first.
    """
    standing = np.max([_ranks(score) for score in scores], axis=0)
    return float(np.mean(standing >= standing[0]))


def _ranks(score: FloatArray) -> NDArray[np.intp]:
    """Rank of each value from 1; equal ones share the lowest."""
    return np.searchsorted(np.sort(score), score) + 1
