from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvt_track.phantom.body.tissues import Tissue
from lvt_track.training.synthetic.crops import Places, crop_around

MAP = np.random.default_rng(0).integers(1, 70, (20, 24, 28), dtype=np.uint8)


def test_unstretched_crop_is_a_part_of_the_map() -> None:
    crop = crop_around(MAP, np.array([10, 12, 14]), (8, 6, 4))
    np.testing.assert_array_equal(crop, MAP[6:14, 9:15, 12:16])


def test_crop_beyond_the_edge_is_moved_inside() -> None:
    crop = crop_around(MAP, np.array([0, 23, 14]), (8, 6, 4))
    np.testing.assert_array_equal(crop, MAP[0:8, 18:24, 12:16])


def test_what_the_map_lacks_is_air() -> None:
    crop = crop_around(MAP, np.array([10, 12, 14]), (26, 6, 4))
    np.testing.assert_array_equal(crop[3:23], MAP[:, 9:15, 12:16])
    assert (crop[:3] == Tissue.AIR).all()
    assert (crop[23:] == Tissue.AIR).all()


def test_stretched_by_two_every_voxel_comes_twice() -> None:
    crop = crop_around(MAP, np.array([10, 12, 14]), (8, 6, 4), (2.0, 1.0, 2.0))
    whole = MAP[8:12, 9:15, 13:15].repeat(2, axis=0).repeat(2, axis=2)
    np.testing.assert_array_equal(crop, whole)


@given(
    centre=st.tuples(st.integers(-9, 40), st.integers(-9, 40), st.integers(-9, 40)),
    stretch=st.tuples(*[st.floats(0.5, 2.0)] * 3),
)
def test_a_crop_that_fits_holds_only_what_the_map_holds(
    centre: tuple[int, int, int], stretch: tuple[float, float, float]
) -> None:
    crop = crop_around(MAP, np.array(centre), (8, 6, 12), stretch)
    assert crop.shape == (8, 6, 12)
    assert (crop > 0).all()


@pytest.mark.parametrize("finer", [1, 2])
def test_places_lie_in_the_liver_and_near_its_lesions(finer: int) -> None:
    labels = np.full((48, 48, 48), Tissue.FAT, dtype=np.uint8)
    labels[10:40, 10:40, 10:40] = Tissue.LIVER
    labels[18:30, 18:30, 18:30] = Tissue.TUMOR_RIM
    places = Places.of(labels, finer)
    assert set(labels[tuple(places.lesions.T)]) == {int(Tissue.TUMOR_RIM)}
    assert set(labels[tuple(places.liver.T)]) == {int(Tissue.LIVER), int(Tissue.TUMOR_RIM)}
    rng = np.random.default_rng(1)
    drawn = np.array([places.draw(1.0, rng) for _ in range(50)])
    assert (drawn >= 10 - 12 * finer).all()
    assert (drawn < 40 + 12 * finer).all()
