"""Lesions that go on beyond what the scan shows: at its ends, in its corners, beside padding."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.components import find_lesions
from lvt_track.measure.field_of_view import blank_warning

GEOMETRY = Geometry.axial((10, 60, 60), (3.0, 2.0, 2.0), (0.0, 0.0, 0.0))
Y, X = np.mgrid[:60, :60]


def lesion_at(x: int, hu: np.ndarray, z: slice = slice(4, 7)):
    """The one lesion: a disk of 8 mm radius about (30, x)."""
    tumors = np.zeros(GEOMETRY.shape, bool)
    tumors[z] = np.hypot(Y - 30, X - x) < 4
    nothing = np.zeros_like(tumors)
    masks = Masks(nothing, nothing, tumors, GEOMETRY)
    _, (lesion,) = find_lesions(0, Volume(hu, GEOMETRY), masks)
    return lesion


def body(padding: int, radius: float = 28.0) -> np.ndarray:
    """Soft tissue in a round field of view, and one value beyond it."""
    hu = np.random.default_rng(1).normal(60, 9, GEOMETRY.shape).round().astype(np.int16)
    hu[:, np.hypot(Y - 29.5, X - 29.5) > radius] = padding
    return hu


@pytest.mark.parametrize("padding", [-1000, -1024, -3024])
@pytest.mark.parametrize(("x", "is_cut"), [(30, False), (48, False), (54, True), (57, True)])
def test_a_lesion_at_the_edge_of_a_round_field_of_view_is_cut(padding, x, is_cut):
    assert lesion_at(x, body(padding)).is_cut is is_cut


def test_neither_air_with_noise_nor_a_hole_in_the_middle_is_padding():
    hu = body(-1000)
    outside = hu == -1000
    hu[outside] = np.random.default_rng(2).normal(-995, 9, np.count_nonzero(outside))
    assert not lesion_at(54, hu).is_cut
    gas = body(40, 100.0)
    gas[:, 26:35, 36:42] = -1024
    assert not lesion_at(30, gas).is_cut


@pytest.mark.parametrize(("z", "is_cut"), [(slice(0, 3), True), (slice(7, 10), True)])
def test_a_lesion_in_the_last_slice_is_cut(z, is_cut):
    assert lesion_at(30, body(-1000), z).is_cut is is_cut


def test_blank_slices_between_others_cut_what_reaches_them_and_are_told():
    hu = body(-1000, 100.0)
    hu[7:9] = -1024
    volume = Volume(hu, GEOMETRY)
    assert lesion_at(30, hu).is_cut
    assert not lesion_at(30, hu, slice(2, 5)).is_cut
    assert "2 slices between 8 and 9 show nothing" in blank_warning(volume)[0]
    hu[9] = -1024
    assert blank_warning(volume) == ()
