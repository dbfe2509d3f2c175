"""Whether the place of a tumour has changed since an earlier scan: what looks the same is not new.

The difference of two registered scans within the tumour's own extent, less that in the liver around
it, is compared with the same at control places. Noise, registration and the liver's own anatomy are
in both, so that a bright vessel or a fatty place that was there before shows no more than these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from lvt_track.core.course import Course, LookBack, Visibility
from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.volume import BoolArray
from lvt_track.lesions.components import ShapeTable
from lvt_track.lesions.frame import PointMap
from lvt_track.lesions.lookback.contrast import LEAST_RING, ring_edges_mm
from lvt_track.lesions.lookback.controls import (
    FEWEST_CONTROLS,
    control_cells,
    false_alarm_rate,
    known_places,
)
from lvt_track.lesions.lookback.scan import LiverScan
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["with_changes"]

_INNER_POINTS, _RING_POINTS = 120, 160
_STEP_MM = 2.0
_SEED = 33


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
    first = {look.track: look for look in sorted(course.lookbacks, key=_rank(course), reverse=True)}
    return tuple(
        _with_change(look, course, shapes, scans, frame)
        if look is first[look.track] and look.lesion in shapes
        else look
        for look in course.lookbacks
    )


def _rank(course: Course) -> Callable[[LookBack], tuple[bool, bool, int]]:
    """Of the looks at one tumour the least is that at the scan to compare with."""
    phases = [findings.visit.tracked_series.phase for findings in course.visits]
    return lambda look: (
        look.verdict is Visibility.NOT_COVERED,
        phases[look.visit] is not phases[look.lesion[0]],
        look.visit,
    )


def _with_change(
    look: LookBack,
    course: Course,
    shapes: ShapeTable,
    scans: Sequence[LiverScan | None],
    frame: PointMap,
) -> LookBack:
    lesion = course.lesion(look.lesion)
    now, then = scans[lesion.visit], scans[look.visit]
    if look.verdict is Visibility.NOT_COVERED or now is None or then is None:
        return look
    pair = _Pair(now, then, lesion.visit, look.visit, frame)
    inner_mm = _some(shapes[lesion.key].points_mm, _INNER_POINTS) - lesion.centroid_mm
    ring_mm = _ring_mm(_radius_mm(lesion))
    places_mm = np.vstack([[lesion.centroid_mm], _control_places(course, lesion, now, frame)])
    change, stand = pair.compared(places_mm, inner_mm, ring_mm)
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
    )


@dataclass(frozen=True, eq=False)
class _Contrast:
    """Of places, the mean (n,) and the root mean square (n,) against what is around, in HU.

    The mean is NaN where too little of a place can be judged.
    """

    mean_hu: FloatArray
    spread_hu: FloatArray

    @classmethod
    def of(cls, inner: _Sample, around: _Sample) -> _Contrast:
        judged = (inner.liver.mean(axis=1) >= LEAST_RING) & (
            around.plain.mean(axis=1) >= LEAST_RING
        )
        contrast_hu = inner.hu - _mean(around.hu, around.plain)[:, None]
        mean_hu = np.where(judged, _mean(contrast_hu, inner.liver), np.nan)
        return cls(mean_hu, np.sqrt(_mean(contrast_hu**2, inner.liver)))

    def rate(self, judged: BoolArray) -> float:
        """How often a place stands out as much as the first.

        A rim that is brighter around a middle that is darker may leave the mean as it was.
        """
        return false_alarm_rate([np.abs(self.mean_hu[judged]), self.spread_hu[judged]])


@dataclass(frozen=True, eq=False)
class _Sample:
    """HU at points (n, k) of n places, whether they are liver beside vessels, and plain liver."""

    hu: FloatArray
    liver: BoolArray
    plain: BoolArray


@dataclass(frozen=True, eq=False)
class _Pair:
    """A scan and one before it.

    Attributes:
        now, then: their livers.
        later, earlier: indices of their visits.
        frame: the registration.
    """

    now: LiverScan
    then: LiverScan
    later: int
    earlier: int
    frame: PointMap

    def compared(
        self, places_mm: FloatArray, inner_mm: FloatArray, ring_mm: FloatArray
    ) -> tuple[_Contrast, _Contrast]:
        """Change of the contrast at places (n, 3) of the later scan, and the contrast there now.

        Args:
            places_mm: the places.
            inner_mm: points (k, 3) of what lies there, about its centre.
            ring_mm: points (m, 3) around it; those in plain liver of both scans count.
        """
        inner, inner_now = self._sampled(places_mm[:, None] + inner_mm)
        around, around_now = self._sampled(places_mm[:, None] + ring_mm)
        return _Contrast.of(inner, around), _Contrast.of(inner_now, around_now)

    def _sampled(self, points_mm: FloatArray) -> tuple[_Sample, _Sample]:
        """HU now less HU then at points (n, k, 3), and HU now, where both scans can be judged."""
        flat = points_mm.reshape(-1, 3)
        mapped = self.frame.map_points(flat, self.later, self.earlier)
        now_hu, *now = _sampled(self.now, flat)
        then_hu, *then = _sampled(self.then, mapped)
        shape = points_mm.shape[:2]
        liver, plain = ((a & b).reshape(shape) for a, b in zip(now, then, strict=True))
        change = _Sample((now_hu - then_hu).reshape(shape), liver, plain)
        return change, _Sample(now_hu.reshape(shape), liver, plain)


def _sampled(scan: LiverScan, points_mm: FloatArray) -> tuple[FloatArray, BoolArray, BoolArray]:
    """HU at points (n, 3), whether they are liver beside its vessels, and whether plain liver."""
    index = scan.geometry.to_index(points_mm).T
    last = np.array(scan.hu.shape)[:, None] - 1
    shown: BoolArray = np.all((index >= -0.5) & (index <= last + 0.5), axis=0)
    hu = ndimage.map_coordinates(scan.hu, index, order=1, mode="nearest").astype(float)
    cell = np.clip(np.rint(index).astype(np.intp), 0, last)
    at = tuple(cell)
    return hu, shown & scan.liver[at] & ~scan.vessels[at], shown & scan.tissue[at]


def _mean(values: FloatArray, counted: BoolArray) -> FloatArray:
    """Mean of each row over what is counted; 0 where nothing is."""
    total: FloatArray = np.where(counted, values, 0.0).sum(axis=1)
    mean: FloatArray = total / np.maximum(np.count_nonzero(counted, axis=1), 1)
    return mean


def _control_places(course: Course, lesion: Lesion, scan: LiverScan, frame: PointMap) -> FloatArray:
    """Places (n, 3) of the lesion's scan that are like its own, clear of all lesions."""
    known_mm, known_radius_mm = known_places(course, lesion.visit, frame)
    clear_mm = known_radius_mm + _STEP_MM + _radius_mm(lesion)
    cells = control_cells(scan, np.array(lesion.centroid_mm), known_mm, clear_mm)
    return scan.geometry.to_world(cells)


def _ring_mm(radius_mm: float) -> FloatArray:
    """Points (m, 3) between two spheres about the origin, evenly spread."""
    inner, outer = ring_edges_mm(radius_mm)
    steps = np.arange(-outer, outer + _STEP_MM, _STEP_MM)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = np.linalg.norm(grid, axis=1)
    return _some(grid[(distance > inner) & (distance <= outer)], _RING_POINTS)


def _some(points: FloatArray, count: int) -> FloatArray:
    """So many of some points (n, 3), always the same ones."""
    if len(points) <= count:
        return points
    return points[np.random.default_rng(_SEED).choice(len(points), count, replace=False)]


def _radius_mm(lesion: Lesion) -> float:
    return float(ball_radius_mm(lesion.measurement.volume_ml))
