from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.register.liver_image import liver_image, signed_distance_mm


def test_the_liver_keeps_its_place_and_volume(make_body):
    volume, masks = make_body()
    image = liver_image(volume, masks)
    assert image.liver_ml == pytest.approx(masks.volume_ml("liver"), rel=0.02)
    centre = masks.geometry.to_world(np.argwhere(masks.liver).mean(axis=0))
    assert image.liver_points_mm().mean(axis=0) == pytest.approx(centre, abs=0.3)
    assert not image.is_cut
    assert image.geometry.spacing_mm == (3.0, 3.0, 3.0)
    assert np.median(image.hu[image.liver]) == pytest.approx(
        np.median(volume.hu[masks.liver]), abs=4
    )


@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_flipped_scans_of_one_body_look_the_same(signs):
    """Whichever way a scan is stored, registration sees it along the patient's axes."""
    shape, spacing = (20, 40, 50), (5.0, 2.0, 2.0)
    direction = np.diag(np.array(signs, dtype=float))
    step = np.array([2.0, 2.0, 5.0]) * signs
    origin = -step * (np.array(shape[::-1]) - 1) / 2
    grid = Geometry(shape, spacing, tuple(origin), direction)
    x, y, z = grid.to_world(np.indices(shape).transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    liver = ((x - 8) / 22) ** 2 + ((y + 3) / 15) ** 2 + (z / 20) ** 2 < 1
    hu = np.where(liver, 100 + x, -100 + z).astype(np.float32)
    empty = np.zeros(shape, dtype=bool)
    image = liver_image(Volume(hu, grid), Masks(liver, empty, empty, grid))
    centre = image.liver_points_mm().mean(axis=0)
    assert centre == pytest.approx((8, -3, 0), abs=0.6)
    index = np.rint(image.geometry.to_index([[18.0, -3.0, 0.0]])[0]).astype(int)
    assert image.hu[tuple(index)] == pytest.approx(118, abs=3)


def test_small_tumours_are_kept_out_of_the_comparison(make_body):
    volume, masks = make_body(tumors=((-40, 10, 5, 3),))
    assert liver_image(volume, masks).tumors.any()


def test_blank_slices_at_the_ends_are_not_of_the_scan(make_body):
    volume, masks = make_body()
    z = np.flatnonzero(masks.liver.any(axis=(1, 2)))
    box = (slice(int(z[0]) + 4, int(z[-1]) - 3), slice(None), slice(None))
    padded = np.full_like(volume.hu, -1024)
    padded[box] = volume.hu[box]
    kept = np.zeros_like(masks.liver)
    kept[box] = masks.liver[box]
    cut = replace(masks, liver=kept, vessels=masks.vessels & kept, tumors=masks.tumors & kept)
    one = liver_image(Volume(padded, volume.geometry), cut)
    other = liver_image(volume.crop(box), masks.crop(box))
    assert one.is_cut and one.scan == other.scan and one.geometry == other.geometry
    np.testing.assert_array_equal(one.hu, other.hu)
    np.testing.assert_array_equal(one.inside, other.inside)


def test_what_lies_beyond_a_round_field_of_view_is_not_shown_where_the_liver_ends_at_it(make_body):
    volume, masks = make_body()
    centre = masks.geometry.to_world(np.argwhere(masks.liver).mean(axis=0))
    whole = liver_image(volume, masks)
    assert whole.hidden is None and whole.shows(centre[None] + [[1e3, 0, 0], [0, 0, 0]])[1]
    places = volume.geometry.to_world(np.argwhere(np.ones(volume.hu.shape, bool)))
    beyond = (np.hypot(*(places - centre).T[:2]) > 40).reshape(volume.hu.shape)
    hu = np.where(beyond, -1000, volume.hu).astype(np.int16)
    cut = replace(masks, liver=masks.liver & ~beyond)
    image = liver_image(Volume(hu, volume.geometry), cut)
    assert image.is_cut and image.hidden is not None
    ring = np.array([[np.cos(a), np.sin(a), 0.0] for a in np.linspace(0, 6, 12)])
    assert image.shows(centre + 34 * ring).all()
    assert not image.shows(centre + 46 * ring).any()
    # Air of one value around a whole body hides nothing.
    assert liver_image(Volume(hu, volume.geometry), replace(cut, liver=_middle(cut))).hidden is None


def _middle(masks):
    return ndimage.binary_erosion(masks.liver, iterations=3)


def test_padding_outside_the_circle_of_reconstruction_is_no_data(make_body):
    volume, masks = make_body()
    hu = volume.hu.copy()
    hu[:, :3] = -3024
    image = liver_image(Volume(hu, volume.geometry), masks)
    index = image.geometry.to_index([[0.0, -95.0, 0.0]])[0]
    if index[1] >= 0:
        assert not image.inside[tuple(np.rint(index).astype(int))]
    assert image.hu.min() >= -1000


def test_masks_must_belong_to_the_scan(make_body):
    volume, _ = make_body()
    _, other = make_body(lowest_z_mm=-60.0)
    with pytest.raises(ValueError, match="same grid"):
        liver_image(volume, other)


def test_distance_is_signed_and_in_mm():
    mask = np.zeros((9, 9, 21), dtype=bool)
    mask[:, :, 10:] = True
    distance = signed_distance_mm(mask, 3.0)
    assert distance[4, 4, 9] == pytest.approx(1.5)
    assert distance[4, 4, 10] == pytest.approx(-1.5)
    assert distance[4, 4, 4] == pytest.approx(16.5)
    assert (signed_distance_mm(np.zeros((2, 2, 2), bool), 3.0) > 100).all()
