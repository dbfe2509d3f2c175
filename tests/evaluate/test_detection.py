from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks
from lvt_track.evaluate.detection import Detection, dice, lesion_detection, score_case

SHAPE = (20, 20, 40)


def cube(corner: tuple[int, int, int], edge: int) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(slice(first, first + edge) for first in corner)] = True
    return mask


def test_dice_of_shifted_cubes() -> None:
    assert dice(cube((2, 2, 2), 8), cube((2, 2, 6), 8)) == pytest.approx(0.5)
    assert dice(cube((2, 2, 2), 8), cube((2, 2, 20), 8)) == 0.0
    nothing = np.zeros(SHAPE, dtype=bool)
    assert dice(nothing, nothing) is None
    assert dice(nothing, cube((2, 2, 2), 8)) == 0.0


def test_lesions_are_counted_by_size() -> None:
    # Edges of 3, 6 and 12 voxels of 1 mm are balls of 3.7, 7.4 and 14.9 mm.
    truth = cube((0, 0, 0), 3) | cube((8, 8, 8), 6) | cube((0, 0, 28), 12)
    found = cube((8, 8, 12), 6) | cube((0, 0, 28), 12) | cube((15, 0, 0), 3)
    counted = lesion_detection(found, truth, 1.0)
    assert counted.true == (1, 1, 1, 0)
    assert counted.detected == (0, 1, 1, 0)
    assert counted.false == (1, 0, 0, 0)
    assert counted.sensitivity() == pytest.approx(2 / 3)
    assert counted.sensitivity(5.0) == 1.0
    assert counted.sensitivity(20.0) is None


def test_a_tenth_must_be_covered() -> None:
    truth = cube((0, 0, 0), 10)
    just = np.zeros(SHAPE, dtype=bool)
    just[0, :10, :10] = True
    assert lesion_detection(just, truth, 1.0).detected == (0, 0, 1, 0)
    just[0, 0, 0] = False
    assert lesion_detection(just, truth, 1.0).detected == (0, 0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_mask_finds_all_of_itself(seed: int) -> None:
    mask = np.random.default_rng(seed).random(SHAPE) < 0.05
    counted = lesion_detection(mask, mask, 8.0)
    assert counted.detected == counted.true
    assert sum(counted.false) == 0
    assert counted + counted == Detection(
        *(tuple(2 * n for n in part) for part in (counted.detected, counted.true, counted.false))
    )


def test_case_needs_one_grid() -> None:
    geometry = Geometry.axial(SHAPE, (1.0, 1.0, 1.0))
    masks = Masks(cube((2, 2, 2), 12), cube((3, 3, 3), 2), cube((8, 8, 8), 3), geometry)
    scores = score_case(masks, masks)
    assert scores.dice == {"liver": 1.0, "vessels": 1.0, "tumors": 1.0}
    moved = replace(masks, geometry=Geometry.axial(SHAPE, (1.0, 1.0, 2.0)))
    with pytest.raises(ValueError, match="one grid"):
        score_case(masks, moved)
