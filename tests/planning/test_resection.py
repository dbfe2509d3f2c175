"""What resections take, leave, and how near they cut."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks
from lvt_track.errors import UsageError
from lvt_track.planning.resection.remnant import remnant_of, standard_liver_ml, wedge_around
from lvt_track.planning.resection.spec import read_resection, wedge_resection

GEOMETRY = Geometry.axial((20, 40, 40), (3.0, 1.0, 1.0))


def block() -> tuple[Masks, np.ndarray]:
    liver = np.zeros(GEOMETRY.shape, dtype=bool)
    liver[2:18, 4:36, 4:36] = True
    lesions = np.zeros(GEOMETRY.shape, dtype=np.int32)
    lesions[8:12, 10:14, 10:14] = 1
    lesions[8:12, 26:30, 28:32] = 2
    return Masks(liver, np.zeros_like(liver), lesions > 0, GEOMETRY), lesions


def test_halves_of_a_block() -> None:
    masks, lesions = block()
    resected = np.zeros(GEOMETRY.shape, dtype=bool)
    resected[:, :, :20] = True
    remnant = remnant_of(resected, masks, lesions)
    half_ml, tumor_ml = 16 * 32 * 16 * 3 / 1000, 4 * 4 * 4 * 3 / 1000
    assert remnant.resected_ml == pytest.approx(half_ml)
    assert remnant.remnant_functional_ml == pytest.approx(half_ml - tumor_ml)
    assert remnant.remnant_percent == pytest.approx(50.0)
    assert remnant.tumors_left == 1
    assert remnant.least_margin_mm == pytest.approx(6.0)


@pytest.mark.parametrize("margin_mm", [0.0, 4.0, 10.0])
def test_a_wedge_leaves_its_margin_and_no_more(margin_mm: float) -> None:
    masks, lesions = block()
    remnant = remnant_of(wedge_around(lesions == 2, margin_mm, GEOMETRY), masks, lesions)
    assert remnant.least_margin_mm is not None
    assert margin_mm <= remnant.least_margin_mm <= margin_mm + 1.0


def test_impossible_plans_are_said_to_be() -> None:
    masks, lesions = block()
    everything = remnant_of(np.ones(GEOMETRY.shape, dtype=bool), masks, lesions)
    nothing = remnant_of(np.zeros(GEOMETRY.shape, dtype=bool), masks, lesions)
    assert everything.remnant_ml == 0 and "nothing of the liver remains" in everything.remarks
    assert nothing.tumors_left == 2 and nothing.least_margin_mm is None
    through = np.zeros(GEOMETRY.shape, dtype=bool)
    through[:, :, :12] = True
    cut = remnant_of(through, masks, lesions)
    assert cut.least_margin_mm == 0 and cut.tumors_left == 2


def test_standard_volume_after_vauthey() -> None:
    # 70 kg and 175 cm are 1.8447 square metres after Mosteller.
    assert standard_liver_ml(70, 175) == pytest.approx(-794.41 + 1267.28 * 1.84466, abs=0.1)
    with pytest.raises(ValueError, match="25 to 350 kg"):
        standard_liver_ml(1.75, 70)


def test_plans_are_understood_or_refused() -> None:
    plan = read_resection("right, T2", 7.0)
    assert plan.segments == (5, 6, 7, 8) and plan.tracks == (2,) and plan.margin_mm == 7.0
    for text in ("9", "middle", "5;6", ""):
        with pytest.raises(UsageError, match="no segment"):
            read_resection(text, 10.0)
    with pytest.raises(UsageError, match="no tumour"):
        wedge_resection("5", 10.0)
    with pytest.raises(UsageError, match="0 to 100 mm"):
        wedge_resection("T1", -1.0)
