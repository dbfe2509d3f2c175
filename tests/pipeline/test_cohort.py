"""`lvt cohort`: patients apart, tables together; what fails is told and costs nobody else."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.io.images.volumes import read_labels, write_mask
from lvt_track.pipeline.cohort.tables import POOLED


def lvt(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def add_arterial_phase(visit: Path, kept: float) -> None:
    """A second phase whose liver and tumours are the portal ones without the lowest rows."""
    shutil.copy(visit / "portal.nii.gz", visit / "arterial.nii.gz")
    for name in ("liver", "vessels", "tumors"):
        (visit / f"{name}.nii.gz").rename(visit / f"portal_{name}.nii.gz")
        labels, geometry = read_labels(visit / f"portal_{name}.nii.gz")
        if name == "liver":
            flat = np.flatnonzero(labels)
            labels.ravel()[flat[int(kept * len(flat)) :]] = 0
        write_mask(labels > 0, geometry, visit / f"arterial_{name}.nii.gz")


@pytest.fixture(scope="module")
def cohort(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients of one visit in two phases, and a folder without scans."""
    folder = tmp_path_factory.mktemp("cohort") / "patients"
    for name, kept in (("anna", 0.96), ("bert", 0.9)):
        shutil.copytree(tiny_patient / "2024-01-15", folder / name / "2024-01-15")
        add_arterial_phase(folder / name / "2024-01-15", kept)
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader who knows both, and another patient."""
    path = tmp_path_factory.mktemp("reader") / "reader.csv"
    rows = [
        f"{patient},2024-01-15,{lesion},{size}"
        for patient in ("anna", "bert", "zoe")
        for lesion, size in (("a", 21), ("b", 17))
    ]
    path.write_text("\n".join(["patient,date,lesion,long_axis_mm", *rows]))
    return path


@pytest.fixture(scope="module")
def run(cohort: Path, table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    result = lvt("cohort", cohort, "-o", out, "--radiologist", table, "--jobs", 1)
    assert result.exit_code == 4, result.output
    assert "3 patients: 2 done, 1 failed" in result.output
    assert "failed: empty: " in result.output
    return out


def test_a_folder_per_patient_and_the_pooled_tables(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        *(name.partition("/")[0] for name in POOLED),
        "cohort.json",
        "anna",
        "bert",
    }
    assert (run / "anna" / "report.pdf").exists()


def test_analysis_datasets_agree_with_the_patients(run: Path) -> None:
    """ADaM calls a patient without any later visit missing, RECIST not evaluable."""
    patients = pd.read_csv(run / "patients.csv").set_index("patient")
    adrs = pd.read_csv(run / "adam" / "adrs.csv", keep_default_na=False)
    best = adrs[adrs["PARAMCD"] == "BOR"].set_index("USUBJID")["AVALC"]
    assert list(patients["best_response"].dropna()) == ["NE", "NE"]
    assert best.to_dict() == dict.fromkeys(patients["best_response"].dropna().index, "MISSING")
    adtte = pd.read_csv(run / "adam" / "adtte.csv")
    assert list(adtte["USUBJID"]) == list(best.index)
    assert list(adtte["CNSR"]) == [1] * len(best)


def test_patients_csv_has_a_line_for_each_also_for_the_failed(run: Path) -> None:
    patients = pd.read_csv(run / "patients.csv").set_index("patient")
    assert list(patients["state"]) == ["done", "done", "failed"]
    assert patients.loc["anna", "visits"] == 1
    assert patients.loc["anna", "tracks"] == 2
    assert patients.loc["anna", "last_visit"] == "2024-01-15"
    visits = pd.read_csv(run / "anna" / "visits.csv")
    assert patients.loc["anna", "tumors_ml"] == visits["tumors_ml"].iloc[-1]
    assert patients.loc["anna", "response"] == "Baseline"
    assert patients.loc["anna", "best_response"] == "NE"
    assert "empty" in patients.loc["empty", "why"]


def test_phases_are_pooled_and_summed_up(run: Path) -> None:
    phases = pd.read_csv(run / "phases.csv")
    assert list(phases["patient"]) == ["anna", "anna", "bert", "bert"]
    single = pd.read_csv(run / "bert" / "phases.csv")
    assert phases[phases["patient"] == "bert"]["liver_ml"].tolist() == single["liver_ml"].tolist()
    summary = pd.read_csv(run / "phase_summary.csv")
    liver = summary[(summary["quantity"] == "liver") & (summary["compared_with"] == "reference")]
    liver = liver[liver["phase"] == "arterial"].set_index("statistic")
    assert liver.loc["mean_absolute_deviation_percent", "value"] == pytest.approx(7.0, abs=0.02)
    assert liver.loc["mean_deviation_percent", "value"] == pytest.approx(-7.0, abs=0.02)
    assert set(liver["patients"]) == {2}
    assert liver["low"].isna().all(), "two patients give no interval"
    tumours = summary[summary["quantity"] == "tumours"]
    assert (tumours["value"].dropna() == 0).all()


def test_agreement_over_all_patients(run: Path) -> None:
    pairs = pd.read_csv(run / "reader_pairs.csv")
    assert list(pairs["patient"].unique()) == ["anna", "bert"]
    own = pd.read_csv(run / "anna" / "reader_pairs.csv")
    assert pairs[pairs["patient"] == "anna"].drop(columns="patient").equals(own)
    agreement = pd.read_csv(run / "agreement.csv").set_index(["quantity", "statistic"])
    differences = pairs[pairs["quantity"] == "long axis"]["difference"]
    bias = agreement.loc[("long axis", "bias_mm")]
    assert (bias["pairs"], bias["lesions"], bias["patients"]) == (4, 4, 2)
    assert bias["value"] == pytest.approx(differences.mean(), abs=0.06)
    assert np.isnan(bias["low"]), "two patients give no interval"
    assert ("long axis", "same_trend") not in agreement.index, "no patient has two visits"


def test_resume_keeps_what_is_done_and_mends_the_rest(
    cohort: Path, table: Path, run: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "patients", tmp_path / "out"
    shutil.copytree(run, out)
    shutil.copytree(cohort, folder)
    shutil.copytree(cohort / "bert" / "2024-01-15", folder / "empty" / "2024-04-20")
    before = (out / "anna" / "report.pdf").stat().st_mtime_ns
    result = lvt("cohort", folder, "-o", out, "--radiologist", table, "--resume", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "3 patients: 1 done, 2 kept" in result.output
    assert (out / "anna" / "report.pdf").stat().st_mtime_ns == before
    patients = pd.read_csv(out / "patients.csv")
    assert patients["state"].tolist() == ["done", "done", "done"]
    assert patients["visits"].tolist() == [1, 1, 1]
    assert len(pd.read_csv(out / "phases.csv")) == 6
    for name in ("reader_pairs.csv", "agreement.csv"):
        assert (out / name).read_text() == (run / name).read_text(), "the table has two of three"


def test_quiet_processes_give_the_same_without_dask(
    cohort: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lvt_track.pipeline.cohort.engines.engine.has_dask", lambda: False)
    out = tmp_path / "out"
    result = lvt("cohort", cohort, "-o", out, "--jobs", 2, "--quiet")
    assert result.exit_code == 4, result.output
    assert result.output == "", "--quiet is really quiet"
    for name in ("phases.csv", "phase_summary.csv"):
        assert (out / name).read_text() == (run / name).read_text()


def test_tables_alone_leave_the_reports_to_be_made_later(
    cohort: Path, run: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "patients", tmp_path / "out"
    shutil.copytree(cohort / "anna", folder / "anna")
    shutil.copytree(run / "anna", out / "anna")
    result = lvt("cohort", folder, "-o", out, "--resume", "--jobs", 1, "--tables-only")
    assert result.exit_code == 0, result.output
    assert not list((out / "anna").glob("report.*")), "those of the run before are not its own"
    assert "anna/report.html" not in (out / "cohort.html").read_text()
    assert (out / "lesions.csv").read_text().splitlines()[:3] == (
        run / "lesions.csv"
    ).read_text().splitlines()[:3]
    assert lvt("report", out / "anna").exit_code == 0
    assert {path.name for path in (out / "anna").glob("report.*")} == {"report.html", "report.pdf"}


def test_refuses_to_overwrite(cohort: Path, run: Path) -> None:
    result = lvt("cohort", cohort, "-o", run)
    assert result.exit_code == 2
    assert "--resume" in result.output


def test_one_patients_folder_is_no_cohort(tiny_patient: Path, tmp_path: Path) -> None:
    result = lvt("cohort", tiny_patient, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "lvt track" in result.output


def test_a_table_must_say_whose_rows_are_whose(cohort: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("date,lesion,long_axis_mm\n2024-01-15,a,20\n")
    result = lvt("cohort", cohort, "-o", tmp_path / "out", "--radiologist", table)
    assert result.exit_code == 2
    assert "patient" in result.output
    assert not (tmp_path / "out").exists()


def test_nobody_usable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "patients" / "empty").mkdir(parents=True)
    result = lvt("cohort", tmp_path / "patients", "-o", tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 3
    assert "none of the patients" in result.output
