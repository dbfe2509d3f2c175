"""Cohorts that are odd: names that are no UTF-8, leftovers, locks."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.pipeline.run.lock import locked

VISIT = "2024-01-15"


def lvt(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_odd_names_and_leftovers_are_told_and_cost_nobody_a_table(
    tiny_patient: Path, tmp_path: Path
) -> None:
    patients, out = tmp_path / "patients", tmp_path / "out"
    odd = Path(os.fsdecode(os.fsencode(patients) + b"/m\xfcller"))
    for folder in (odd, patients / "anna"):
        shutil.copytree(tiny_patient / VISIT, folder / VISIT)
    (out / "gone").mkdir(parents=True)
    (out / "gone" / "run.json").write_text("{}")
    result = lvt("cohort", patients, "-o", out, "--jobs", 1, "--resume")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out / "patients.csv")
    states = table.set_index("patient")[["state", "why"]].to_dict("index")
    assert states["anna"]["state"] == "done"
    assert states["m\\udcfcller"]["state"] == "done"
    assert "gone holds results of an earlier run" in result.stderr
    assert "gone" not in states
    assert "m\\udcfcller" in (out / "cohort.html").read_text(encoding="utf-8")
    record = json.loads((out / "cohort.json").read_text())
    assert "m\udcfcller" in {item["patient"] for item in record["patients"]}


def test_a_folder_that_another_run_holds_is_refused(tiny_patient: Path, tmp_path: Path) -> None:
    patients, out = tmp_path / "patients", tmp_path / "out"
    (patients / "anna").mkdir(parents=True)
    out.mkdir()
    with locked(out):
        result = lvt("cohort", patients, "-o", out, "--jobs", 1)
    assert result.exit_code == 2
    assert "another run is writing here" in result.output


def test_no_patients_are_said(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    result = lvt("cohort", tmp_path / "none", "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert "no subfolders, so no patients" in result.output
    assert not (tmp_path / "out").exists()


def test_a_shard_without_patients_and_one_that_cannot_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "patients" / "anna").mkdir(parents=True)
    for shard, code in (("2/2", 3), ("3/2", 2), ("0/2", 2), ("half", 2)):
        result = lvt("cohort", tmp_path / "patients", "-o", tmp_path / "out", "--shard", shard)
        assert result.exit_code == code, result.output
        assert not (tmp_path / "out").exists()


def test_shards_are_never_written_over_by_their_sum(tmp_path: Path) -> None:
    shard = tmp_path / "shard"
    shard.mkdir()
    (shard / "patients.csv").write_text("kept")
    result = lvt("cohort", "--merge", shard, "-o", shard, "--force")
    assert result.exit_code == 2
    assert "shard's" in result.output
    assert (shard / "patients.csv").read_text() == "kept"
    nothing = lvt("cohort", "--merge", shard, "-o", tmp_path / "all")
    assert nothing.exit_code == 3
    assert "not the output of `lvt cohort`" in nothing.output
