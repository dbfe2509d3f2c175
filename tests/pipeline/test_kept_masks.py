"""Masks of an earlier run, edited since: what is said of them is what they show now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lvt_track.core.volume import CLASSES, Masks
from lvt_track.io.images.volumes import (
    read_geometry,
    read_labels,
    read_mask,
    write_labels,
    write_mask,
)
from lvt_track.pipeline.masks import SegmentedScan
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.patient.visit import series_masks
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent

CUT, STRAY = "the liver reaches the end of the scan", "lies outside the liver mask"
EDITED = "2024-04-20"


def warnings(out: Path) -> dict[str, str]:
    table = pd.read_csv(out / "visits.csv", dtype=str, keep_default_na=False)
    return dict(zip(table["date"], table["warnings"], strict=True))


def edit(out: Path, name: str, where: tuple[slice, ...]) -> None:
    path = out / "visits" / EDITED / f"{name}.nii.gz"
    mask = read_mask(path, read_geometry(path))
    mask[where] = True
    write_mask(mask, read_geometry(path), path)


@pytest.mark.parametrize("source", ["given", "model"])
def test_a_report_warns_of_masks_as_they_are_now(
    source: str,
    tmp_path: Path,
    make_visit: Callable[..., Path],
    stand_in: Callable[..., Callable[..., SegmentedScan]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draw(date: str, masks: Masks) -> SegmentedScan:
        likely = np.zeros(masks.liver.shape, dtype=np.float16)
        return SegmentedScan(masks, dict.fromkeys(CLASSES, "model"), (), {"tumors": likely})

    if source == "model":
        monkeypatch.setattr(series_masks, "masks_of", stand_in(draw))
    patient, out = tmp_path / "patient", tmp_path / "out"
    for visit in range(2):
        make_visit(patient, visit, masks=source == "given")
    track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent())
    first, second = warnings(out)
    assert second == EDITED
    before = warnings(out)
    assert not any(text in cell for cell in before.values() for text in (CUT, STRAY))

    edit(out, "liver", np.s_[-12:, 30:40, 40:50])
    edit(out, "tumors", np.s_[2:12, 2:20, 2:20])
    remake_report(out, ReaderTables(), None, Silent())
    after = warnings(out)
    assert after[first] == before[first]
    assert CUT in after[EDITED]
    assert STRAY in after[EDITED]


def test_a_label_that_is_painted_keeps_lesions_apart(
    tmp_path: Path, make_visit: Callable[..., Path]
) -> None:
    patient, out = tmp_path / "patient", tmp_path / "out"
    for visit in range(2):
        make_visit(patient, visit, masks=True)
    track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent())
    before = pd.read_csv(out / "lesions.csv")
    for path in sorted((out / "visits").glob("*/tumors.nii.gz")):  # EDITED is the last
        labels, grid = read_labels(path)
        lesions, _ = read_labels(path.with_name("lesions.nii.gz"))
        labels[..., : int(np.median(np.nonzero(lesions == 1)[2]))] *= 2
        write_labels(labels, grid, path)
    remake_report(out, ReaderTables(), None, Silent())
    after = pd.read_csv(out / "lesions.csv")
    assert len(after) == len(before) + 2
    assert "labels 1 and 2 of the tumour mask touch" in warnings(out)[EDITED]
    # Resumed, and begun anew: a reader's labels are never lost.
    track_patient(patient, out, TrackSettings(), Existing.RESUME, Silent())
    pd.testing.assert_frame_equal(pd.read_csv(out / "lesions.csv"), after)
    track_patient(patient, out, TrackSettings(), Existing.FORCE, Silent())
    assert len(pd.read_csv(out / "lesions.csv")) == len(before)
    np.testing.assert_array_equal(read_labels(path.with_name("edited_tumors.nii.gz"))[0], labels)
