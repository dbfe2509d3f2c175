from __future__ import annotations

import numpy as np
import pytest

from lvt_track.segment.postprocess.fluid import without_fluid

SPACING_MM = (2.0, 1.0, 1.0)
SHAPE = (30, 60, 60)
LIVER_HU = 110.0
BELOW_HU = 15.0


def ball(radius_mm: float, x: int = 30) -> np.ndarray:
    z, y, x_away = np.indices(SHAPE) - np.array([15, 30, x])[:, None, None, None]
    return np.hypot(np.hypot(2.0 * z, y), x_away) < radius_mm


def seen(*parts: tuple[np.ndarray, float]) -> np.ndarray:
    """A noisy liver with something in it."""
    hu = np.full(SHAPE, LIVER_HU)
    for mask, value in parts:
        hu[mask] = value
    return hu + np.random.default_rng(0).normal(0.0, 12.0, SHAPE)


@pytest.mark.parametrize("radius_mm", [6.0, 10.0, 20.0])
@pytest.mark.parametrize("fluid_hu", [0.0, 8.0])
def test_a_cyst_is_left_out(radius_mm: float, fluid_hu: float) -> None:
    drawn = ball(radius_mm)
    kept, cysts = without_fluid(drawn, seen((drawn, fluid_hu)), SPACING_MM, BELOW_HU)
    assert cysts == 1
    assert not kept.any()


@pytest.mark.parametrize("radius_mm", [6.0, 10.0, 20.0])
@pytest.mark.parametrize("tumor_hu", [25.0, 60.0, 140.0])
def test_a_tumour_stays(radius_mm: float, tumor_hu: float) -> None:
    drawn = ball(radius_mm)
    kept, cysts = without_fluid(drawn, seen((drawn, tumor_hu)), SPACING_MM, BELOW_HU)
    assert cysts == 0
    assert (kept == drawn).all()


def test_a_tumour_that_is_dead_inside_stays_for_its_wall() -> None:
    drawn = ball(18.0)
    hu = seen((drawn, 60.0), (ball(14.0), 5.0))
    assert without_fluid(drawn, hu, SPACING_MM, BELOW_HU)[1] == 0


def test_an_outline_that_holds_a_margin_of_liver_is_no_wall() -> None:
    hu = seen((ball(12.0), 5.0))
    assert without_fluid(ball(13.5), hu, SPACING_MM, BELOW_HU)[1] == 1


def test_each_lesion_is_judged_by_itself() -> None:
    cyst, tumor = ball(8.0, 15), ball(8.0, 45)
    hu = seen((cyst, 5.0), (tumor, 50.0))
    drawn = cyst | tumor
    kept, cysts = without_fluid(drawn, hu, SPACING_MM, BELOW_HU)
    assert cysts == 1
    assert (kept == tumor).all()
    assert (drawn == (cyst | tumor)).all()


def test_nothing_drawn_is_nothing_left_out() -> None:
    nothing = np.zeros(SHAPE, dtype=bool)
    kept, cysts = without_fluid(nothing, seen(), SPACING_MM, BELOW_HU)
    assert cysts == 0
    assert not kept.any()


def test_a_large_one_that_is_dead_to_its_rim_stays_for_a_trace_of_a_wall() -> None:
    drawn = ball(20.0)
    hu = seen((drawn, 14.0), (ball(15.5), 5.0))
    assert without_fluid(drawn, hu, SPACING_MM, BELOW_HU)[1] == 0
