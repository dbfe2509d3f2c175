from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lvt_track.training.objective.partial import (
    COMPLETE,
    Annotation,
    Knowledge,
    targets_and_validity,
)

EVERYWHERE, ABSENT, NONE = Annotation.EVERYWHERE, Annotation.ABSENT, Annotation.NONE
LIVER, VESSELS, TUMORS = 0, 1, 2


def row(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.bool).reshape(1, 1, -1)


# Voxels: outside, liver, liver and vessel, liver and tumour.
MASKS = {"liver": row(0, 1, 1, 1), "vessels": row(0, 0, 1, 0), "tumors": row(0, 0, 0, 1)}


def test_complete_labels_are_multi_hot_and_known_everywhere() -> None:
    target, known = targets_and_validity(MASKS, COMPLETE)
    assert known.all()
    assert target[:, 0, 0].int().tolist() == [[0, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_absent_class_is_zero_and_known() -> None:
    target, known = targets_and_validity(MASKS, Knowledge(EVERYWHERE, EVERYWHERE, ABSENT))
    assert known[TUMORS].all()
    assert not target[TUMORS].any()


def test_voxel_not_liver_is_neither_vessel_nor_tumour() -> None:
    target, known = targets_and_validity(MASKS, Knowledge(EVERYWHERE, NONE, NONE))
    for part in (VESSELS, TUMORS):
        assert known[part, 0, 0].tolist() == [True, False, False, False]
        assert not target[part].any()


def test_labelled_vessel_or_tumour_is_liver_without_a_liver_annotation() -> None:
    target, known = targets_and_validity(MASKS, Knowledge(NONE, EVERYWHERE, EVERYWHERE))
    assert known[LIVER, 0, 0].tolist() == [False, False, True, True]
    assert target[LIVER, 0, 0].tolist() == [False, False, True, True]
    assert known[VESSELS].all()


def test_tumour_outside_the_drawn_liver_is_liver() -> None:
    masks = MASKS | {"tumors": row(1, 0, 0, 0)}
    target, known = targets_and_validity(masks, COMPLETE)
    assert target[LIVER, 0, 0].tolist() == [True, True, True, True]
    assert known.all()


def test_ignored_voxels_are_known_for_no_class() -> None:
    target, known = targets_and_validity(MASKS, COMPLETE, ignore=row(0, 0, 1, 0))
    assert not known[:, 0, 0, 2].any()
    assert not target[:, 0, 0, 2].any()
    assert known[:, 0, 0, [0, 1, 3]].all()


def test_masks_of_classes_not_annotated_are_not_read() -> None:
    knowledge = Knowledge(EVERYWHERE, NONE, ABSENT)
    noisy = MASKS | {"vessels": row(1, 1, 1, 1), "tumors": row(1, 1, 1, 1)}
    for one, other in zip(
        targets_and_validity(MASKS, knowledge), targets_and_validity(noisy, knowledge), strict=True
    ):
        assert torch.equal(one, other)


def test_missing_mask_and_empty_knowledge_are_refused() -> None:
    with pytest.raises(ValueError, match="vessels"):
        targets_and_validity({"liver": row(0, 1)}, Knowledge(EVERYWHERE, EVERYWHERE, NONE))
    with pytest.raises(ValueError, match="at least one class"):
        targets_and_validity(MASKS, Knowledge(NONE, ABSENT, NONE))
    with pytest.raises(ValueError, match="shape"):
        targets_and_validity(MASKS | {"tumors": row(0, 1)}, COMPLETE)
