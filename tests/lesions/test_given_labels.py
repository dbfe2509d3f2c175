"""Tumours that a reader told apart by labels."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import LabelArray, Masks
from lvt_track.lesions.components import find_lesions
from lvt_track.lesions.given_labels import tumor_labels

SHAPE, SPACING_MM = (24, 32, 48), (2.0, 1.0, 1.0)


def ball(z: float, y: float, x: float, radius_mm: float) -> np.ndarray:
    grid = np.ogrid[tuple(map(slice, SHAPE))]
    parts = zip(grid, (z, y, x), SPACING_MM, strict=True)
    return sum(((axis - middle) * side) ** 2 for axis, middle, side in parts) <= radius_mm**2


def sizes(labels: LabelArray) -> list[int]:
    apart = tumor_labels(labels, SPACING_MM).apart
    tumors = labels != 0
    masks = Masks(tumors, np.zeros_like(tumors), tumors, Geometry.axial(SHAPE, SPACING_MM), apart)
    numbered, lesions = find_lesions(0, None, masks)
    assert [lesion.label for lesion in lesions] == list(range(1, len(lesions) + 1))
    return np.bincount(numbered[numbered > 0])[1:].tolist()


def test_balls_that_overlap_are_two_by_their_labels_and_one_without() -> None:
    labels = np.zeros(SHAPE, dtype=np.int32)
    labels[ball(12, 16, 20, 9)] = 7
    labels[ball(12, 16, 32, 6) & (labels == 0)] = 3
    known = tumor_labels(labels, SPACING_MM)
    assert known.values == (3, 7)
    assert sizes(labels) == [np.count_nonzero(labels == 7), np.count_nonzero(labels == 3)]
    assert known.remarks == (
        "labels 3 and 7 of the tumour mask touch: lesions of their own, as they are labelled",
    )
    assert sizes((labels > 0).astype(np.int32)) == [np.count_nonzero(labels)]


def test_labels_that_do_not_touch_change_nothing() -> None:
    labels = np.zeros(SHAPE, dtype=np.int32)
    labels[ball(12, 16, 10, 6)], labels[ball(12, 16, 36, 6)] = 1, 2
    assert tumor_labels(labels, SPACING_MM).apart is None
    assert len(sizes(labels)) == 2


def test_a_dead_core_a_rim_and_a_sliver_belong_to_their_lesion() -> None:
    whole = ball(12, 16, 20, 10)
    core = np.where(ball(12, 16, 20, 6), 2, np.where(whole, 1, 0)).astype(np.int32)
    assert sizes(core) == [np.count_nonzero(whole)]
    assert tumor_labels(core, SPACING_MM).remarks == (
        "label 2 of the tumour mask lies in label 1: one lesion with it",
    )
    assert sizes(3 - np.where(whole, core, 3)) == [np.count_nonzero(whole)]  # the rim is label 2
    sliver = whole.astype(np.int32)
    sliver[..., 29:][whole[..., 29:]] = 5
    assert sizes(sliver) == [np.count_nonzero(whole)]


def test_halves_of_a_ball_stay_apart() -> None:
    labels = ball(12, 16, 20, 10).astype(np.int32)
    labels[..., 20:] *= 4
    assert len(sizes(labels)) == 2


def test_nothing_and_negative_labels_tell_nothing() -> None:
    nothing = np.zeros(SHAPE, dtype=np.int32)
    assert tumor_labels(nothing, SPACING_MM).values == ()
    assert tumor_labels(nothing - 1, SPACING_MM).apart is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_what_is_kept_apart_is_read_back_the_same(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, dtype=np.int32)
    for k in range(1, count + 2):
        labels[ball(*random.uniform((6, 8, 10), (18, 24, 38)), random.uniform(2, 9))] = k
    known = tumor_labels(labels, SPACING_MM)
    if known.apart is None:
        return
    np.testing.assert_array_equal(known.apart != 0, labels != 0)
    again = tumor_labels(known.apart, SPACING_MM)
    assert again.apart is not None
    np.testing.assert_array_equal(again.apart, known.apart)
    assert sum(sizes(labels)) == np.count_nonzero(labels)
