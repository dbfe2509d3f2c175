"""`lvt track --plan` and `lvt plan`, in process, on the tiny patient with given masks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.errors import InputError
from lvt_track.pipeline.cohort.run import CohortSettings
from lvt_track.pipeline.planning.record import PlanRecord
from lvt_track.pipeline.run.folder import RunFolder

LAST = "2024-08-01"


def lvt(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def patient(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny patient with three hepatic veins, so that segments are told."""
    folder = tmp_path_factory.mktemp("veins") / "patient"
    shutil.copytree(tiny_patient, folder)
    for visit in folder.iterdir():
        image = sitk.ReadImage(str(visit / "vessels.nii.gz"))
        liver = sitk.GetArrayFromImage(sitk.ReadImage(str(visit / "liver.nii.gz"))) > 0
        vessels = sitk.GetArrayFromImage(image)
        vessels[_veins(liver) & liver] = 1
        veins = sitk.GetImageFromArray(vessels)
        veins.CopyInformation(image)
        sitk.WriteImage(veins, str(visit / "vessels.nii.gz"))
    return folder


def _veins(liver: np.ndarray) -> np.ndarray:
    """Tubes that meet where the vena cava leaves a liver of 150 x 120 x 104 mm."""
    step = np.array([4.0, 3.0, 3.0])
    places = np.moveaxis(np.indices(liver.shape), 0, -1) * step
    outflow = np.argwhere(liver).mean(axis=0) * step + (36.0, 12.0, 10.0)
    tubes = np.zeros(liver.shape, dtype=bool)
    for way in ((-36.0, -9.0, -64.0), (-31.0, -53.0, -28.0), (-21.0, -40.0, 21.0)):
        share = np.clip((places - outflow) @ way / np.dot(way, way), 0, 1)
        tubes |= np.linalg.norm(places - outflow - share[..., None] * way, axis=-1) < 5
    return tubes


