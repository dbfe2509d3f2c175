"""Cysts over a course: what is a tumour at one visit is no cyst at another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cc3d
import numpy as np
import pandas as pd
import pytest

from lvt_track.core.volume import CLASSES, BoolArray, Masks
from lvt_track.io.images.volumes import read_geometry, read_mask, write_mask
from lvt_track.pipeline.masks import SegmentedScan
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.patient.visit import series_masks
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from lvt_track.segment.postprocess.fluid import fluid_warning

DATES = ("2024-01-15", "2024-04-20", "2024-08-01")
ACROSS_MM, SPACING_MM = (-30.0, 25.0, 10.0), 3.0
# By visit, the balls that the stand-in takes for cysts: the second is a tumour at no visit.
CYSTS = ((1,), (0, 1), (0,))
STAYS, RETURNS = "1 spot is as dark as fluid", "1 spot as dark as fluid is counted as tumour"
MORE_STAYS = "1 more is taken for a simple cyst"


def ball(number: int, liver: BoolArray, tumors: BoolArray) -> BoolArray:
    """The component of a mask that is a ball of the tiny patient, told by where it lies across."""
    labels = cc3d.connected_components(tumors, connectivity=26)
    middles_mm = SPACING_MM * cc3d.statistics(labels)["centroids"][1:, 2]
    across_mm = middles_mm - SPACING_MM * np.argwhere(liver)[:, 2].mean()
    found: BoolArray = labels == 1 + np.argmin(np.abs(across_mm - ACROSS_MM[number]))
    return found


@pytest.fixture
def patient(
    tmp_path: Path,
    make_visit: Callable[..., Path],
    stand_in: Callable[..., Callable[..., SegmentedScan]],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The tiny patient without masks, and a model that takes some of its tumours for cysts."""

    def draw(date: str, masks: Masks) -> SegmentedScan:
        taken, cysts = CYSTS[DATES.index(date)], np.zeros_like(masks.tumors)
        for number in taken:
            cysts |= ball(number, masks.liver, masks.tumors)
        return SegmentedScan(
            replace(masks, tumors=masks.tumors & ~cysts),
            dict.fromkeys(CLASSES, "stand-in"),
            fluid_warning(len(taken)),
            {"tumors": np.where(masks.tumors, 0.9, 0.01).astype(np.float16)},
            cysts=cysts,
        )

    folder = tmp_path / "patient"
    for visit in range(len(DATES)):
        make_visit(folder, visit, masks=False)
    monkeypatch.setattr(series_masks, "masks_of", stand_in(draw))
    return folder


def mask(out: Path, visit: int, name: str) -> BoolArray:
    path = out / "visits" / DATES[visit] / f"{name}.nii.gz"
    return read_mask(path, read_geometry(path))


def told(out: Path) -> list[list[str]]:
    """The first words of what each visit says of fluid."""
    warnings = pd.read_csv(out / "visits.csv")["warnings"].fillna("")
    return [[text for text in (STAYS, RETURNS, MORE_STAYS) if text in cell] for cell in warnings]


def test_a_cyst_that_is_a_tumour_at_another_visit_is_followed(
    patient: Path, tmp_path: Path, tiny_patient: Path
) -> None:
    out = tmp_path / "out"
    course = track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent()).course
    assert [len(found.lesions) for found in course.visits] == [1, 1, 2]
    assert [track.lesions for track in course.tracks] == [((0, 1), (1, 1), (2, 1)), ((2, 2),)]
    assert [track.state for track in course.tracks] == ["persistent", "new"]
    for visit in range(3):
        truth = tiny_patient / DATES[visit] / "tumors.nii.gz"
        drawn = read_mask(truth, read_geometry(truth))
        never = np.zeros_like(drawn)
        if 1 in CYSTS[visit]:
            never = ball(1, mask(out, visit, "liver"), drawn)
        np.testing.assert_array_equal(mask(out, visit, "tumors"), drawn & ~never)
        np.testing.assert_array_equal(mask(out, visit, "cysts"), never)
        voxel_ml = read_geometry(truth).voxel_volume_ml
        assert course.visits[visit].tumors_ml == pytest.approx((drawn & ~never).sum() * voxel_ml)
    assert told(out) == [[STAYS], [RETURNS, MORE_STAYS], [RETURNS]]


def test_a_report_takes_masks_as_a_reader_left_them(patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent())
    path = out / "visits" / DATES[1] / "tumors.nii.gz"
    none = np.zeros(read_geometry(path).shape, dtype=bool)
    write_mask(none, read_geometry(path), path)
    course = remake_report(out, ReaderTables(), None, Silent()).course
    assert [len(found.lesions) for found in course.visits] == [1, 0, 2]
    assert not mask(out, 1, "tumors").any()
    assert told(out) == [[STAYS], [STAYS], [RETURNS]]


def test_a_visit_that_is_added_later_brings_cysts_of_earlier_ones_back(
    patient: Path, tmp_path: Path
) -> None:
    out, later = tmp_path / "out", tmp_path / DATES[0]
    (patient / DATES[0]).rename(later)
    course = track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent()).course
    assert [len(found.lesions) for found in course.visits] == [0, 1]
    later.rename(patient / DATES[0])
    course = track_patient(patient, out, TrackSettings(), Existing.RESUME, Silent()).course
    assert [len(found.lesions) for found in course.visits] == [1, 1, 2]
    assert told(out) == [[STAYS], [RETURNS, MORE_STAYS], [RETURNS]]
