"""`lvt track` and `lvt report`, in process, on the tiny patient with given masks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.report.columns import COURSE

TABLES = {f"{name}.csv" for name in COURSE}


def lvt(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def run(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    result = lvt("track", tiny_patient, "-o", out, "--quiet")
    assert result.exit_code == 0, result.output
    assert result.output == "", "--quiet is really quiet"
    return out


def test_writes_everything_and_no_more(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    files = {"run.json", "report.pdf", "report.html", "tracks.ctbl"}
    assert names == TABLES | files | {"visits", "transforms"}
    masks = {path.name for path in (run / "visits" / "2024-01-15").iterdir()}
    drawn = {"liver.nii.gz", "vessels.nii.gz", "tumors.nii.gz"}
    assert masks == drawn | {"lesions.nii.gz", "tracks.nii.gz"}


def test_tells_which_grew_which_went_and_which_is_new(run: Path) -> None:
    tracks = pd.read_csv(run / "tracks.csv")
    states = dict(zip(tracks["first_seen"], tracks["state"], strict=True))
    assert sorted(tracks["state"]) == ["disappeared", "new", "persistent"]
    assert states["2024-08-01"] == "new"
    edges = pd.read_csv(run / "edges.csv")
    assert len(edges) == 3
    assert set(edges["event"]) == {"same"}


def test_volumes_are_exact_to_the_voxel(run: Path) -> None:
    lesions = pd.read_csv(run / "lesions.csv")
    for date, rows in lesions.groupby("date"):
        image = sitk.ReadImage(str(run / "visits" / str(date) / "tumors.nii.gz"))
        voxels = sitk.GetArrayViewFromImage(image).sum()
        assert rows["volume_ml"].sum() == pytest.approx(voxels * 0.036, abs=0.005)


def test_new_lesion_means_progression(run: Path) -> None:
    response = pd.read_csv(run / "response.csv")
    assert set(response["criterion"]) == {"RECIST 1.1", "volume"}
    response = response[response["criterion"] == "RECIST 1.1"].set_index("date")
    assert response.loc["2024-01-15", "category"] == "Baseline"
    assert response.loc["2024-08-01", "category"] == "PD"
    assert "new" in response.loc["2024-08-01", "reason"].lower()


def test_transforms_are_readable(run: Path) -> None:
    files = sorted((run / "transforms").glob("*.h5"))
    assert len(files) == 2
    for path in files:
        assert sitk.ReadTransform(str(path)).GetDimension() == 3


def test_manifest_names_every_input_with_its_digest(run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    assert len(manifest["inputs"]) == 12
    assert all(len(item["sha256"]) == 64 for item in manifest["inputs"])
    assert manifest["models"] == {}, "all masks were given, no model ran"
    assert manifest["seconds"]["register"] > 0


def test_refuses_to_overwrite(tiny_patient: Path, run: Path) -> None:
    before = (run / "run.json").stat().st_mtime_ns
    result = lvt("track", tiny_patient, "-o", run)
    assert result.exit_code == 2
    assert "--resume" in result.output
    assert (run / "run.json").stat().st_mtime_ns == before


def test_resume_keeps_masks_and_agrees(tiny_patient: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(run, out)
    mask = out / "visits" / "2024-01-15" / "liver.nii.gz"
    before = mask.stat().st_mtime_ns
    (out / "report.pdf").unlink()
    assert lvt("track", tiny_patient, "-o", out, "--resume", "--quiet").exit_code == 0
    assert mask.stat().st_mtime_ns == before
    assert (out / "report.pdf").exists()
    for name in TABLES:
        assert (out / name).read_text() == (run / name).read_text()


def test_force_starts_afresh(tiny_patient: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(run, out)
    stale = out / "visits" / "1999-01-01"
    stale.mkdir()
    foreign = out / "notes.txt"
    foreign.write_text("mine")
    assert lvt("track", tiny_patient, "-o", out, "--force", "--quiet").exit_code == 0
    assert not stale.exists()
    assert foreign.read_text() == "mine"


def test_the_word_that_it_is_one_patient_is_kept_and_told(
    make_visit: Callable[..., Path], tmp_path: Path
) -> None:
    patient, out = tmp_path / "patient", tmp_path / "out"
    make_visit(patient / "a", 0)
    make_visit(patient / "b", 1)
    refused = lvt("track", patient, "-o", out)
    assert refused.exit_code == 3
    assert "--one-patient" in refused.output
    assert lvt("discover", patient, "--one-patient").exit_code == 0
    assert lvt("track", patient, "-o", out, "--one-patient", "--quiet").exit_code == 0
    assert lvt("report", out, "--quiet").exit_code == 0
    manifest = json.loads((out / "run.json").read_text())
    assert manifest["settings"]["one_patient"] is True
    assert [text for text in manifest["warnings"] if text.startswith("taken as one patient")]


def test_force_and_resume_exclude_each_other(tiny_patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = lvt("track", tiny_patient, "-o", out, "--force", "--resume")
    assert result.exit_code == 2
    assert not out.exists()


def test_json_result(tiny_patient: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["track", str(tiny_patient), "-o", str(tmp_path / "out"), "--json", "--quiet"]
    )
    facts = json.loads(result.stdout)
    assert [visit["lesions"] for visit in facts["visits"]] == [2, 2, 2]
    assert facts["failures"] == []


def test_one_broken_visit_leaves_the_others(tiny_patient: Path, tmp_path: Path) -> None:
    patient, out = tmp_path / "patient", tmp_path / "out"
    shutil.copytree(tiny_patient, patient)
    scan = patient / "2024-04-20" / "portal.nii.gz"
    scan.write_bytes(scan.read_bytes()[:2000])
    result = lvt("track", patient, "-o", out)
    assert result.exit_code == 4
    assert "portal.nii.gz" in result.output
    assert list(pd.read_csv(out / "visits.csv")["date"]) == ["2024-01-15", "2024-08-01"]
    assert json.loads((out / "run.json").read_text())["failures"]


def test_mask_of_another_geometry_is_named(
    tmp_path: Path, make_visit: Callable[..., Path], blind_model: None
) -> None:
    patient, out = tmp_path / "patient", tmp_path / "out"
    make_visit(patient, 0)
    place = make_visit(patient, 1)
    image = sitk.ReadImage(str(place / "tumors.nii.gz"))
    image.SetSpacing((2.0, 3.0, 4.0))
    sitk.WriteImage(image, str(place / "tumors.nii.gz"))
    result = lvt("track", patient, "-o", out)
    assert result.exit_code == 4
    assert "tumors.nii.gz" in result.output


def test_all_visits_broken(tmp_path: Path, make_visit: Callable[..., Path]) -> None:
    patient, out = tmp_path / "patient", tmp_path / "out"
    place = make_visit(patient, 0, masks=False)
    (place / "portal.nii.gz").write_bytes(b"not a scan")
    result = lvt("track", patient, "-o", out)
    assert result.exit_code == 3
    assert not (out / "visits.csv").exists()


@pytest.mark.parametrize("content", [None, "notes.txt"])
def test_nothing_to_read(tmp_path: Path, content: str | None) -> None:
    patient, out = tmp_path / "patient", tmp_path / "out"
    patient.mkdir()
    if content:
        (patient / content).write_text("nothing")
    result = lvt("track", patient, "-o", out)
    assert result.exit_code == 3
    assert "Traceback" not in result.output
    assert not out.exists()


def test_report_again_with_corrections(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(run, out)
    edges = pd.read_csv(out / "edges.csv")
    first = edges.iloc[[0]][["date_a", "lesion_a", "date_b", "lesion_b"]].assign(action="remove")
    table = tmp_path / "corrections.csv"
    first.to_csv(table, index=False)
    result = lvt("report", out, "--corrections", table, "--quiet")
    assert result.exit_code == 0, result.output
    again = pd.read_csv(out / "edges.csv")
    removed = tuple(first.iloc[0][["date_a", "lesion_a", "date_b", "lesion_b"]])
    left = set(
        again[["date_a", "lesion_a", "date_b", "lesion_b"]].itertuples(index=False, name=None)
    )
    assert removed not in left
    assert len(left) < len(edges) + 1


def test_corrections_that_name_unknown_lesions(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "corrections.csv"
    table.write_text("date_a,lesion_a,date_b,lesion_b,action\n2024-01-15,99,2024-04-20,1,add\n")
    out = tmp_path / "out"
    shutil.copytree(run, out)
    result = lvt("report", out, "--corrections", table)
    assert result.exit_code == 3
    assert "line 2" in result.output


@pytest.mark.parametrize("option", ["--corrections", "--radiologist"])
def test_a_mistyped_table_is_named_as_it_was_typed(option: str, run: Path) -> None:
    result = lvt("report", run, option, "Jones_typo.csv")
    assert result.exit_code == 3
    assert result.output.startswith("error: Jones_typo.csv: ") and "f-" not in result.output


def test_a_visit_without_a_liver_is_not_evaluable(
    tmp_path: Path, make_visit: Callable[..., Path], blind_model: None
) -> None:
    patient, out = tmp_path / "patient", tmp_path / "out"
    make_visit(patient, 0)
    place = make_visit(patient, 1)
    for name in ("liver", "vessels", "tumors"):
        image = sitk.ReadImage(str(place / f"{name}.nii.gz"))
        sitk.WriteImage(image * 0, str(place / f"{name}.nii.gz"))
    assert lvt("track", patient, "-o", out, "--quiet").exit_code == 4  # an empty mask is none
    response = pd.read_csv(out / "response.csv", keep_default_na=False)
    assert set(response.loc[response["date"] == "2024-04-20", "category"]) == {"NE"}


def test_report_of_a_folder_that_is_no_run(tmp_path: Path) -> None:
    result = lvt("report", tmp_path)
    assert result.exit_code == 3
    assert "run.json" in result.output
