from __future__ import annotations

import numpy as np
import pytest
import torch

from lvt_track.register.align import align
from lvt_track.register.self_similarity import CHANNELS, self_similarity


@pytest.fixture(scope="module")
def texture():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(100, 20, (12, 14, 16)).astype(np.float32))


def test_every_place_is_most_like_one_of_its_neighbours(texture):
    likeness = self_similarity(texture)
    assert likeness.shape == (CHANNELS, *texture.shape)
    assert likeness.amax(0).min() == 1 and likeness.min() > 0


@pytest.mark.parametrize(("factor", "shift_hu"), [(1.0, -40.0), (0.4, 10.0), (-0.3, 90.0)])
def test_contrast_medium_changes_nothing(texture, factor, shift_hu):
    """Brighter, fainter or inverted, as vessels are between contrast phases."""
    other = self_similarity(texture * factor + shift_hu)
    assert (other - self_similarity(texture)).abs().max() < 1e-3


def test_a_flat_image_is_alike_everywhere():
    assert (self_similarity(torch.full((8, 8, 8), 60.0)) == 1).all()


def test_a_shift_is_found_though_bright_became_dark(make_body):
    from lvt_track.core.volume import Volume
    from lvt_track.register.liver_image import liver_image

    def moved(points):
        x, y, z = points.T
        wave = np.stack([np.sin(y / 30 + 1), np.sin(z / 28), np.sin(x / 32 + 2)], axis=1)
        return points + 4.0 * wave

    fixed = liver_image(*make_body())
    volume, masks = make_body(moved)
    inverted = np.where(masks.liver, 60 - 0.5 * (volume.hu - 100), volume.hu)
    image = liver_image(Volume(inverted, volume.geometry), masks)
    alignment = align(fixed, image, 0)
    places = image.liver_points_mm()[::37]
    error = np.linalg.norm(alignment.to_fixed(places) - moved(places), axis=1)
    assert alignment.quality.method == "deformable"
    assert error.mean() < 1.2
