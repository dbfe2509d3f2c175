"""Where the falciform ligament lies: a gap of fat in the liver's front, and what follows it."""

from __future__ import annotations

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.falciform import fissure_mm, is_beside

GRID = Geometry.axial((24, 80, 100), (3.0, 2.0, 2.0))
SLIT = slice(58, 61)
BLOCK = slice(2, 22), slice(10, 70), slice(10, 90)


def fissure(*, gap_hu=110, gap_slices=slice(12, 19), tumor=False, crescent=False):
    """Points of a slit of fat in slices 4 to 11, with a gap inside the liver mask above it."""
    hu = np.full(GRID.shape, -100, dtype=np.int16)
    liver, tumors = np.zeros((2, *GRID.shape), dtype=bool)
    liver[BLOCK] = True
    hu[BLOCK] = 110
    slit = slice(4, 12), slice(10, 22), SLIT
    liver[slit], hu[slit] = False, -80
    gap = gap_slices, slice(16, 23), SLIT
    hu[gap] = gap_hu
    tumors[gap] = tumor
    if crescent:
        dent = slice(19, 21), slice(10, 12), slice(67, 69)
        liver[dent], hu[dent] = False, -80
    points_mm = fissure_mm(Volume(hu, GRID), Masks(liver, tumors & False, tumors, GRID))
    return GRID.to_index(points_mm)


def test_the_fat_of_the_slit_is_seen():
    index = fissure()
    assert set(np.rint(index[:, 0])) == set(range(4, 12))
    assert index[:, 1].min() >= 10 and index[:, 1].max() < 22
    assert index[:, 2].min() >= 57 and index[:, 2].max() < 62


def test_what_is_as_dark_as_fat_with_some_liver_goes_on_from_it():
    assert fissure(gap_hu=5)[:, 0].max() == 18
    # Neither a lesion that was drawn, nor what is as dark as a lesion, nor what lies apart.
    assert fissure(gap_hu=5, tumor=True)[:, 0].max() == 11
    assert fissure(gap_hu=60)[:, 0].max() == 11
    assert fissure(gap_hu=5, gap_slices=slice(15, 19))[:, 0].max() == 11


def test_a_dent_elsewhere_in_the_front_is_none_of_it():
    assert np.array_equal(fissure(crescent=True), fissure())


def test_the_ligament_runs_on_above_forwards_and_to_the_left():
    line_mm = np.array([(0.0, 0.0, z) for z in range(-30, 1, 3)])
    ball_mm = np.random.default_rng(0).uniform(-4, 4, (200, 3))
    at = {
        "beside": (8, 0, -15),
        "above, left": (24, -10, 15),
        "above, right": (-24, -10, 15),
        "above, behind": (0, 20, 15),
        "too high": (0, -10, 40),
        "left, below": (24, -10, -20),
    }
    beside = {name for name, centre in at.items() if is_beside(ball_mm + centre, line_mm)}
    assert beside == {"beside", "above, left"}
    assert not is_beside(ball_mm * (4.5, 1, 1), line_mm)
