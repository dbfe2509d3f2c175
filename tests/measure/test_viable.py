"""What enhances of balls and shells whose viable part is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.measure.viable import measure_viable

PIXEL_MM, SLICES_MM = 0.8, 2.5
SHAPE = (25, 71, 71)
GEOMETRY = Geometry.axial(SHAPE, (SLICES_MM, PIXEL_MM, PIXEL_MM), (0.0, 0.0, 0.0))
LIVER_HU, ALIVE_HU, DEAD_HU, NATIVE_HU = 70.0, 112.0, 24.0, 45.0
RNG = np.random.default_rng(7)


def radius_mm(shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> NDArray[np.float64]:
    index = np.indices(SHAPE).astype(float)
    middle = (np.array(SHAPE) - 1) / 2
    offsets = [(index[k] - middle[k]) * s - shift_mm[k] for k, s in enumerate(GEOMETRY.spacing_mm)]
    return np.sqrt(sum(o**2 for o in offsets))


def scan(alive: BoolArray, lesion: BoolArray, noise_hu: float = 6.0) -> Volume:
    hu = np.where(alive, ALIVE_HU, np.where(lesion, DEAD_HU, LIVER_HU))
    return Volume((hu + RNG.normal(0, noise_hu, SHAPE)).astype(np.float32), GEOMETRY)


def native(lesion: BoolArray, hu: float = NATIVE_HU) -> NDArray[np.float64]:
    return np.where(lesion, hu, 58.0) + RNG.normal(0, 6.0, SHAPE)


LESION = radius_mm() < 20.0
PLAIN = radius_mm() > 21.0


@pytest.mark.parametrize("has_native", [True, False])
def test_a_ball_that_is_alive_all_through(has_native: bool) -> None:
    before = native(LESION) if has_native else None
    found = measure_viable(LESION, scan(LESION, LESION), PLAIN, before)
    assert found.long_axis_mm == pytest.approx(40.0, abs=1.0)
    assert found.necrosis_percent == pytest.approx(0.0, abs=2.0)
    assert found.note == ("" if has_native else "no native scan")


@pytest.mark.parametrize("has_native", [True, False])
def test_a_piece_that_is_left(has_native: bool) -> None:
    """After ablation a nodule of 16 mm still enhances at the border of 40 mm of dead tissue."""
    alive = (radius_mm((0.0, 10.0, 0.0)) < 8.0) & LESION
    before = native(LESION) if has_native else None
    found = measure_viable(LESION, scan(alive, LESION), PLAIN, before)
    assert found.long_axis_mm == pytest.approx(16.0, abs=1.5)
    assert found.short_axis_mm == pytest.approx(16.0, abs=2.0)
    expected = 100 * (1 - alive.sum() / LESION.sum())
    assert found.necrosis_percent == pytest.approx(expected, abs=2.0)


def test_a_line_does_not_cross_dead_tissue() -> None:
    """Across a shell of 40 mm with a dead core of 24 mm: the chord that just passes the core."""
    alive = LESION & (radius_mm() >= 12.0)
    found = measure_viable(LESION, scan(alive, LESION), PLAIN, native(LESION))
    assert found.long_axis_mm is not None
    # Slices beside the core cut the shell whole: 2 sqrt(20^2 - 12.5^2) is the widest of them.
    assert found.long_axis_mm == pytest.approx(2 * np.sqrt(20**2 - 12**2), abs=2.0)


@pytest.mark.parametrize("has_native", [True, False])
def test_dead_tissue_is_called_so(has_native: bool) -> None:
    before = native(LESION, 26.0) if has_native else None
    found = measure_viable(LESION, scan(LESION & False, LESION, 12.0), PLAIN, before)
    assert found.long_axis_mm == found.short_axis_mm == found.volume_ml == 0.0
    assert found.necrosis_percent == 100.0


def test_blood_and_oil_are_no_enhancement() -> None:
    """Haemorrhage is as bright before contrast as after; lipiodol is brighter than anything."""
    blood = np.where(LESION, 90.0, LIVER_HU) + RNG.normal(0, 6.0, SHAPE)
    arterial = Volume(blood.astype(np.float32), GEOMETRY)
    found = measure_viable(LESION, arterial, PLAIN, native(LESION, 88.0))
    assert found.long_axis_mm == 0.0
    assert measure_viable(LESION, arterial, PLAIN).long_axis_mm == pytest.approx(40.0, abs=1.0)
    oil = np.where(LESION, 400.0, LIVER_HU) + RNG.normal(0, 6.0, SHAPE)
    arterial = Volume(oil.astype(np.float32), GEOMETRY)
    found = measure_viable(LESION, arterial, PLAIN, native(LESION, 350.0))
    assert (found.long_axis_mm, found.note[:5]) == (0.0, "100 %")
    assert "haemorrhage and lipiodol" in measure_viable(LESION, arterial, PLAIN).note


def test_what_cannot_be_judged() -> None:
    found = measure_viable(LESION, scan(LESION, LESION), np.zeros_like(PLAIN))
    assert found.long_axis_mm is None and found.necrosis_percent is None
    assert found.reason == "no liver around it to compare it with"
    with pytest.raises(ValueError, match="must not be empty"):
        measure_viable(np.zeros_like(LESION), scan(LESION, LESION), PLAIN)
