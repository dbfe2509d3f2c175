"""Masks of an earlier run, edited since: what is said of them is what they show now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lvt_track.core.volume import CLASSES, Masks
from lvt_track.io.images.volumes import read_geometry, read_mask, write_mask
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
