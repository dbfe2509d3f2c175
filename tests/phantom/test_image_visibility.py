"""Lesions that an image shows, and those that it does not."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.phantom.image import visibility as image_visibility
from lvt_track.phantom.image.visibility import SEEN, LesionMaps

SHAPE = (40, 40, 40)
SPACING_MM = (1.5, 1.5, 1.5)
ALL = np.ones(SHAPE, dtype=bool)


def ball(centre: tuple[int, int, int], radius: float) -> BoolArray:
    place = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1)
    within: BoolArray = np.linalg.norm(place - np.array(centre), axis=-1) <= radius
    return within


def image(lesion: BoolArray, contrast_hu: float, noise_hu: float = 10.0) -> FloatArray:
    noise: FloatArray = np.random.default_rng(1).normal(100.0, noise_hu, SHAPE)
    return noise + contrast_hu * lesion


def conspicuity(
    hu: FloatArray,
    lesions: BoolArray,
    tissues: np.ndarray,
    parenchyma: BoolArray,
    liver: BoolArray,
) -> tuple[np.ndarray, FloatArray]:
    """Numbers of the lesions, and their conspicuity."""
    number = cc3d.connected_components(lesions, connectivity=26).astype(np.int16)
    maps = LesionMaps(*map(torch.from_numpy, (number, tissues, parenchyma, liver)))
    stands_out = image_visibility.conspicuity(torch.from_numpy(hu), maps, SPACING_MM)
    return number, stands_out.numpy()


def only_lesion(hu: FloatArray, lesion: BoolArray, tissues: FloatArray | None = None) -> float:
    codes = np.zeros(SHAPE, np.uint8) if tissues is None else tissues.astype(np.uint8)
    _, stands_out = conspicuity(hu, lesion, codes, ~lesion, ALL)
    assert stands_out[0] == np.inf
    assert len(stands_out) == 2
    return float(stands_out[1])


def test_white_noise_gives_the_textbook_value() -> None:
    lesion = ball((20, 20, 20), 3.0)
    # Contrast over the standard error of the mean of as many voxels.
    expected = 15.0 / (10.0 / np.sqrt(lesion.sum()))
    assert only_lesion(image(lesion, -15.0), lesion) == pytest.approx(expected, rel=0.2)


def test_a_lesion_as_bright_as_its_liver_is_not_shown() -> None:
    lesion = ball((20, 20, 20), 3.0)
    assert only_lesion(image(lesion, 0.0), lesion) < SEEN


def test_shading_that_lesion_and_liver_share_does_not_count() -> None:
    lesion = ball((20, 20, 12), 3.0)
    shading = np.linspace(0.0, 60.0, SHAPE[2])[None, None, :]
    assert only_lesion(image(lesion, 0.0) + shading, lesion) < SEEN


def test_a_rim_shows_a_lesion_whose_mean_is_that_of_the_liver() -> None:
    lesion, core = ball((20, 20, 20), 6.0), ball((20, 20, 20), 4.0)
    rim = lesion & ~core
    hu = image(lesion, 0.0) + 30.0 * rim - 30.0 * core * (rim.sum() / core.sum())
    assert only_lesion(hu, lesion) < SEEN
    assert only_lesion(hu, lesion, tissues=1.0 * rim) > SEEN


def test_correlated_noise_hides_more_than_white_noise() -> None:
    lesion = ball((20, 20, 20), 3.0)
    blotches = np.kron(np.random.default_rng(2).normal(0.0, 10.0, (10, 10, 10)), np.ones((4, 4, 4)))
    assert only_lesion(100.0 + blotches - 15.0 * lesion, lesion) < 0.5 * only_lesion(
        image(lesion, -15.0), lesion
    )


def test_lesions_are_judged_one_by_one() -> None:
    dark, even = ball((10, 10, 10), 3.0), ball((30, 30, 30), 3.0)
    hu = image(dark, -40.0)
    number, stands_out = conspicuity(
        hu, dark | even, np.zeros(SHAPE, np.uint8), ~(dark | even), ALL
    )
    assert stands_out[number[10, 10, 10]] > SEEN > stands_out[number[30, 30, 30]]
    assert set(np.unique(number[dark | even])) == {1, 2}


def test_fat_that_shares_a_lesions_voxels_does_not_show_it() -> None:
    lesion = ball((20, 20, 8), 3.0)
    liver = ALL.copy()
    liver[:, :, :5] = False
    hu = image(lesion, 0.0)
    hu[~liver] = -100.0
    hu[:, :, 5] = 0.0
    codes, parenchyma = np.zeros(SHAPE, np.uint8), liver & ~lesion
    _, stands_out = conspicuity(hu, lesion, codes, parenchyma, liver)
    assert stands_out[1] < SEEN
    edge = lesion & ~liver[:, :, np.r_[0, 0:39]]
    _, stands_out = conspicuity(hu, edge, codes, parenchyma, liver)
    assert edge.any() and stands_out[1] == 0.0


def test_without_parenchyma_everything_counts_as_shown() -> None:
    lesion = np.ones(SHAPE, dtype=bool)
    _, stands_out = conspicuity(image(lesion, 0.0), lesion, np.zeros(SHAPE, np.uint8), ~lesion, ALL)
    assert np.isinf(stands_out).all()


@settings(max_examples=10, deadline=None)
@given(offset=st.floats(-500, 500), scale=st.floats(1.5, 4.0))
def test_offset_and_scale_of_the_image_do_not_matter(offset: float, scale: float) -> None:
    lesion = ball((20, 20, 20), 2.0)  # Its noise stays above the floor of the spread.
    hu = image(lesion, -15.0)
    there = only_lesion(scale * hu + offset, lesion)
    assert there == pytest.approx(only_lesion(hu, lesion), rel=1e-2)
