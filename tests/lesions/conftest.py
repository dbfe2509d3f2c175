"""Lesions and frames made by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Lesion, Measurement
from lvt_track.core.volume import BoolArray


class StillFrame:
    """Visits that lie on each other exactly, with fields of view that may end below some z."""

    def __init__(
        self,
        uncertainty_mm: float = 1.0,
        lowest_z_mm: dict[int, float] | None = None,
        unreliable: Sequence[int] = (),
    ) -> None:
        self.reference = 0
        self._uncertainty_mm = uncertainty_mm
        self._lowest_z_mm = lowest_z_mm or {}
        self._unreliable = unreliable

    def map_points(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> FloatArray:
        return points_mm

    def covered(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> BoolArray:
        covered: BoolArray = points_mm[:, 2] >= self._lowest_z_mm.get(target_visit, -np.inf)
        return covered

    def uncertainty_mm(self, points_mm: FloatArray, visit: int) -> FloatArray:
        return np.full(len(points_mm), self._uncertainty_mm)

    def is_reliable(self, visit: int) -> bool:
        return visit not in self._unreliable


def _ball(
    visit: int, label: int, centre_mm: Sequence[float], diameter_mm: float, hu: float | None = 60.0
) -> Lesion:
    x, y, z = (float(c) for c in centre_mm)
    radius = diameter_mm / 2
    axis = Caliper((x - radius, y, z), (x + radius, y, z), diameter_mm)
    volume_ml = 4 / 3 * np.pi * radius**3 / 1000
    return Lesion(visit, label, (x, y, z), Measurement(volume_ml, axis, axis, 0, hu, diameter_mm))


@pytest.fixture
def ball() -> Callable[..., Lesion]:
    """Makes a spherical lesion from visit, label, centre and diameter."""
    return _ball


@pytest.fixture
def still_frame() -> type[StillFrame]:
    """The frame of visits that lie on each other."""
    return StillFrame


@pytest.fixture
def dates() -> list[dt.date]:
    """Six visits, two months apart."""
    return [dt.date(2024, 1, 1) + dt.timedelta(days=60 * k) for k in range(6)]
