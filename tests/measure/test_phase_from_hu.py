"""The contrast phase from pixels, on a body drawn by formulas."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.measure.blood_pool import BloodPool, measure_blood_pool
from lvt_track.measure.phase_from_hu import phase_from_hu, phase_of_blood_pool
from lvt_track.measure.phase_model import MEAN_HU

STEP_MM = 3.0
AORTA_HU, CAVA_HU, LIVER_HU, SPLEEN_HU, KIDNEY_HU = 300.0, 90.0, 70.0, 125.0, 160.0


def draw_body(aorta_hu: float = AORTA_HU) -> Volume:
    """A trunk with a spine of vertebrae and discs, two vessels, liver, spleen and kidneys."""
    shape = (60, 84, 116)
    z, y, x = np.ogrid[:60, :84, :116]
    y, x = (y - 42) * STEP_MM, (x - 58) * STEP_MM
    hu = np.full(shape, -1000.0)
    hu[np.broadcast_to((x / 165) ** 2 + (y / 115) ** 2 < 1, shape)] = -100.0
    inner = (x / 150) ** 2 + (y / 100) ** 2 < 1
    lung = inner & (z >= 52)

    def put(where: np.ndarray, value: float) -> None:
        hu[np.broadcast_to(where, shape)] = value

    put(inner & ((x + 85) ** 2 + (y + 5) ** 2 < 60**2), LIVER_HU)
    put((x - 110) ** 2 + (y - 20) ** 2 < 30**2, SPLEEN_HU)
    for side in (-1, 1):
        put(((x - side * 50) ** 2 + (y - 40) ** 2 < 21**2) & (z < 35), KIDNEY_HU)
    put(lung, -850.0)
    spine = x**2 + (y - 45) ** 2
    is_disc = z % 11 < 3
    put((spine < 22**2) & ~is_disc, 500.0)
    put((spine < 18**2) & ~is_disc, 170.0)
    put((spine < 22**2) & is_disc, 75.0)
    put((np.abs(x) < 30) & (np.abs(y - 74) < 5), 600.0)
    put((x - 14) ** 2 + (y - 8) ** 2 < 11**2, aorta_hu)
    put((x + 20) ** 2 + (y - 8) ** 2 < 11**2, CAVA_HU)
    hu += np.random.default_rng(1).normal(0, 8, shape)
    spacing = (STEP_MM,) * 3
    return Volume(hu.astype(np.float32), Geometry.axial(shape, spacing, (0.0, 0.0, 0.0)))


def turned(volume: Volume, axes: tuple[int, int, int], flipped: tuple[int, ...]) -> Volume:
    """The same body with its voxels stored in another order."""
    hu = volume.hu.transpose(axes)
    direction = volume.geometry.direction[:, ::-1][:, list(axes)]
    for axis in flipped:
        direction = direction.copy()
        direction[:, axis] *= -1
        hu = np.flip(hu, axis)
    geometry = Geometry(hu.shape, (STEP_MM,) * 3, (0.0, 0.0, 0.0), direction[:, ::-1])
    return Volume(np.ascontiguousarray(hu), geometry)


def test_places_are_as_bright_as_they_were_drawn() -> None:
    pool = measure_blood_pool(draw_body())
    assert pool is not None
    assert pool.aorta == pytest.approx(AORTA_HU, abs=25)
    assert pool.cava == pytest.approx(CAVA_HU, abs=15)
    assert pool.liver == pytest.approx(LIVER_HU, abs=5)
    assert pool.spleen == pytest.approx(SPLEEN_HU, abs=5)


def test_a_vertebra_brighter_than_the_aorta_is_not_taken_for_it() -> None:
    pool = measure_blood_pool(draw_body(aorta_hu=110.0))
    assert pool is not None
    assert pool.aorta == pytest.approx(110.0, abs=15)


@pytest.mark.parametrize(
    ("axes", "flipped"),
    [((0, 1, 2), (0,)), ((0, 1, 2), (1, 2)), ((2, 1, 0), ()), ((1, 0, 2), (0, 2))],
)
def test_the_order_of_voxels_does_not_matter(
    axes: tuple[int, int, int], flipped: tuple[int, ...]
) -> None:
    body = draw_body()
    one, other = measure_blood_pool(body), measure_blood_pool(turned(body, axes, flipped))
    assert one is not None and other is not None
    # Which slices fall together in a coarse voxel may differ by one at the ends.
    assert other.values() == pytest.approx(one.values(), abs=6.0, nan_ok=True)


def test_a_bright_aorta_beside_a_dark_liver_is_arterial() -> None:
    assert phase_from_hu(draw_body()).phase is Phase.ARTERIAL


@pytest.mark.parametrize("phase", [Phase.NATIVE, Phase.ARTERIAL])
def test_the_mean_of_a_phase_is_told_as_that_phase(phase: Phase) -> None:
    reading = phase_of_blood_pool(BloodPool(*MEAN_HU[phase]))
    assert reading.phase is phase
    assert reading.confidence > 0.9


def test_between_portal_and_delayed_the_phase_stays_unknown() -> None:
    middle = (np.array(MEAN_HU[Phase.PORTAL]) + np.array(MEAN_HU[Phase.DELAYED])) / 2
    reading = phase_of_blood_pool(BloodPool(*middle))
    assert reading.phase is Phase.UNKNOWN
    assert reading.confidence < 0.8


def test_what_is_no_trunk_has_no_phase() -> None:
    empty = np.full((20, 40, 40), -1000, np.int16)
    water = np.zeros((20, 40, 40), np.int16)
    for hu in (empty, water):
        volume = Volume(hu, Geometry.axial(hu.shape, (3.0, 3.0, 3.0), (0.0, 0.0, 0.0)))
        assert phase_from_hu(volume).phase is Phase.UNKNOWN


def test_brightness_of_no_phase_is_unknown() -> None:
    assert phase_of_blood_pool(BloodPool(*[700.0] * 7)).phase is Phase.UNKNOWN
    few = BloodPool(*MEAN_HU[Phase.ARTERIAL][:3], *[np.nan] * 4)
    assert phase_of_blood_pool(few).phase is Phase.UNKNOWN
