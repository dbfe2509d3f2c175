"""The groove of a vena cava that no mask shows: beside the liver, where the liver holds it."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.planning.vessels.cava import Cava, LiverFrame
from lvt_track.planning.vessels.groove import groove_axis

STEP = 2.5
SHAPE = (50, 60, 76)
GEOMETRY = Geometry.axial(SHAPE, (STEP,) * 3, (-95.0, -75.0, -62.0))
X, Y, Z = np.moveaxis(GEOMETRY.to_world(np.moveaxis(np.indices(SHAPE), 0, -1)), -1, 0)
HEIGHTS = np.linspace(-50.0, 55.0, 22)
SLANT = 0.15


def grooved(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """A liver with a slanting groove of 11 mm in its back, and the groove's axis."""
    body = (X / 85) ** 2 + (Y / 55) ** 2 + (Z / 58) ** 2 < 1
    axis = np.column_stack([np.full_like(HEIGHTS, x), y - SLANT * HEIGHTS, HEIGHTS])
    groove = np.hypot(x - X, y - SLANT * Z - Y) < 11
    return body & ~groove, axis


@pytest.mark.parametrize("place", [(0.0, 42.0), (15.0, 36.0), (-10.0, 38.0)])
@pytest.mark.parametrize("off", [(12.0, 0.0), (-10.0, -8.0), (0.0, -14.0)])
def test_the_axis_is_that_of_the_groove(
    place: tuple[float, float], off: tuple[float, float]
) -> None:
    liver, true = grooved(*place)
    assumed = true + np.array([*off, 0.0])
    axis = groove_axis(liver, GEOMETRY, assumed, (0.0, 35.0))
    known = np.array([[np.interp(z, HEIGHTS, true[:, k]) for k in (0, 1)] for z in axis[:, 2]])
    away = np.linalg.norm(axis[:, :2] - known, axis=1)
    assert away.mean() < 0.6 * np.hypot(*off)
    assert away.max() < 8.0


def test_an_assumed_cava_moves_into_the_groove_and_goes_on_below_it() -> None:
    liver, true = grooved(10.0, 38.0)
    assumed = Cava(None, true + np.array([0.0, -13.0, 0.0]), 10.0)
    moved = assumed.in_groove(liver, GEOMETRY, LiverFrame.of(liver, GEOMETRY))
    assert not moved.is_seen
    assert (np.diff(moved.axis_mm[:, 2]) > 0).all()
    for height in (-30.0, 0.0, 20.0):
        place = np.array(height)
        known = np.array([10.0, 38.0 - SLANT * height])
        gap, before = (np.linalg.norm(cava.axis_at(place) - known) for cava in (moved, assumed))
        assert gap < 0.6 * before


def test_where_there_is_no_groove_it_stays_where_it_was_assumed() -> None:
    nothing = np.zeros(SHAPE, dtype=bool)
    _, true = grooved(0.0, 40.0)
    axis = groove_axis(nothing, GEOMETRY, true, (0.0, 35.0))
    known = np.array([np.interp(z, HEIGHTS, true[:, 1]) for z in axis[:, 2]])
    assert np.allclose(axis[:, 1], known, atol=1.5)  # but for the smoothing at both ends
