from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.segment.postprocess.veins import without_veins

SHAPE = (16, 16, 16)
LIVER_HU = 100


def block(first: int, last: int) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[first:last, first:last, first:last] = True
    return mask


LIVER, LESION, OTHER = block(1, 15), block(2, 5), block(8, 12)


def scan_with(lesion_hu: int) -> np.ndarray:
    hu = np.full(SHAPE, -100, dtype=np.int16)
    hu[LIVER] = LIVER_HU
    hu[LESION] = lesion_hu
    hu[OTHER] = 60
    return hu


def test_a_dark_spot_that_is_largely_vessel_too_is_a_vein() -> None:
    vessels = LESION.copy()
    vessels[4:] = False
    kept, veins = without_veins(LESION | OTHER, vessels, LIVER, scan_with(70))
    assert (kept == OTHER).all()
    assert veins == 1


def test_a_bright_or_hardly_darker_one_stays() -> None:
    for lesion_hu in (85, 100, 140):
        kept, veins = without_veins(LESION | OTHER, LESION, LIVER, scan_with(lesion_hu))
        assert (kept == (LESION | OTHER)).all()
        assert veins == 0


def test_a_dark_one_with_a_vessel_through_it_stays() -> None:
    vessels = LESION.copy()
    vessels[3:] = False
    kept, veins = without_veins(LESION | OTHER, vessels, LIVER, scan_with(70))
    assert (kept == (LESION | OTHER)).all()
    assert veins == 0


def test_without_liver_to_compare_with_everything_stays() -> None:
    everything = np.ones(SHAPE, dtype=bool)
    kept, veins = without_veins(everything, everything, everything, scan_with(0))
    assert kept.all()
    assert veins == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.02, 0.3), st.integers(-500, 500))
def test_only_whole_dark_spots_go_and_hu_may_shift(seed: int, share: float, shift: int) -> None:
    draw = np.random.default_rng(seed)
    tumors, vessels = (LIVER & (draw.random(SHAPE) < share) for _ in range(2))
    hu = draw.normal(100, 40, SHAPE).astype(np.int16)
    kept, veins = without_veins(tumors, vessels, LIVER, hu)
    gone = tumors & ~kept
    assert not (kept & ~tumors).any()
    assert (veins > 0) == gone.any()
    assert not gone.any() or (gone & vessels).sum() > 0.35 * gone.sum()
    again, _ = without_veins(tumors, vessels, LIVER, hu + np.int16(shift))
    assert (again == kept).all()
