"""Tissue codes and their published brightness."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.series import Phase
from lvt_track.phantom.body.tissues import (
    LIVER_TISSUES,
    TISSUE_HU,
    TUMOR_TISSUES,
    VESSEL_TISSUES,
    Tissue,
    recoded,
)


def test_every_tissue_has_a_brightness_and_fits_a_byte() -> None:
    assert set(TISSUE_HU) == set(Tissue)
    assert len(Tissue) >= 30
    assert max(Tissue) < 256


def test_vessels_and_tumours_belong_to_the_liver_and_exclude_each_other() -> None:
    assert VESSEL_TISSUES < LIVER_TISSUES
    assert TUMOR_TISSUES < LIVER_TISSUES
    assert not VESSEL_TISSUES & TUMOR_TISSUES
    assert not {Tissue.CYST, Tissue.FOCAL_FAT, Tissue.PERFUSION_CHANGE} & TUMOR_TISSUES
    assert not {Tissue.PORTAL_TRUNK, Tissue.VENA_CAVA} & LIVER_TISSUES


@pytest.mark.parametrize(
    ("tissue", "phase", "low", "high"),
    [
        (Tissue.LIVER, Phase.NATIVE, 50, 65),
        (Tissue.LIVER, Phase.PORTAL, 100, 120),
        (Tissue.SPLEEN, Phase.NATIVE, 40, 55),
        (Tissue.SPLEEN, Phase.PORTAL, 110, 135),
        (Tissue.AORTA, Phase.ARTERIAL, 250, 380),
        (Tissue.AORTA, Phase.PORTAL, 130, 180),
        (Tissue.MUSCLE, Phase.PORTAL, 55, 70),
        (Tissue.FAT, Phase.NATIVE, -115, -90),
        (Tissue.CYST, Phase.PORTAL, 0, 20),
        (Tissue.KIDNEY_CORTEX, Phase.ARTERIAL, 130, 200),
    ],
)
def test_means_lie_in_published_ranges(
    tissue: Tissue, phase: Phase, low: float, high: float
) -> None:
    assert low <= TISSUE_HU[tissue].mean(phase) <= high


def test_an_unknown_phase_is_taken_for_portal() -> None:
    model = TISSUE_HU[Tissue.LIVER]
    assert model.mean(Phase.UNKNOWN) == model.mean(Phase.PORTAL)


def test_veins_shine_and_metastases_are_dark_in_the_portal_phase() -> None:
    liver = TISSUE_HU[Tissue.LIVER].mean(Phase.PORTAL)
    for tissue in (Tissue.PORTAL_VEIN, Tissue.HEPATIC_VEIN):
        assert TISSUE_HU[tissue].relative_to_liver
        assert 145 <= liver + TISSUE_HU[tissue].mean(Phase.PORTAL) <= 185
    metastasis = liver + TISSUE_HU[Tissue.TUMOR_HYPODENSE].mean(Phase.PORTAL)
    assert 40 <= metastasis <= 80


def test_labels_are_recoded_by_a_table() -> None:
    labels = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    table = np.random.default_rng(1).permutation(256).astype(np.uint8)
    swapped = recoded(labels.transpose(2, 0, 1), table)
    np.testing.assert_array_equal(swapped, table[labels].transpose(2, 0, 1))
    swapped[0] = 0
