"""A piece of a wedge of other perfusion has no edge in the scan; a tumour has one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.lookalikes import PERFUSION, lookalikes
from lvt_track.lesions.perfusion import lies_in_wedge
from lvt_track.lesions.spots import drawn_spots

GRID = Geometry.axial((24, 70, 70), (3.0, 1.5, 1.5))
DEEP, SHALLOW = (12, 20, 35), (12, 15, 35)
NOTHING = np.zeros(GRID.shape, dtype=bool)


def away_mm(centre):
    """Of each voxel, along z, y, x."""
    index = np.indices(GRID.shape).transpose(1, 2, 3, 0)
    return (index - np.array(centre)) * GRID.spacing_mm


def scan_with(centre, contrast_hu, *, radius_mm=4.5, wedge=True, level_hu=110.0):
    """A block of liver with a cone of 30 mm on its front, and a ball that a model drew.

    Without a cone the ball itself differs.
    """
    liver = NOTHING.copy()
    liver[2:22, 10:65, 5:65] = True
    offsets = away_mm((12, 30, 35))
    along = -offsets[..., 1]
    cone = np.hypot(offsets[..., 0], offsets[..., 2]) < np.tan(np.radians(22)) * along
    ball = (np.linalg.norm(away_mm(centre), axis=-1) < radius_mm) & liver
    hu = np.where(liver, level_hu, level_hu - 200)
    hu += contrast_hu * (liver & (cone if wedge else ball))
    volume = Volume(np.rint(hu).astype(np.int16), GRID)
    return volume, Masks(liver, NOTHING, ball, GRID)


def is_in_wedge(volume, masks):
    (spot,) = drawn_spots(volume, masks, masks.tumors.astype(np.int32))
    return lies_in_wedge(volume, masks, spot)


@pytest.mark.parametrize("contrast_hu", [18, -14])
@pytest.mark.parametrize("centre", [DEEP, SHALLOW])
def test_a_piece_of_a_wedge_is_told_from_a_tumour_of_its_size(centre, contrast_hu):
    volume, masks = scan_with(centre, contrast_hu)
    spots = drawn_spots(volume, masks, masks.tumors.astype(np.int32))
    assert lookalikes(volume, masks, spots) == {1: PERFUSION}
    assert not is_in_wedge(*scan_with(centre, contrast_hu, wedge=False))


def test_without_liver_before_the_capsule_what_lies_around_it_decides():
    at_capsule = (12, 13, 35)
    assert is_in_wedge(*scan_with(at_capsule, 18))
    assert not is_in_wedge(*scan_with(at_capsule, 18, wedge=False))


@pytest.mark.parametrize("contrast_hu", [5, 40, -45])
def test_what_hardly_differs_or_differs_much_is_no_perfusion(contrast_hu):
    assert not is_in_wedge(*scan_with(DEEP, contrast_hu))


def test_what_ends_before_the_capsule_is_no_wedge():
    volume, masks = scan_with(DEEP, 18)
    hu = volume.hu.copy()
    hu[:, 10:16][masks.liver[:, 10:16]] = 110
    assert not is_in_wedge(Volume(hu, GRID), masks)


def test_what_lies_deep_in_the_liver_is_no_wedge():
    volume, masks = scan_with((12, 32, 35), 18, wedge=False)
    hu = volume.hu.copy()
    hu[masks.liver & (np.linalg.norm(away_mm((12, 32, 35)), axis=-1) < 14)] = 128
    far = Masks(np.ones(GRID.shape, dtype=bool), NOTHING, masks.tumors, GRID)
    assert not is_in_wedge(Volume(hu, GRID), far)


@given(st.integers(-80, 200), st.sampled_from([18, -14, 0]), st.booleans())
@settings(max_examples=12, deadline=None)
def test_the_liver_s_own_brightness_does_not_matter(level_hu, contrast_hu, wedge):
    here = is_in_wedge(*scan_with(DEEP, contrast_hu, wedge=wedge))
    there = is_in_wedge(*scan_with(DEEP, contrast_hu, wedge=wedge, level_hu=level_hu))
    assert here == there == (wedge and contrast_hu != 0)
