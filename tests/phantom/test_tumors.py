"""Tumours: volumes of ellipsoids, levels that measure distance, and only within the liver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.geometry import Geometry
from lvt_track.phantom.body.anatomy import Anatomy, draw_anatomy
from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES, Tissue
from lvt_track.phantom.course.tumors import (
    DOUBLES,
    Tumor,
    TumorKind,
    draw_tumor,
    draw_tumors,
    level_mm,
    stamp,
)


def smooth(radii: tuple[float, float, float], kind: TumorKind = TumorKind.HYPODENSE) -> Tumor:
    return Tumor(kind, (1.0, 2.0, 3.0), radii, np.eye(3), 0.0, 0.0, 0.0, 7)


@pytest.fixture(scope="module")
def body() -> Anatomy:
    return draw_anatomy(320, 3.0, "upper")


def liver_block(n: int = 80) -> tuple[np.ndarray, Geometry]:
    labels = np.full((n, n, n), Tissue.LIVER, dtype=np.uint8)
    return labels, Geometry.axial((n, n, n), (1.0, 1.0, 1.0), (-40.0, -40.0, -40.0))


@given(st.tuples(*[st.floats(6, 22)] * 3))
@settings(max_examples=12, deadline=None)
def test_volume_is_that_of_the_ellipsoid(radii: tuple[float, float, float]) -> None:
    labels, geometry = liver_block()
    _, identity = stamp(labels, geometry, [smooth(radii)])
    assert (identity == 1).sum() == pytest.approx(4 / 3 * np.pi * np.prod(radii), rel=0.03)


def test_the_level_of_a_sphere_is_its_distance() -> None:
    tumor = smooth((10.0, 10.0, 10.0))
    points = np.array([[1.0, 2, 3], [6, 2, 3], [11, 2, 3], [1, 2, 33]])
    np.testing.assert_allclose(level_mm(tumor, points), [-10, -5, 0, 20], atol=1e-6)


@pytest.mark.parametrize("kind", list(TumorKind))
def test_every_kind_is_tumour_or_double(kind: TumorKind) -> None:
    tumor = draw_tumor(np.random.default_rng(3), (0.0, 0.0, 0.0), 30.0, kind)
    labels, geometry = liver_block()
    stamped, identity = stamp(labels, geometry, [tumor])
    codes = {Tissue(int(c)) for c in np.unique(stamped[identity == 1])}
    assert codes
    assert (codes <= TUMOR_TISSUES) == (kind not in DOUBLES) == tumor.is_tumor
    assert codes <= LIVER_TISSUES


def test_it_lies_within_its_reach() -> None:
    rng = np.random.default_rng(1)
    for kind in TumorKind:
        tumor = draw_tumor(rng, (0.0, 0.0, 0.0), 25.0, kind)
        away = rng.normal(size=(2000, 3))
        away *= tumor.reach_mm / np.linalg.norm(away, axis=1, keepdims=True)
        assert (level_mm(tumor, away) > 0).all()


def test_all_of_a_lesion_is_stamped() -> None:
    rng = np.random.default_rng(5)
    labels = np.full((40, 44, 48), Tissue.LIVER, dtype=np.uint8)
    for kind in TumorKind:
        z, y, x = (float(edge) for edge in rng.uniform(0.7, 2.0, 3))
        geometry = Geometry.axial(labels.shape, (z, y, x))
        points = geometry.to_world(np.moveaxis(np.mgrid[:40, :44, :48], 0, -1))
        tumor = draw_tumor(rng, tuple(points[20, 22, 24]), float(rng.uniform(5, 40)), kind)
        _, identity = stamp(labels, geometry, [tumor])
        np.testing.assert_array_equal(identity > 0, level_mm(tumor, points) < 0)


def test_drawn_lesions_are_stamped_within_the_liver_only(body: Anatomy) -> None:
    tumors = draw_tumors(body, np.random.default_rng(2), count=6, double_count=2)
    stamped, identity = stamp(body.labels, body.geometry, tumors)
    liver = np.isin(body.labels, [int(t) for t in LIVER_TISSUES])
    assert not (identity[~liver] > 0).any()
    np.testing.assert_array_equal(stamped[identity == 0], body.labels[identity == 0])
    np.testing.assert_array_equal(np.isin(stamped, [int(t) for t in LIVER_TISSUES]), liver)
    assert [t.is_tumor for t in tumors] == sorted((t.is_tumor for t in tumors), reverse=True)
    assert 1 <= len(tumors) <= 8


def test_the_same_chance_gives_the_same_tumours(body: Anatomy) -> None:
    a = draw_tumors(body, np.random.default_rng(9))
    b = draw_tumors(body, np.random.default_rng(9))
    assert [t.centre_mm for t in a] == [t.centre_mm for t in b]
    assert [t.kind for t in a] == [t.kind for t in b]


def test_a_tumour_needs_a_size_and_a_rotation() -> None:
    with pytest.raises(ValueError, match="radii_mm"):
        smooth((1.0, 0.0, 1.0))
    with pytest.raises(ValueError, match="orthonormal"):
        Tumor(TumorKind.CYST, (0, 0, 0), (1, 1, 1), 2 * np.eye(3), 0.0, 0.0, 0.0, 1)
