"""Lesions scattered through a crop: many, small, inside or bulging, and where there is liver."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest

from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES, Tissue
from lvt_track.training.synthetic.scatter import scatter_lesions, without_lesions

TUMORS = [int(tissue) for tissue in TUMOR_TISSUES]
LESIONS = [*TUMORS, Tissue.CYST, Tissue.FOCAL_FAT, Tissue.PERFUSION_CHANGE]


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    """A slab of liver between fat and bone."""
    labels = np.full((64, 64, 64), Tissue.VISCERAL_FAT, dtype=np.uint8)
    labels[:, :, :40] = Tissue.LIVER
    labels[:, :, :6] = Tissue.CORTICAL_BONE
    return labels


def test_lesions_touch_the_liver_and_spare_what_does_not_yield(crop: np.ndarray) -> None:
    grown_out = fat_in_liver = 0
    for seed in range(12):
        drawn, lesion, _, _ = scatter_lesions(crop, 2.0, np.random.default_rng(seed))
        changed = drawn != crop
        assert changed.any()
        assert np.isin(drawn[changed & (crop == Tissue.VISCERAL_FAT)], list(LIVER_TISSUES)).all()
        fat_in_liver += int((drawn[changed] == Tissue.VISCERAL_FAT).sum())
        assert (drawn[crop == Tissue.CORTICAL_BONE] == Tissue.CORTICAL_BONE).all()
        assert not lesion[~changed].any()
        assert lesion[np.isin(drawn, TUMORS)].all()
        grown_out += int(np.isin(drawn[crop == Tissue.VISCERAL_FAT], TUMORS).sum())
    assert grown_out > 0
    assert fat_in_liver > 0


def test_lesions_come_in_numbers_and_small(crop: np.ndarray) -> None:
    shares = [
        np.isin(scatter_lesions(crop, 2.0, np.random.default_rng(seed)).labels, TUMORS).mean()
        for seed in range(12)
    ]
    assert 0 < np.median(shares) < 0.1


def test_many_crops_have_small_lesions_alone_and_many_of_them(crop: np.ndarray) -> None:
    largest_mm, counts = [], []
    for seed in range(24):
        drawn = scatter_lesions(crop, 1.0, np.random.default_rng(seed)).labels
        volumes = cc3d.statistics(
            cc3d.connected_components(np.isin(drawn, LESIONS), connectivity=6)
        )["voxel_counts"][1:]
        largest_mm.append(np.cbrt(6.0 * volumes.max() / np.pi))
        counts.append(len(volumes))
    small = np.array(largest_mm) < 14.0
    assert 0.3 < small.mean() < 0.8
    assert max(np.array(counts)[small]) > 8
    assert max(largest_mm) > 20.0


def test_the_same_chance_gives_the_same_lesions(crop: np.ndarray) -> None:
    one, other = (scatter_lesions(crop, 2.0, np.random.default_rng(4)) for _ in range(2))
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_some_tumours_have_soft_edges_and_no_double_has(crop: np.ndarray) -> None:
    tumors = soft = 0
    for seed in range(40):
        drawn, lesion, lesion_hu, is_soft = scatter_lesions(crop, 2.0, np.random.default_rng(seed))
        assert len(lesion_hu) == len(is_soft) > lesion.max()
        assert lesion_hu[0] == 0.0 and not is_soft[0]
        is_tumor = np.isin(drawn, TUMORS)
        assert not (is_soft[lesion] & ~is_tumor).any()
        soft += int(is_soft[lesion].sum())
        tumors += int(is_tumor.sum())
    assert 0.1 < soft / tumors < 0.9


def test_a_crop_without_liver_stays_as_it_is() -> None:
    labels = np.full((16, 16, 16), Tissue.FAT, dtype=np.uint8)
    drawn, lesion, lesion_hu, is_soft = scatter_lesions(labels, 2.0, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, labels)
    assert not lesion.any()
    assert len(lesion_hu) == len(is_soft) == 1


def test_lesions_heal_into_parenchyma(crop: np.ndarray) -> None:
    crop = crop.copy()
    crop[0, 0, 10:14] = [Tissue.PORTAL_VEIN, Tissue.TUMOR_RIM, Tissue.CYST, Tissue.FOCAL_FAT]
    healed = without_lesions(crop)
    np.testing.assert_array_equal(healed[0, 0, 10:14], [Tissue.PORTAL_VEIN] + [Tissue.LIVER] * 3)
    assert np.isin(healed, [int(t) for t in LIVER_TISSUES]).sum() == (crop >= Tissue.LIVER).sum()


def test_some_crops_hold_a_mass() -> None:
    labels = np.full((64, 64, 64), Tissue.VISCERAL_FAT, dtype=np.uint8)
    labels[6:58, 6:58, 6:58] = Tissue.LIVER
    largest_mm = []
    for seed in range(24):
        lesion = scatter_lesions(labels, 3.0, np.random.default_rng(seed)).lesion
        voxels = np.bincount(lesion.ravel())[1:]
        largest_mm.append(3.0 * np.cbrt(6.0 * voxels.max() / np.pi))
    assert 0.1 < (np.array(largest_mm) > 50.0).mean() < 0.5
