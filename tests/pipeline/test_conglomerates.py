"""Labels that keep tumours apart at one visit, where another visit draws them as one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import lvt_track as lvt
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import LabelArray, Masks
from lvt_track.io.images.volumes import write_labels
from lvt_track.lesions.components import find_lesions
from lvt_track.lesions.corrections.lesion_names import name_of
from lvt_track.lesions.corrections.table import Action, Correction
from tests.conftest import DATES, SHAPE, SHIFTS_MM, SPACING_MM

GRID = Geometry.axial(SHAPE, SPACING_MM, (-100.0, -100.0, 50.0))
PAIR = ((100.0, 95.0, 80.0), (100.0, 119.0, 80.0))
CLUSTER = (*PAIR, (121.0, 107.0, 80.0), (79.0, 107.0, 80.0), (100.0, 107.0, 100.0))


def drawn(visit: int, centres_mm: Sequence[tuple[float, float, float]], grown: float) -> LabelArray:
    """Upright ellipsoids that touch, each of a label of its own, by their centres (x, y, z)."""
    labels = np.zeros(SHAPE, np.int32)
    z, y, x = (axis * side for axis, side in zip(np.ogrid[:40, :72, :88], SPACING_MM, strict=True))
    for label, (cx, cy, cz) in enumerate(np.add(centres_mm, SHIFTS_MM[visit]).tolist(), start=1):
        inside = ((x - cx) / 13) ** 2 + ((y - cy) / 13) ** 2 + ((z - cz) / 13) ** 2 <= grown**2
        labels[inside & (labels == 0)] = label
    return labels


@pytest.mark.parametrize("centres_mm", [PAIR, CLUSTER])
@pytest.mark.parametrize("is_labelled", [(True, False), (False, True), (True, True)])
def test_tumours_are_measured_alike_at_all_visits(
    make_visit: Callable[..., Path],
    tmp_path: Path,
    centres_mm: Sequence[tuple[float, float, float]],
    is_labelled: Sequence[bool],
) -> None:
    for visit, keeps in enumerate(is_labelled):
        labels = drawn(visit, centres_mm, 1.0)
        place = make_visit(tmp_path, visit)
        write_labels(labels if keeps else np.minimum(labels, 1), GRID, place / "tumors.nii.gz")
    course = lvt.track(tmp_path)
    assert {response.category for response in course.responses[1:2]} == {"SD"}
    counts = [len(visit.lesions) for visit in course.visits]
    assert counts == [len(centres_mm)] * 2 if all(is_labelled) else counts == [1, 1]
    several = course.visits[is_labelled.index(True)].warnings
    drawn_on = DATES[is_labelled.index(False)] if not all(is_labelled) else "none"
    text = f"lesion 1 is {len(centres_mm)} that labels keep apart, taken together as {drawn_on}"
    assert any(text in warning for warning in several) == (not all(is_labelled))


def test_what_a_reader_judged_stays_apart(make_visit: Callable[..., Path], tmp_path: Path) -> None:
    for visit in (0, 1):
        labels, place = drawn(visit, PAIR, 1.0), make_visit(tmp_path, visit)
        write_labels(np.minimum(labels, 2 - visit), GRID, place / "tumors.nii.gz")
    labels = drawn(0, PAIR, 1.0)
    masks = Masks(labels > 0, labels > 9, labels > 0, GRID, labels)
    name = name_of(find_lesions(0, None, masks)[1][1], dt.date.fromisoformat(DATES[0]))
    table = tmp_path / "corrections.csv"
    row = Correction(Action.NONE, name).facts()
    table.write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")
    course = lvt.track(tmp_path, corrections=table)
    (lesion,) = course.visits[0].lesions
    assert lesion.measurement.long_axis.length_mm == pytest.approx(26.7, abs=0.1)
