"""The same places in two registered scans: how much they stand out in each, and what changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.lesions.frame import PointMap
from lvt_track.lesions.lookback.contrast import LEAST_RING, ring_edges_mm
from lvt_track.lesions.lookback.controls import false_alarm_rate
from lvt_track.lesions.lookback.scan import LiverScan

__all__ = ["STEP_MM", "PlaceContrast", "ScanPair", "ring_points_mm", "some"]

STEP_MM = 2.0
_RING_POINTS = 160
_SEED = 33


@dataclass(frozen=True, eq=False)
class PlaceContrast:
    """Of places, the mean (n,) and the root mean square (n,) against what is around, in HU.

    The mean is NaN where too little of a place can be judged.
    """

    mean_hu: FloatArray
    spread_hu: FloatArray

    @classmethod
    def of(cls, inner: _Sample, around: _Sample) -> PlaceContrast:
        """By samples of each place and of what is around it."""
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
class ScanPair:
    """A scan and another of the same patient.

    Attributes:
        now, then: their livers.
        later, earlier: indices of their visits; the other may also be the later one.
        frame: the registration.
    """

    now: LiverScan
    then: LiverScan
    later: int
    earlier: int
    frame: PointMap

    def compared(
        self, places_mm: FloatArray, inner_mm: FloatArray, ring_mm: FloatArray
    ) -> tuple[PlaceContrast, PlaceContrast]:
        """Change of the contrast at places (n, 3) of the later scan, and the contrast there now.

        Args:
            places_mm: the places.
            inner_mm: points (k, 3) of what lies there, about its centre.
            ring_mm: points (m, 3) around it; those in plain liver of both scans count.
        """
        inner, inner_now = self._sampled(places_mm[:, None] + inner_mm)
        around, around_now = self._sampled(places_mm[:, None] + ring_mm)
        return PlaceContrast.of(inner, around), PlaceContrast.of(inner_now, around_now)

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


def ring_points_mm(radius_mm: float) -> FloatArray:
    """Points (m, 3) between two spheres about the origin, evenly spread."""
    inner, outer = ring_edges_mm(radius_mm)
    steps = np.arange(-outer, outer + STEP_MM, STEP_MM)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = np.linalg.norm(grid, axis=1)
    return some(grid[(distance > inner) & (distance <= outer)], _RING_POINTS)


def some(points: FloatArray, count: int) -> FloatArray:
    """So many of some points (n, 3), always the same ones."""
    if len(points) <= count:
        return points
    return points[np.random.default_rng(_SEED).choice(len(points), count, replace=False)]
