"""Fluid on a liver: where it may lie, and how often it is thick."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.phantom.body.tissues import Tissue
from lvt_track.training.synthetic.ascites import with_ascites

SHAPE = (48, 50, 47)


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    """A slab of liver with a vessel between bone and fat, and muscle beyond."""
    labels = np.full(SHAPE, Tissue.MUSCLE, dtype=np.uint8)
    labels[:, :, :40] = Tissue.VISCERAL_FAT
    labels[:, :, :28] = Tissue.LIVER
    labels[20:24, :, 4:24] = Tissue.PORTAL_VEIN
    labels[:, :, :3] = Tissue.CORTICAL_BONE
    return labels


def test_fluid_takes_the_place_of_liver_and_fat_alone(crop: np.ndarray) -> None:
    amounts = []
    for seed in range(12):
        drawn = with_ascites(crop, 2.0, np.random.default_rng(seed))
        changed = drawn != crop
        assert (drawn[changed] == Tissue.ASCITES).all()
        assert np.isin(crop[changed], [Tissue.LIVER, Tissue.PORTAL_VEIN, Tissue.VISCERAL_FAT]).all()
        amounts.append(changed.mean())
    assert max(amounts) > 0.1
    assert len(set(amounts)) > 6


def test_fluid_lies_on_the_liver(crop: np.ndarray) -> None:
    shares = np.mean(
        [with_ascites(crop, 2.0, np.random.default_rng(k)) == Tissue.ASCITES for k in range(12)],
        axis=(0, 1, 2),
    )
    # The liver reaches from 3 to 28, fat from there to 40.
    assert shares[3] > 2.0 * shares[15] < 0.5 * shares[27]
    assert shares[28] > 2.0 * shares[39]
    assert not shares[:3].any()
    assert not shares[40:].any()


def test_chance_alone_decides(crop: np.ndarray) -> None:
    one, same, other = (with_ascites(crop, 2.0, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("tissue", [Tissue.LIVER, Tissue.MUSCLE])
def test_without_a_surface_there_is_nothing_to_lie_on(tissue: Tissue) -> None:
    labels = np.full((20, 20, 20), tissue, dtype=np.uint8)
    np.testing.assert_array_equal(with_ascites(labels, 2.0, np.random.default_rng(0)), labels)
