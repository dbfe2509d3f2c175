"""Axes between the edges in the image: right for masks drawn too large, else as drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.components import find_lesions
from lvt_track.measure.edges import edge_mask

PIXEL_MM = 0.7


def scene(diameter_mm, outset_mm, lesion_hu=60.0, rim_hu=None, noise_hu=10.0):
    """A ball in a liver of 105 HU in slices of 2.5 mm, and a rough mask of it that is too large."""
    shape = (17, 100, 100)
    geometry = Geometry.axial(shape, (2.5, PIXEL_MM, PIXEL_MM), (0, 0, 0))
    rng = np.random.default_rng(int(10 * diameter_mm))
    centre = np.array([20.3, 35.2, 34.8])
    index = np.indices(shape).transpose(1, 2, 3, 0) * geometry.spacing_mm
    away = np.linalg.norm(index - centre, axis=-1) - diameter_mm / 2
    hu = np.where(away < 0, lesion_hu, 105.0)
    if rim_hu is not None:
        hu[(away < 0) & (away > -2)] = rim_hu
    hu = ndimage.gaussian_filter(hu, (0, 1, 1)) + rng.normal(0, noise_hu, shape)
    rough = ndimage.gaussian_filter(rng.normal(size=shape), (1, 3, 3))
    mask = away < outset_mm + 0.5 * rough / rough.std()
    nothing = np.zeros(shape, dtype=bool)
    return Volume(hu.astype(np.float32), geometry), Masks(~nothing, nothing, mask, geometry)


@pytest.mark.parametrize("diameter_mm", [10.0, 16.0, 28.0, 40.0])
def test_a_mask_drawn_too_large_is_measured_at_the_edges(diameter_mm):
    volume, masks = scene(diameter_mm, 0.8)
    _, (drawn, *_) = find_lesions(0, volume, masks)
    _, (lesion, *_) = find_lesions(0, volume, masks, at_edges=True)
    assert drawn.measurement.long_axis.length_mm > diameter_mm + 1.5
    assert lesion.measurement.long_axis.length_mm == pytest.approx(diameter_mm, abs=0.8)
    assert lesion.measurement.drawn_long_axis_mm == drawn.measurement.long_axis.length_mm
    assert lesion.measurement.volume_ml == drawn.measurement.volume_ml
    assert lesion.voxels == drawn.voxels


@pytest.mark.parametrize(
    "options", [{"lesion_hu": 97.0}, {"rim_hu": 150.0}], ids=["faint", "bright rim"]
)
def test_where_the_image_does_not_tell_the_mask_counts(options):
    volume, masks = scene(20.0, 0.8, **options)
    _, (drawn, *_) = find_lesions(0, volume, masks)
    assert find_lesions(0, volume, masks, at_edges=True)[1][0] == drawn


def ellipse(a_mm, b_mm, angle, outset_mm=0.6):
    """A dark ellipse with half axes a, b in one slice, blurred and noisy, and a larger mask."""
    size, parts, half = 100, 4, 0.75 * 50
    v, u = (np.indices((size * parts, size * parts)) + 0.5) / parts * 0.75 - half
    along = u * np.cos(angle) + v * np.sin(angle)
    across = v * np.cos(angle) - u * np.sin(angle)

    def share(outset):
        inside = (along / (a_mm + outset)) ** 2 + (across / (b_mm + outset)) ** 2 < 1
        return inside.reshape(size, parts, size, parts).mean(axis=(1, 3))

    noise = np.random.default_rng(round(10 * a_mm + b_mm)).normal(0, 9, (size, size))
    hu = 110 - 45 * ndimage.gaussian_filter(share(0.0), 1) + noise
    mask = share(outset_mm)[None] > 0.5
    geometry = Geometry.axial((1, size, size), (3.0, 0.75, 0.75), (0, 0, 0))
    nothing = np.zeros(mask.shape, dtype=bool)
    volume = Volume(hu[None].astype(np.float32), geometry)
    return volume, Masks(~nothing, nothing, mask, geometry)


@pytest.mark.parametrize("angle", [0.0, 0.5, 1.2])
@pytest.mark.parametrize(("a_mm", "b_mm"), [(20.0, 6.0), (15.0, 8.0), (10.0, 4.0)])
def test_tips_of_a_longish_lesion_are_kept(a_mm, b_mm, angle):
    volume, masks = ellipse(a_mm, b_mm, angle)
    _, (lesion, *_) = find_lesions(0, volume, masks, at_edges=True)
    assert lesion.measurement.long_axis.length_mm == pytest.approx(2 * a_mm, abs=2.0)
    assert lesion.measurement.short_axis.length_mm == pytest.approx(2 * b_mm, abs=1.6)


def test_the_liver_beside_the_lesion_counts_not_what_lies_beyond():
    """A dark neighbour 6 mm away, drawn by nobody, must not make the lesion's surroundings dim."""
    volume, masks = scene(20.0, 0.8)
    beyond = np.abs(np.indices(volume.hu.shape)[2] * PIXEL_MM - 34.8) > 16.0
    dark = Volume(np.where(beyond, volume.hu - 60, volume.hu), volume.geometry)
    _, (lesion, *_) = find_lesions(0, dark, masks, at_edges=True)
    assert lesion.measurement.long_axis.length_mm == pytest.approx(20.0, abs=0.8)


def test_a_bright_lesion_has_edges_too():
    volume, masks = scene(20.0, 0.8, lesion_hu=150.0)
    _, (lesion, *_) = find_lesions(0, volume, masks, at_edges=True)
    assert lesion.measurement.long_axis.length_mm == pytest.approx(20.0, abs=0.8)


def test_without_plain_liver_around_nothing_is_told():
    volume, masks = scene(20.0, 0.8)
    mask, nothing = masks.tumors[8], np.zeros(masks.tumors[8].shape, dtype=bool)
    assert edge_mask(mask, volume.hu[8], nothing, (PIXEL_MM, PIXEL_MM)) is None


def test_an_axis_that_lost_a_lump_stays_as_it_was_drawn():
    """A dark ball and a faint one that touch: the image shows the edge of the dark one alone."""
    shape = (11, 60, 120)
    geometry = Geometry.axial(shape, (2.5, PIXEL_MM, PIXEL_MM), (0, 0, 0))
    index = np.indices(shape).transpose(1, 2, 3, 0) * geometry.spacing_mm
    dark = np.linalg.norm(index - [12.5, 21.0, 26.0], axis=-1) < 12
    faint = np.linalg.norm(index - [12.5, 21.0, 42.0], axis=-1) < 5
    hu = np.where(dark, 40.0, np.where(faint, 102.0, 105.0))
    volume = Volume(ndimage.gaussian_filter(hu, (0, 1, 1)).astype(np.float32), geometry)
    nothing = np.zeros(shape, dtype=bool)
    masks = Masks(~nothing, nothing, dark | faint, geometry)
    _, (lesion,) = find_lesions(0, volume, masks, at_edges=True)
    assert lesion.measurement.drawn_long_axis_mm is None
    assert lesion.measurement.long_axis.length_mm == pytest.approx(33.0, abs=0.8)
