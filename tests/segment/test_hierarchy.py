from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from lvt_track.core.components import largest_component
from lvt_track.segment.postprocess.hierarchy import (
    clean,
    without_holes,
    without_specks,
)

SHAPE = (12, 12, 12)
NO_MINIMUM = (0.0, 0.0, 0.0)


def cube(first: int, last: int) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[first:last, first:last, first:last] = True
    return mask


NOTHING = np.zeros(SHAPE, dtype=bool)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 0.8))
def test_parts_lie_in_one_liver(seed: int, share: float) -> None:
    draw = np.random.default_rng(seed)
    liver, vessels, tumors = (draw.random(SHAPE) < share for _ in range(3))
    cleaned = clean(liver, vessels, tumors, 1.0, NO_MINIMUM)
    found = cleaned.masks
    assert not (found["vessels"] & ~found["liver"]).any()
    assert not (found["tumors"] & ~found["liver"]).any()
    assert largest_component(found["liver"])[1] == 0


def test_hole_that_a_tumour_leaves_is_filled() -> None:
    tumor = cube(5, 8)
    cleaned = clean(cube(2, 10) & ~tumor, NOTHING, tumor, 1.0, NO_MINIMUM)
    assert (cleaned.masks["liver"] == cube(2, 10)).all()
    assert (cleaned.masks["tumors"] == tumor).all()


def test_tumour_open_to_the_dome_but_closed_in_slices_is_filled() -> None:
    tumor = np.zeros(SHAPE, dtype=bool)
    tumor[6:10, 4:8, 4:8] = True
    cleaned = clean(cube(2, 10) & ~tumor, NOTHING, tumor, 1.0, NO_MINIMUM)
    assert (cleaned.masks["liver"] == cube(2, 10)).all()
    without = clean(cube(2, 10) & ~tumor, NOTHING, NOTHING, 1.0, NO_MINIMUM)
    assert not (without.masks["liver"] & tumor).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 0.9))
def test_holes_are_those_that_scipy_fills(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((7, 8, 9)) < share
    assert (without_holes(mask) == ndimage.binary_fill_holes(mask)).all()
    assert (without_holes(mask[3]) == ndimage.binary_fill_holes(mask[3])).all()


def test_tumour_outside_the_liver_is_cut_off() -> None:
    tumor = np.zeros(SHAPE, dtype=bool)
    tumor[3:5, 3:5, :] = True
    cleaned = clean(cube(2, 8), NOTHING, tumor, 1.0, NO_MINIMUM)
    assert (cleaned.masks["tumors"] == (tumor & cube(2, 8))).all()
    assert (cleaned.masks["liver"] == cube(2, 8)).all()


def test_second_piece_of_liver_and_specks_are_dropped_and_counted() -> None:
    liver = cube(2, 8)
    liver[10:, 10:, 10:] = True
    tumors = NOTHING.copy()
    tumors[3, 3, 3] = True
    tumors[5:7, 5:7, 5:7] = True
    cleaned = clean(liver, NOTHING, tumors, 0.5, (20.0, 1.0, 1.0))
    assert (cleaned.masks["liver"] == cube(2, 8)).all()
    assert np.count_nonzero(cleaned.masks["tumors"]) == 8
    assert cleaned.dropped == {"liver": 1, "vessels": 0, "tumors": 1}


def test_too_small_a_liver_is_none() -> None:
    cleaned = clean(cube(2, 5), cube(2, 5), cube(2, 5), 1.0, (100.0, 0.0, 0.0))
    assert not any(mask.any() for mask in cleaned.masks.values())
    assert cleaned.dropped["liver"] == 1


def test_specks_touching_at_a_corner_count_as_one() -> None:
    mask = NOTHING.copy()
    mask[2, 2, 2] = mask[3, 3, 3] = True
    kept, dropped = without_specks(mask, 2)
    assert (kept == mask).all()
    assert dropped == 0
    assert without_specks(NOTHING, 2)[1] == 0
