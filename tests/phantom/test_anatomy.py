"""Bodies: the same from the same seed, sizes as in life, everything where it belongs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from lvt_track.phantom.body.anatomy import Anatomy, draw_anatomy
from lvt_track.phantom.body.habitus import draw_habitus
from lvt_track.phantom.body.tissues import LIVER_TISSUES, VESSEL_TISSUES, Tissue

SPACING_MM = 3.5


@pytest.fixture(scope="module")
def bodies() -> list[Anatomy]:
    return [draw_anatomy(seed, SPACING_MM, "upper") for seed in range(300, 304)]


def share(body: Anatomy, tissues: frozenset[Tissue]) -> np.ndarray:
    return np.isin(body.labels, [int(t) for t in tissues])


def volume_ml(body: Anatomy, *tissues: Tissue) -> float:
    voxels = np.isin(body.labels, [int(t) for t in tissues]).sum()
    return float(voxels * body.geometry.voxel_volume_ml)


def test_the_same_seed_gives_the_same_body(bodies: list[Anatomy]) -> None:
    again = draw_anatomy(300, SPACING_MM, "upper")
    assert again.geometry == bodies[0].geometry
    assert again.habitus == bodies[0].habitus
    np.testing.assert_array_equal(again.labels, bodies[0].labels)
    assert (
        bodies[0].labels.shape != bodies[1].labels.shape
        or (bodies[0].labels != bodies[1].labels).any()
    )


def test_the_spacing_changes_only_the_sampling(bodies: list[Anatomy]) -> None:
    finer = draw_anatomy(300, 3.0, "upper")
    assert finer.habitus == bodies[0].habitus
    coarse_ml = share(bodies[0], LIVER_TISSUES).sum() * bodies[0].geometry.voxel_volume_ml
    fine_ml = share(finer, LIVER_TISSUES).sum() * finer.geometry.voxel_volume_ml
    assert fine_ml == pytest.approx(coarse_ml, rel=0.04)


def test_volumes_are_those_of_adults(bodies: list[Anatomy]) -> None:
    liver = [share(b, LIVER_TISSUES).sum() * b.geometry.voxel_volume_ml for b in bodies]
    assert min(liver) > 500
    assert max(liver) < 2700
    assert 1000 < np.mean(liver) < 2000
    spleen = np.mean([volume_ml(b, Tissue.SPLEEN) for b in bodies])
    assert 60 < spleen < 400
    kidneys = np.mean([volume_ml(b, Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA) for b in bodies])
    assert 150 < kidneys < 450


def test_the_liver_is_one_piece_on_the_right(bodies: list[Anatomy]) -> None:
    for body in bodies:
        liver = share(body, LIVER_TISSUES)
        pieces, count = ndimage.label(liver, np.ones((3, 3, 3)))
        sizes = np.bincount(pieces.ravel())[1:]
        assert sizes.max() > 0.97 * liver.sum(), count
        centre = body.geometry.to_world(np.argwhere(liver).mean(axis=0))
        assert centre[0] < -5


def test_vessels_lie_within_the_liver_and_hang_together(bodies: list[Anatomy]) -> None:
    connected = []
    for body in bodies:
        vessels = share(body, VESSEL_TISSUES)
        liver = share(body, LIVER_TISSUES)
        assert not (vessels & ~liver).any()
        assert 0.01 < vessels.sum() / liver.sum() < 0.12
        pieces, _ = ndimage.label(vessels, np.ones((3, 3, 3)))
        connected.append(np.sort(np.bincount(pieces.ravel())[1:])[-2:].sum() / vessels.sum())
    assert np.mean(connected) > 0.85


def test_all_tissues_of_an_upper_abdomen_are_there(bodies: list[Anatomy]) -> None:
    found = set(np.unique(np.concatenate([b.labels.ravel() for b in bodies])).tolist())
    expected = {
        Tissue.LUNG,
        Tissue.SPLEEN,
        Tissue.AORTA,
        Tissue.VENA_CAVA,
        Tissue.PORTAL_TRUNK,
        Tissue.PANCREAS,
        Tissue.STOMACH_WALL,
        Tissue.KIDNEY_CORTEX,
        Tissue.CORTICAL_BONE,
        Tissue.MARROW,
        Tissue.BOWEL_WALL,
        Tissue.GALLBLADDER,
        Tissue.LEFT_HEART,
        Tissue.PORTAL_VEIN,
        Tissue.HEPATIC_VEIN,
        Tissue.HEPATIC_ARTERY,
    }
    assert {int(t) for t in expected} <= found
    assert found <= {int(t) for t in Tissue}


def test_the_long_field_reaches_the_hips() -> None:
    body = draw_anatomy(310, 5.0, "abdomen")
    low = body.labels[: body.labels.shape[0] // 4]
    assert (low == Tissue.CORTICAL_BONE).any()
    assert (low == Tissue.BLADDER).any()
    assert not np.isin(low, [int(t) for t in LIVER_TISSUES]).any()


def test_habitus_varies_within_bounds() -> None:
    drawn = [draw_habitus(np.random.default_rng(seed)) for seed in range(200)]
    fat = np.array([h.fat_mm[1] for h in drawn])
    assert fat.min() < 12 < 25 < fat.max()
    assert {h.liver_shape for h in drawn} == set(type(drawn[0].liver_shape))
    assert all(0 <= h.visceral_fat <= 1 for h in drawn)
    assert 0.3 < np.mean([h.is_female for h in drawn]) < 0.7
