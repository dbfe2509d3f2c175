"""The probability that a drawn lesion is a tumour: what it rests on, and which way it goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.lookalikes import FALCIFORM, VESSEL
from lvt_track.lesions.spots import drawn_spots
from lvt_track.lesions.tumor_probability import (
    COEFFICIENTS,
    LesionEvidence,
    improbable,
    lesion_evidence,
    tumor_probability,
)

PLAIN = LesionEvidence(12.0, 1.0, 0.85, -40.0, 12.0, 0.0, 0.0, False)


def test_evidence_of_a_cube_in_a_liver_whose_levels_are_known() -> None:
    geometry = Geometry.axial((20, 30, 30), (2.0, 1.0, 1.0))
    liver = np.zeros(geometry.shape, dtype=bool)
    liver[2:18, 3:27, 3:27] = True
    labels = np.zeros(geometry.shape, dtype=np.int32)
    labels[8:11, 10:16, 10:16] = 1
    labels[2:5, 18:24, 18:24] = 2  # on the surface below
    vessels = np.zeros_like(liver)
    vessels[8:11, 10:16, 10:13] = True
    hu = np.where(labels > 0, 60, 100).astype(np.int16)
    probability = np.where(labels > 0, 0.6, 0.0).astype(np.float16)
    probability[9, 12, 12] = 0.9
    masks = Masks(liver, vessels, labels > 0, geometry)
    volume = Volume(hu, geometry)
    spots = drawn_spots(volume, masks, labels)
    found = lesion_evidence(spots, probability, {1: VESSEL, 2: FALCIFORM})
    inner, outer = found[1], found[2]
    assert inner.diameter_mm == pytest.approx((6 * 3 * 36 * 2 / np.pi) ** (1 / 3))
    assert inner.peak == pytest.approx(0.9, abs=1e-3)
    assert inner.mean == pytest.approx(0.6 + 0.3 / 108, abs=1e-3)
    assert (inner.contrast_hu, inner.noise_hu) == (-40.0, 0.0)
    # Half of the cube; of its six faces' neighbours none.
    assert inner.vessel_share == pytest.approx(54 / (108 + 2 * 36 + 4 * 18))
    assert inner.surface_share == 0.0
    # One of six faces: 36 of 144 neighbours.
    assert outer.surface_share == pytest.approx(36 / 144)
    assert (inner.is_at_falciform, outer.is_at_falciform) == (False, True)


def test_without_a_liver_nothing_is_told() -> None:
    geometry = Geometry.axial((4, 8, 8), (1.0, 1.0, 1.0))
    nothing = np.zeros(geometry.shape, dtype=bool)
    labels = np.zeros(geometry.shape, dtype=np.int32)
    labels[1:3, 2:5, 2:5] = 1
    volume = Volume(np.zeros(geometry.shape, dtype=np.int16), geometry)
    masks = Masks(nothing, nothing, labels > 0, geometry)
    spots = drawn_spots(volume, masks, labels)
    assert lesion_evidence(spots, labels.astype(np.float16), {}) == {}


def test_a_low_probability_of_a_small_lesion_is_a_doubt() -> None:
    unlike = replace(PLAIN, diameter_mm=7.0, surface_share=0.8)
    assert improbable(replace(unlike, surface_share=0.0)) == ""
    percent = 100 * tumor_probability(unlike)
    assert improbable(unlike) == f"perhaps none: by its look {percent:.0f} % likely a tumour"
    # What is measurable has to look like something that is none.
    assert improbable(replace(unlike, diameter_mm=10.0)) == ""


def test_each_term_has_its_coefficient() -> None:
    assert set(COEFFICIENTS) == set(PLAIN.terms())


@pytest.mark.parametrize(
    "worse",
    [
        replace(PLAIN, diameter_mm=5.0, peak=0.82, mean=0.66),
        replace(PLAIN, vessel_share=0.3),
        replace(PLAIN, surface_share=0.3),
        replace(PLAIN, is_at_falciform=True),
    ],
    ids=["small and unsure", "on a vessel", "at the surface", "a lookalike"],
)
def test_what_speaks_against_a_lesion_makes_it_less_likely(worse: LesionEvidence) -> None:
    assert 0.0 < tumor_probability(worse) < tumor_probability(PLAIN) < 1.0
