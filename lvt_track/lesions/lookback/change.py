"""Whether the place of a tumour has changed between two scans: what looks the same is not new.

The difference of two registered scans within the tumour's own extent, less that in the liver around
it, is compared with the same at control places. Noise, registration and the liver's own anatomy are
in both, so that a bright vessel or a fatty place that was there before shows no more than these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvt_track.core.course import Course, LookBack, Visibility
from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.lesions.components import ShapeTable
from lvt_track.lesions.frame import PointMap, shows_place
from lvt_track.lesions.lookback.controls import (
    FEWEST_CONTROLS,
    control_cells,
    false_alarm_rate,
    known_places,
)
from lvt_track.lesions.lookback.pair import STEP_MM, PlaceContrast, ScanPair, ring_points_mm, some
from lvt_track.lesions.lookback.scan import LiverScan
from lvt_track.lesions.lookback.search import LEAST_CONTRAST_HU, VISIBLE_RATE, first_lesion
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["still_shown", "with_changes"]

_INNER_POINTS = 120


def with_changes(
    course: Course, shapes: ShapeTable, scans: Sequence[LiverScan | None], frame: PointMap
) -> tuple[LookBack, ...]:
    """The looks of a course, with what changed since the first scan that covers the place.

    That is one of the same contrast phase, where there is any: in another a tumour may be as bright
    as its liver.

    Args:
        course: visits, lesions, tracks and looks.
        shapes: of the lesions, by key.
        scans: the liver of each visit; None where there is none.
        frame: the registration of the visits.
    """
    scene = _Scene(course, shapes, scans, frame)
    first = {look.track: look for look in sorted(course.lookbacks, key=_rank(course), reverse=True)}
    return tuple(
        _with_change(look, scene) if look is first[look.track] else look
        for look in course.lookbacks
    )


def still_shown(
    course: Course, shapes: ShapeTable, scans: Sequence[LiverScan | None], frame: PointMap
) -> frozenset[int]:
    """Numbers of the tracks that one visit alone has, though the scan of the next shows them too.

    There the same extent still stands out, by 5 HU or more to the same side, as at most 5 % of the
    control places do.

    Args:
        course: visits, lesions and tracks.
        shapes: of the lesions, by key.
        scans: the liver of each visit; None where there is none.
        frame: the registration of the visits.
    """
    scene = _Scene(course, shapes, scans, frame)
    lone = [track for track in course.tracks if 0 < track.lesions[0][0] == track.lesions[-1][0]]
    return frozenset(
        track.number for track in lone if _stands_out_after(first_lesion(course, track), scene)
    )


@dataclass(frozen=True, eq=False)
class _Scene:
    """What places are compared in: visits, shapes of their lesions, livers, registration."""

    course: Course
    shapes: ShapeTable
    scans: Sequence[LiverScan | None]
    frame: PointMap

    def compared(self, lesion: Lesion, other: int) -> tuple[PlaceContrast, PlaceContrast] | None:
        """Contrast at the lesion's visit less that at another, and at its visit; controls after it.

        None where one of them has no liver, or the lesion no shape.
        """
        now, then = self.scans[lesion.visit], self.scans[other]
        if now is None or then is None or lesion.key not in self.shapes:
            return None
        pair = ScanPair(now, then, lesion.visit, other, self.frame)
        inner_mm = some(self.shapes[lesion.key].points_mm, _INNER_POINTS) - lesion.centroid_mm
        places_mm = np.vstack([[lesion.centroid_mm], self._controls_mm(lesion, now)])
        return pair.compared(places_mm, inner_mm, ring_points_mm(_radius_mm(lesion)))

    def _controls_mm(self, lesion: Lesion, scan: LiverScan) -> FloatArray:
        """Places (n, 3) of the lesion's scan that are like its own, clear of all lesions."""
        known_mm, known_radius_mm = known_places(self.course, lesion.visit, self.frame)
        clear_mm = known_radius_mm + STEP_MM + _radius_mm(lesion)
        cells = control_cells(scan, np.array(lesion.centroid_mm), known_mm, clear_mm)
        return scan.geometry.to_world(cells)


def _rank(course: Course) -> Callable[[LookBack], tuple[bool, bool, int]]:
    """Of the looks at one tumour the least is that at the scan to compare with."""
    phases = [findings.visit.tracked_series.phase for findings in course.visits]
    return lambda look: (
        look.verdict is Visibility.NOT_COVERED,
        phases[look.visit] is not phases[look.lesion[0]],
        look.visit,
    )


def _with_change(look: LookBack, scene: _Scene) -> LookBack:
    if look.verdict is Visibility.NOT_COVERED:
        return look
    compared = scene.compared(scene.course.lesion(look.lesion), look.visit)
    if compared is None:
        return look
    change, stand = compared
    judged = ~np.isnan(change.mean_hu)
    if not judged[0]:
        return replace(look, is_hidden=True)
    if np.count_nonzero(judged) <= FEWEST_CONTROLS:
        return look
    return replace(
        look,
        change_hu=float(change.mean_hu[0]),
        change_rate=change.rate(judged),
        found_contrast_hu=float(stand.mean_hu[0]),
        found_rate=stand.rate(judged),
    )


def _stands_out_after(lesion: Lesion, scene: _Scene) -> bool:
    """Whether the visit after that of a lesion shows its extent as the lesion's own does."""
    after = lesion.visit + 1
    if after >= len(scene.course.visits) or not shows_place(lesion, after, scene.frame):
        return False
    compared = scene.compared(lesion, after)
    if compared is None:
        return False
    change, now = compared
    judged = ~np.isnan(change.mean_hu)
    if not judged[0] or np.count_nonzero(judged) <= FEWEST_CONTROLS:
        return False
    found_hu = float(now.mean_hu[0])
    after_hu = np.sign(found_hu) * (now.mean_hu - change.mean_hu)[judged]
    if min(abs(found_hu), float(after_hu[0])) < LEAST_CONTRAST_HU:
        return False
    return false_alarm_rate([after_hu]) <= VISIBLE_RATE


def _radius_mm(lesion: Lesion) -> float:
    return float(ball_radius_mm(lesion.measurement.volume_ml))
