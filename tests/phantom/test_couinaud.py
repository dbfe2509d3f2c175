"""Phantoms for planning: two trees that never touch, eight territories of one piece."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from lvt_track.phantom.couinaud.liver import CouinaudLiver, draw_couinaud_liver

AROUND = np.ones((3, 3, 3), dtype=bool)
COARSE_MM = (8.0, 6.0, 6.0)


@pytest.fixture(scope="module")
def phantom() -> CouinaudLiver:
    return draw_couinaud_liver(5)


def test_portal_and_hepatic_veins_never_touch(phantom: CouinaudLiver) -> None:
    others = ndimage.binary_dilation(phantom.hepatic | phantom.cava, AROUND)
    assert phantom.portal.any() and not (phantom.portal & others).any()


def test_every_vein_joins_the_cava_and_every_branch_the_trunk(phantom: CouinaudLiver) -> None:
    for tree in (phantom.hepatic | phantom.cava, phantom.portal):
        pieces, _ = ndimage.label(tree, AROUND)
        assert np.bincount(pieces[tree]).max() > 0.99 * np.count_nonzero(tree)


def test_territories_fill_the_liver_and_are_supplied(phantom: CouinaudLiver) -> None:
    assert ((phantom.segments > 0) == phantom.liver).all()
    assert 900 < np.count_nonzero(phantom.liver) * phantom.geometry.voxel_volume_ml < 3000
    for segment in range(1, 9):
        assert (phantom.portal & (phantom.segments == segment)).any(), segment


def test_the_same_seed_is_the_same_liver() -> None:
    one, again, other = (draw_couinaud_liver(seed, COARSE_MM) for seed in (5, 5, 6))
    assert (again.segments == one.segments).all() and (again.portal == one.portal).all()
    assert other.geometry.shape != one.geometry.shape
