from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lvt_track.register.align import align, choose_reference

TUMORS = ((-40, 10, 5, 9), (20, -15, 12, 8))


class Moved:
    """A known motion, from a scan to the body: rigid, and a smooth elastic part."""

    def __init__(self, degrees=(3, -4, 5), shift_mm=(12, -9, 14), elastic_mm=0.0):
        self.turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
        self.shift = np.array(shift_mm, dtype=float)
        self.elastic = elastic_mm

    def __call__(self, points):
        x, y, z = points.T
        wave = np.stack([np.sin(y / 30 + 1), np.sin(z / 28), np.sin(x / 32 + 2)], axis=1)
        return points @ self.turn.T + self.shift + self.elastic * wave


def errors_mm(alignment, moved, image):
    """Error of `to_fixed` at places of the moving visit's liver, and the places."""
    places = image.liver_points_mm()[::37]
    return np.linalg.norm(alignment.to_fixed(places) - moved(places), axis=1)


@pytest.fixture(scope="module")
def fixed(make_image):
    return make_image(tumors=TUMORS)


@pytest.fixture(scope="module")
def elastic(fixed, make_image):
    """An elastic motion, the moved visit, and the alignment."""
    moved = Moved(elastic_mm=5.0)
    image = make_image(moved, tumors=TUMORS)
    return moved, image, align(fixed, image, 0)


def test_a_visit_lies_on_itself(fixed):
    alignment = align(fixed, fixed, 0)
    places = fixed.liver_points_mm()[::50]
    assert np.abs(alignment.to_moving(places) - places).max() < 0.3
    assert alignment.quality.is_reliable and alignment.quality.liver_dice > 0.99


def test_a_rigid_motion_is_found(fixed, make_image):
    moved = Moved()
    image = make_image(moved, tumors=TUMORS)
    assert errors_mm(align(fixed, image, 0), moved, image).mean() < 0.8


def test_an_elastic_motion_is_found_better_than_by_an_affine_map(elastic):
    moved, image, alignment = elastic
    assert alignment.quality.method == "deformable"
    error = errors_mm(alignment, moved, image)
    affine = alignment.affine.inverse(image.liver_points_mm()[::37])
    before = np.linalg.norm(affine - moved(image.liver_points_mm()[::37]), axis=1)
    assert error.mean() < 1.5 and np.percentile(error, 95) < 3.5
    assert error.mean() < 0.5 * before.mean()
    assert alignment.quality.folding_fraction == 0


def test_there_and_back_is_where_it_began(fixed, elastic):
    _, _, alignment = elastic
    places = fixed.liver_points_mm()[::50]
    assert alignment.to_fixed(alignment.to_moving(places)) == pytest.approx(places, abs=0.05)


def test_the_transform_of_simpleitk_says_the_same(fixed, elastic):
    _, _, alignment = elastic
    places = fixed.liver_points_mm()[::400]
    theirs = [alignment.transform.TransformPoint(p.tolist()) for p in places]
    assert np.array(theirs) == pytest.approx(alignment.to_moving(places), abs=0.01)


def test_uncertainty_tells_of_the_error(elastic):
    moved, image, alignment = elastic
    places = image.liver_points_mm()[::37]
    told = alignment.local_uncertainty_mm(alignment.to_fixed(places))
    error = errors_mm(alignment, moved, image)
    # Three coordinates, each with this standard error.
    assert 0.2 < np.sqrt((error**2 / told**2).mean() / 3) < 1.5


def test_growth_is_not_registered_away(make_image):
    small, large = (make_image(tumors=((-40, 10, 5, r),)) for r in (7, 14))
    alignment = align(small, large, 0)
    sphere = Rotation.random(200, random_state=1).apply([7.0, 0, 0])
    around = sphere + np.array([-40, 10, 5])
    moved = alignment.to_moving(around)
    radius = np.linalg.norm(moved - moved.mean(axis=0), axis=1).mean()
    assert radius == pytest.approx(7, abs=0.7)


def test_a_liver_cut_by_the_field_of_view_is_aligned_where_it_is_seen(fixed, make_image):
    moved = Moved(degrees=(0, 0, 2), shift_mm=(10, 5, 8))
    half = make_image(moved, shape=(22, 64, 76), lowest_z_mm=-9.0)
    assert half.is_cut
    alignment = align(fixed, half, 0)
    assert np.median(errors_mm(alignment, moved, half)) < 2.0
    below = np.array([[-30.0, 0.0, -40.0]])
    assert not alignment.covered_by_moving(below)[0]
    assert alignment.covered_by_moving(np.array([[-30.0, 0.0, 30.0]]))[0]


def test_without_a_liver_the_pair_is_flagged(fixed, make_body):
    from lvt_track.core.volume import Masks
    from lvt_track.register.liver_image import liver_image

    volume, masks = make_body()
    empty = np.zeros_like(masks.liver)
    image = liver_image(volume, Masks(empty, empty, empty, masks.geometry))
    quality = align(fixed, image, 2).quality
    assert not quality.is_reliable and quality.reference == 2
    assert "no liver" in quality.reason and quality.method == "identity"


def test_the_reference_shows_the_whole_liver(fixed, make_image):
    half = make_image(shape=(22, 64, 76), lowest_z_mm=-9.0)
    assert choose_reference([half, fixed]) == 1
    assert choose_reference([fixed, fixed, half]) == 0
    assert choose_reference([half]) == 0
    with pytest.raises(ValueError, match="at least one"):
        choose_reference([])