@pytest.fixture(scope="module")
def tracked(patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plan") / "out"
    result = lvt("track", patient, "-o", out, "--plan", "--quiet")
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def planned(tracked: Path) -> Path:
    liver = sitk.ReadImage(str(tracked / "visits" / LAST / "liver.nii.gz"))
    half = sitk.GetArrayFromImage(liver)
    half[:, :, : half.shape[2] // 2] = 0
    image = sitk.GetImageFromArray(half)
    image.CopyInformation(liver)
    sitk.WriteImage(image, str(tracked.parent / "half.nii.gz"))
    result = lvt(
        *(
            "plan",
            tracked,
            "--wedge",
            "T1",
            "--margin",
            8,
            "--mask",
            tracked.parent / "half.nii.gz",
        ),
        *("--weight-kg", 70, "--height-cm", 175, "--quiet"),
    )
    assert result.exit_code == 0, result.output
    return tracked


def test_a_run_with_plan_has_it_in_tables_and_report(tracked: Path) -> None:
    lesions = pd.read_csv(tracked / "lesions.csv")
    assert len(pd.read_csv(tracked / "planning.csv")) == len(lesions)
    assert lesions["segments"].notna().any()
    assert (tracked / "visits" / LAST / "meshes.glb").stat().st_size > 0
    page = (tracked / "report.html").read_text(encoding="utf-8")
    assert "Planning a resection" in page and "from below" in page
    record = PlanRecord.read(RunFolder(tracked))
    assert record is not None and record.settings["resections"] == []


def test_a_run_without_plan_tells_of_one_that_no_longer_fits(
    tracked: Path, patient: Path, tmp_path: Path
) -> None:
    """One visit is taken out of the patient: the plan and the folder of that visit stay, told."""
    out, later = tmp_path / "out", tmp_path / "patient"
    shutil.copytree(tracked, out)
    shutil.copytree(patient, later)
    first = min(path.name for path in (out / "visits").iterdir())
    shutil.rmtree(later / first)
    result = lvt("track", later, "-o", out, "--resume")
    assert result.exit_code == 0, result.output
    messages = " ".join(result.stderr.split())
    assert "the plan in this folder is of other visits or lesions" in messages
    assert f"visits/{first} is of an earlier run" in messages


def test_a_plan_is_current_until_masks_or_tumours_change(tracked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(tracked, out)
    folder = RunFolder(out)
    record = PlanRecord.read(folder)
    assert record is not None
    dates = sorted(path.name for path in folder.visits.iterdir())
    tracks: dict[str, dict[int, int]] = {date: {} for date in dates}
    for row in pd.read_csv(out / "lesions.csv").itertuples():
        tracks[str(row.date)][int(row.lesion)] = int(row.track)
    assert record.is_current(tracks, folder)
    assert not record.is_current(tracks | {LAST: {1: 7}}, folder)
    folder.visit(LAST).segments.unlink()
    assert not record.is_current(tracks, folder)
    folder.visit(LAST).segments.write_bytes(b"")
    folder.visit(LAST).mask("liver").write_bytes(b"edited")
    assert not record.is_current(tracks, folder)
    folder.planning_record.write_text("{}")
    assert PlanRecord.read(folder) is None


def test_writes_what_the_design_says(planned: Path) -> None:
    folder = planned / "visits" / LAST
    for name in ("portal.nii.gz", "hepatic.nii.gz", "segments.nii.gz", "meshes.glb"):
        assert (folder / name).stat().st_size > 0
    assert {"liver.stl", "tumor_T1.stl"} <= {path.name for path in (folder / "meshes").iterdir()}
    assert (planned / "planning.pdf").read_bytes().startswith(b"%PDF")
    views = {path.stem for path in (folder / "views").iterdir()}
    assert {"front", "below", "resection1"} <= views
    segments = sitk.ReadImage(str(folder / "segments.nii.gz"))
    liver = sitk.ReadImage(str(folder / "liver.nii.gz"))
    assert segments.GetSize() == liver.GetSize()
    assert segments.GetOrigin() == pytest.approx(liver.GetOrigin())


def test_every_lesion_of_every_visit_has_its_distances(planned: Path) -> None:
    sites, lesions = pd.read_csv(planned / "planning.csv"), pd.read_csv(planned / "lesions.csv")
    keys = ["date", "lesion", "track"]
    assert sites[keys].to_numpy().tolist() == lesions[keys].to_numpy().tolist()
    assert lesions["segments"].notna().any()
    pd.testing.assert_series_equal(lesions["segments"], sites["segments"])
    ends = sites[[f"surface_tumor_{axis}_mm" for axis in "xyz"]].to_numpy()
    other = sites[[f"surface_{axis}_mm" for axis in "xyz"]].to_numpy()
    apart = np.linalg.norm(ends - other, axis=1)
    assert (np.abs(apart - sites["surface_mm"]) <= 7.0).all()  # two voxels' halves of 4 x 3 x 3 mm


def test_a_report_afterwards_keeps_the_segments(planned: Path) -> None:
    kept = [planned / "lesions.csv", *planned.glob("planning.*"), planned / "remnant.csv"]
    before = [path.read_bytes() for path in kept]
    assert lvt("report", planned, "--quiet").exit_code == 0
    assert [path.read_bytes() for path in kept] == before
    page = (planned / "report.html").read_text(encoding="utf-8")
    assert "Planning a resection" in page and "wedge T1" in page
    assert "run lvt plan again" not in page
    assert "from below" in page and "blue portal vein" in page


def test_remnants_are_of_the_voxels(planned: Path) -> None:
    remnants = pd.read_csv(planned / "remnant.csv")
    mask = remnants[(remnants["resection"] == "mask half.nii.gz") & (remnants["date"] == LAST)]
    liver = sitk.GetArrayFromImage(
        sitk.ReadImage(str(planned / "visits" / LAST / "liver.nii.gz"))
    ).astype(bool)
    kept = liver[:, :, : liver.shape[2] // 2].sum() * 36 / 1000
    assert mask["remnant_ml"].item() == pytest.approx(kept, rel=0.01)
    wedge = remnants[remnants["resection"] == "wedge T1"]
    assert wedge["growth_percent_per_week"].notna().sum() >= 1
    margins = wedge["least_margin_mm"].dropna()
    assert ((margins >= 0) & (margins <= 9)).all()
    assert wedge["standard_liver_ml"].iloc[0] == pytest.approx(1543.3, abs=0.1)


def test_wrong_plans_are_refused_in_words(tracked: Path, tmp_path: Path) -> None:
    for args, words in (
        (("--wedge", "T77"), "there is no tumour T77"),
        (("--resect", "9"), "no segment"),
        (("--visit", "1999-01-01"), "there is no visit"),
        (("--weight-kg", "70"), "needed together"),
        (("--margin", "5"), "goes with --wedge"),
    ):
        result = lvt("plan", tracked, *args)
        assert result.exit_code == 2, result.output
        assert words in result.output
    assert lvt("plan", tmp_path).exit_code == 3


def test_a_plan_that_leaves_nothing_says_so_where_it_is_read(tracked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(tracked, out)
    result = lvt("plan", out, "--resect", "1,2,3,4,5,6,7,8")
    assert f"{LAST}  1,2,3,4,5,6,7,8: 0 mL remain" in result.stdout
    assert "; nothing of the liver remains" in result.stdout


def test_a_mask_of_another_grid_is_refused(tracked: Path, tmp_path: Path) -> None:
    sitk.WriteImage(
        sitk.GetImageFromArray(np.ones((4, 5, 6), np.uint8)), str(tmp_path / "m.nii.gz")
    )
    result = lvt("plan", tracked, "--mask", tmp_path / "m.nii.gz")
    assert result.exit_code == 3, result.output
    assert "m.nii.gz" in result.output


def test_without_a_liver_the_rest_is_done(tracked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(tracked, out)
    path = out / "visits" / LAST / "liver.nii.gz"
    liver = sitk.ReadImage(str(path))
    sitk.WriteImage(liver * 0, str(path))
    result = lvt("plan", out, "--resect", "right", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert any("no liver" in text for text in facts["remarks"])
    assert len({row["date"] for row in facts["remnant"]}) == 3


def test_every_column_is_described(planned: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "use" / "outputs.md").read_text(encoding="utf-8")
    for name in ("planning.csv", "remnant.csv", "vessels.csv"):
        columns = [c for c in pd.read_csv(planned / name).columns if not c.endswith("_x_mm")]
        columns = [c for c in columns if not c.endswith(("_y_mm", "_z_mm"))]
        assert [c for c in columns if f"`{c}`" not in page] == []


def test_a_cohort_is_planned_by_the_same_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[CohortSettings] = []

    def follow(folder: Path, out: Path, settings: CohortSettings, *rest: object) -> None:
        asked.append(settings)
        raise InputError("nobody", path=folder)

    monkeypatch.setattr("lvt_track.pipeline.cohort.run.track_cohort", follow)
    lvt("cohort", tmp_path, "-o", tmp_path / "out", "--plan")
    assert [settings.track.plan for settings in asked] == [True]
