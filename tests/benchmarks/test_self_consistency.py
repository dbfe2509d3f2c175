"""A run agrees with itself, from masks to paper; and the check sees a number that is changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import self_consistency
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent


@pytest.fixture(scope="module")
def run(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("consistent") / "out"
    track_patient(tiny_patient, out, TrackSettings(pseudonyms=None), Existing.REFUSE, Silent())
    return out


def test_every_number_follows_from_the_masks(run: Path) -> None:
    with_paper = shutil.which("pdftotext") is not None
    assert list(self_consistency.complaints(run, with_paper=with_paper)) == []


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("visits", "liver_ml"),
        ("visits", "sum_of_diameters_mm"),
        ("lesions", "volume_ml"),
        ("lesions", "x_mm"),
        ("lesions", "long_axis_mm"),
        ("lesions", "mean_hu"),
        ("tracks", "diameter_change_percent"),
        ("tracks", "monthly_growth_percent"),
        ("tracks", "doubling_time_days"),
        ("visits", "liver_dice"),
        ("response", "change_from_baseline_percent"),
    ],
)
def test_a_changed_number_is_seen(run: Path, tmp_path: Path, table: str, column: str) -> None:
    copy = shutil.copytree(run, tmp_path / "out")
    frame = pd.read_csv(copy / f"{table}.csv")
    row = frame[column].last_valid_index()
    frame.loc[row, column] += 1.5
    frame.to_csv(copy / f"{table}.csv", index=False)
    assert any(self_consistency.complaints(copy, with_paper=False))


def test_a_changed_page_is_seen(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "out")
    page = copy / "report.html"
    first = pd.read_csv(copy / "lesions.csv").iloc[0]
    size = f"{first['long_axis_mm']:.1f}\u00a0×\u00a0{first['short_axis_mm']:.1f}"
    text = page.read_text()
    assert size in text
    page.write_text(text.replace(size, "99.9\u00a0×\u00a09.9"))
    assert any("99.9" in said for said in self_consistency.complaints(copy, with_paper=False))
