"""What one scan says against a spot: focal fat at the falciform ligament, or a vessel."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.lookalikes import (
    FALCIFORM,
    FLUID,
    FORK,
    VESSEL,
    lookalike_warning,
    lookalikes,
)
from lvt_track.lesions.spots import drawn_spots

GRID = Geometry.axial((24, 80, 100), (3.0, 2.0, 2.0))
FISSURE_X = 58
BESIDE, AWAY, EDGE = (12, 16, 54), (12, 45, 30), (12, 45, 11)
# Where the ligament runs above the fissure, and as far to its other side.
ABOVE_LEFT, ABOVE_RIGHT = (19, 14, 70), (19, 14, 48)


def scan_with(centre, contrast_hu, *, radius_mm=7.0, fat_hu=-80.0, vessel_share=0.0, beside=False):
    """A block of liver at 110 HU, a slit of fat in its front, and a ball that a model drew.

    A vessel of 160 HU runs through the liver, or beside the ball.
    """
    shape = GRID.shape
    liver = np.zeros(shape, dtype=bool)
    liver[2:22, 10:70, 10:90] = True
    hu = np.where(liver, 110.0, -100.0)
    slit = np.zeros(shape, dtype=bool)
    slit[4:18, 10:22, FISSURE_X : FISSURE_X + 3] = True
    liver &= ~slit
    hu[slit] = fat_hu
    index = np.indices(shape).transpose(1, 2, 3, 0)
    away_mm = (index - np.array(centre)) * GRID.spacing_mm
    ball = (np.linalg.norm(away_mm, axis=-1) < radius_mm) & liver
    hu[ball] += contrast_hu
    vessels = ball & (away_mm[..., 2] < (2 * vessel_share - 1) * radius_mm)
    trunk = np.zeros(shape, dtype=bool)
    trunk[8:16, 25:65, centre[2] + 3 if beside else 80] = True
    trunk &= liver & ~ball
    hu[trunk] = 160.0
    vessels |= trunk
    return Volume(hu.astype(np.int16), GRID), Masks(liver, vessels, ball, GRID), ball


@pytest.mark.parametrize(
    ("centre", "contrast_hu", "how", "reason"),
    [
        (BESIDE, -30, {}, FALCIFORM),
        (BESIDE, -80, {}, None),
        (ABOVE_LEFT, -30, {}, FALCIFORM),
        (ABOVE_RIGHT, -30, {}, None),
        (BESIDE, -30, {"radius_mm": 11.0}, None),
        (BESIDE, 30, {}, None),
        (AWAY, -30, {}, None),
        (BESIDE, -30, {"radius_mm": 18.0}, None),
        (BESIDE, -30, {"fat_hu": 110.0}, None),
        (AWAY, 50, {"vessel_share": 0.6}, VESSEL),
        (AWAY, 50, {}, None),
        (AWAY, -10, {"vessel_share": 0.6}, VESSEL),
        (AWAY, 40, {"beside": True}, FORK),
        (AWAY, 30, {"beside": True}, None),
        (AWAY, 40, {"beside": True, "radius_mm": 9.0}, None),
        (EDGE, -85, {}, FLUID),
        (EDGE, -85, {"radius_mm": 14.0}, None),
        (EDGE, -70, {}, None),
        (AWAY, -85, {}, None),
    ],
)
def test_place_and_brightness_say_what_is_in_doubt(centre, contrast_hu, how, reason):
    volume, masks, ball = scan_with(centre, contrast_hu, **how)
    spots = drawn_spots(volume, masks, ball.astype(np.int32))
    assert lookalikes(volume, masks, spots).get(1) == reason


def test_fat_is_as_dark_as_that_beside_the_liver_around_it():
    volume, masks, ball = scan_with(BESIDE, -30)
    hu = volume.hu.copy()
    # The other half of the liver holds much more fat.
    hu[:, 40:] -= np.where(masks.liver[:, 40:], 45, 0).astype(np.int16)
    volume = Volume(hu, GRID)
    spots = drawn_spots(volume, masks, ball.astype(np.int32))
    assert lookalikes(volume, masks, spots) == {1: FALCIFORM}


def test_a_warning_counts_each_reason():
    assert set(lookalike_warning([FALCIFORM, VESSEL, VESSEL])) == {
        f"1 of the tumours is in doubt: {FALCIFORM}",
        f"2 of the tumours are in doubt: {VESSEL}",
    }
    assert lookalike_warning([]) == ()
