"""`lvt-bids`, as a workflow calls it."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import pytest

from lvt_track.cli.patient.bids import main


def lvt_bids(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["lvt-bids", *(str(word) for word in words)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_participants_then_the_group(
    tiny_patient: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    dataset, out = tmp_path / "bids", tmp_path / "out"
    shutil.copytree(tiny_patient, dataset / "sub-01")
    (dataset / "sub-02").mkdir()
    (dataset / "derivatives").mkdir()
    before = sorted(dataset.rglob("*"))
    only = ("--participant-label", "01", "--quiet")
    assert lvt_bids(monkeypatch, dataset, out, "participant", *only) == 0
    assert (out / "sub-01" / "report.pdf").is_file()
    assert lvt_bids(monkeypatch, dataset, out, "group") == 4
    assert "sub-02: no results yet" in capsys.readouterr().err
    with (out / "patients.csv").open() as file:
        assert [row["patient"] for row in csv.DictReader(file)] == ["sub-01"]
    assert sorted(dataset.rglob("*")) == before


def test_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert lvt_bids(monkeypatch, tmp_path, out, "participant") == 3
    (tmp_path / "sub-01").mkdir()
    wrong = ("--participant-label", "01", "sub-07")
    assert lvt_bids(monkeypatch, tmp_path, out, "participant", *wrong) == 3
    assert "no sub-07" in capsys.readouterr().err
    assert lvt_bids(monkeypatch, tmp_path, out, "group") == 3
    assert lvt_bids(monkeypatch, tmp_path, out, "dataset") == 2
