"""A reader's corrections in a whole run: tables, masks and sums agree with what was said."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lvt_track.io.images.volumes import read_geometry, read_labels
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackResult, TrackSettings, track_patient
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent


@pytest.fixture(scope="module")
def done(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("done") / "out"
    track_patient(tiny_patient, out, TrackSettings(), Existing.REFUSE, Silent())
    return out


@pytest.fixture
def out(done: Path, tmp_path: Path) -> Path:
    """A finished run, which may be written to."""
    return shutil.copytree(done, tmp_path / "out")


def correct(out: Path, rows: Sequence[dict[str, object]]) -> TrackResult:
    """Report again with a table of corrections."""
    table = out.parent / "corrections.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    return remake_report(out, ReaderTables(corrections=table), None, Silent())


def test_a_lesion_that_is_none_leaves_all_tables_and_comes_back(out: Path) -> None:
    before = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    drawn = (out / "visits" / "2024-08-01" / "tumors.nii.gz").read_bytes()
    nothing = [{"action": "none", "date_a": "2024-08-01", "lesion_a": k} for k in (1, 2)]
    tumors_ml = correct(out, nothing).course.visits[-1].tumors_ml
    assert f"{tumors_ml:.2f}" == "0.00"
    course = correct(out, [{"action": "none", "date_a": "2024-08-01", "lesion_a": 2}]).course
    labels, _ = read_labels(out / "visits" / "2024-08-01" / "lesions.nii.gz")
    assert set(np.unique(labels)) == {0, 1}
    lesions = pd.read_csv(out / "lesions.csv").query("date == '2024-08-01'")
    visit = pd.read_csv(out / "visits.csv").query("date == '2024-08-01'").iloc[0]
    assert lesions["lesion"].tolist() == [1] and visit["lesions"] == 1
    voxel_ml = read_geometry(out / "visits" / "2024-08-01" / "liver.nii.gz").voxel_volume_ml
    assert visit["tumors_ml"] == pytest.approx((labels > 0).sum() * voxel_ml, abs=1e-3)
    assert "left out: none, as a reader says" in visit["warnings"]
    assert (out / "visits" / "2024-08-01" / "tumors.nii.gz").read_bytes() == drawn
    assert not any(response.new_lesion for response in course.responses)

    correct(out, [{"action": "note", "date_a": "2024-01-15", "lesion_a": 1, "note": ""}][:0])
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == before


def test_sizes_and_roles_reach_the_sum(out: Path) -> None:
    course = correct(
        out,
        [
            {"action": "target", "date_a": "2024-01-15", "lesion_a": 1},
            {"action": "size", "date_a": "2024-04-20", "lesion_a": 1, "long_axis_mm": 40.0},
        ],
    ).course
    tracks = pd.read_csv(out / "tracks.csv")
    assert tracks["role"].fillna("").tolist() == ["target", "", ""]
    lesions = pd.read_csv(out / "lesions.csv").set_index(["date", "lesion"])
    assert lesions.loc[("2024-04-20", 1), "long_axis_mm"] == 40.0
    assert lesions.loc[("2024-04-20", 1), "drawn_long_axis_mm"] == pytest.approx(24, abs=2)
    recist = [r for r in course.responses if r.criterion == "RECIST 1.1"]
    assert recist[1].sum_mm == pytest.approx(40.0)
    assert recist[1].category == "PD"


def test_a_lesion_is_split_in_tables_and_label_map(out: Path) -> None:
    folder = out / "visits" / "2024-01-15"
    before, _ = read_labels(folder / "lesions.nii.gz")
    correct(out, [{"action": "split", "date_a": "2024-01-15", "lesion_a": 1, "parts": 2}])
    after, _ = read_labels(folder / "lesions.nii.gz")
    np.testing.assert_array_equal(np.isin(after, (1, 3)), before == 1)
    np.testing.assert_array_equal(after == 2, before == 2)
    lesions = pd.read_csv(out / "lesions.csv").query("date == '2024-01-15'").set_index("lesion")
    voxel_ml = read_geometry(folder / "liver.nii.gz").voxel_volume_ml
    assert lesions.index.tolist() == [1, 2, 3]
    for label, volume_ml in lesions["volume_ml"].items():
        assert volume_ml == pytest.approx((after == label).sum() * voxel_ml, abs=1e-3)
    assert lesions["voxels"].nunique() == 3
