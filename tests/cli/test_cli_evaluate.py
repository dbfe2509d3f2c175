"""`lvt evaluate`, as a user calls it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.core.geometry import Geometry
from lvt_track.io.images.volumes import write_mask

run = CliRunner().invoke
GEOMETRY = Geometry.axial((10, 24, 24), (2.5, 0.8, 0.8), (-10, -20, 100))


def block(first: int, size: int) -> np.ndarray:
    mask = np.zeros(GEOMETRY.shape, dtype=bool)
    mask[2:8, first : first + size, 4 : 4 + size] = True
    return mask


def write_case(
    folder: Path, masks: Mapping[str, np.ndarray], geometry: Geometry = GEOMETRY
) -> Path:
    folder.mkdir(parents=True)
    for name, mask in masks.items():
        write_mask(mask, geometry, folder / f"{name}.nii.gz")
    return folder


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def values(text: str, case: str) -> dict[tuple[str, str, str], float]:
    return {
        (row["class"], row["measure"], row["lesions"]): float(row["value"])
        for row in rows(text)
        if row["case"] == case
    }


def test_two_mask_files(tmp_path: Path) -> None:
    for side, first in (("a", 4), ("b", 8)):
        write_case(tmp_path / side, {"tumors": block(first, 8)})
    found, truth = (str(tmp_path / side / "tumors.nii.gz") for side in "ab")
    result = run(app, ["evaluate", found, truth])
    assert result.exit_code == 0, result.output
    scores = values(result.stdout, "tumors")
    assert scores["tumors", "dice", ""] == pytest.approx(0.5)
    assert scores["tumors", "hd95_mm", ""] == pytest.approx(3.2, abs=0.01)
    assert scores["tumors", "lesion_f1", "all"] == 1.0
    assert list(rows(result.stdout)[0]) == [
        *("case", "class", "measure", "lesions", "value", "low", "high", "count")
    ]


def test_files_that_do_not_say_their_class(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "a", {"mine": block(4, 8), "yours": block(4, 8)})
    command = ["evaluate", str(folder / "mine.nii.gz"), str(folder / "yours.nii.gz")]
    result = run(app, command)
    assert result.exit_code == 2 and "--class" in result.stderr
    result = run(app, [*command, "--class", "vessels"])
    assert values(result.stdout, "mine")["vessels", "cldice", ""] == 1.0
    assert run(app, [*command, "--class", "spleen"]).exit_code == 2


def test_folders_of_cases(tmp_path: Path) -> None:
    for k in range(6):
        truth = {"liver": block(2, 14), "tumors": block(4, 6)}
        write_case(tmp_path / "truth" / f"case{k}", truth)
        found = {"liver": block(2, 14), "tumors": block(4 + k % 2, 6), "vessels": block(2, 2)}
        write_case(tmp_path / "found" / f"case{k}", found)
    out = tmp_path / "scores.csv"
    command = ["evaluate", str(tmp_path / "found"), str(tmp_path / "truth"), "-o", str(out)]
    result = run(app, command)
    assert result.exit_code == 0, result.output
    assert "vessels: not annotated, not scored" in result.stderr
    text = out.read_text()
    assert values(text, "case1")["tumors", "dice", ""] == pytest.approx(5 / 6, abs=1e-4)
    pooled = {(row["class"], row["measure"]): row for row in rows(text) if row["case"] == "all"}
    assert {name for name, _ in pooled} == {"liver", "tumors"}
    tumors = pooled["tumors", "dice"]
    assert float(tumors["value"]) == pytest.approx((1 + 5 / 6) / 2, abs=1e-4)
    assert float(tumors["low"]) < float(tumors["value"]) < float(tumors["high"])
    assert tumors["count"] == "6"
    assert run(app, command).exit_code == 2  # not written over
    result = run(app, [*command[:3], "--json", "--quiet"])
    assert json.loads(result.stdout)[0]["case"] == "case0"


def test_what_cannot_be_scored_is_listed_and_the_rest_done(tmp_path: Path) -> None:
    for k in range(3):
        write_case(tmp_path / "truth" / f"case{k}", {"liver": block(2, 14)})
    write_case(tmp_path / "found" / "case0", {"liver": block(2, 14)})
    coarse = Geometry.axial(GEOMETRY.shape, (5.0, 0.8, 0.8), (-10, -20, 100))
    write_case(tmp_path / "found" / "case1", {"liver": block(2, 14)}, coarse)
    write_case(tmp_path / "found" / "case9", {"liver": block(2, 14)})
    result = run(app, ["evaluate", str(tmp_path / "found"), str(tmp_path / "truth")])
    assert result.exit_code == 4
    assert "not on the grid" in result.stderr
    assert "case case2: liver is not among its predicted masks" in result.stderr
    assert "case case9: no reference, not scored" in result.stderr
    assert values(result.stdout, "all")["liver", "dice", ""] == 1.0


def test_another_grid_is_refused(tmp_path: Path) -> None:
    truth = write_case(tmp_path / "truth", {"liver": block(2, 14)})
    coarse = Geometry.axial(GEOMETRY.shape, (5.0, 0.8, 0.8), (-10, -20, 100))
    found = write_case(tmp_path / "found", {"liver": block(2, 14)}, coarse)
    result = run(app, ["evaluate", str(found), str(truth)])
    assert result.exit_code == 3
    assert "not on the grid of its scan" in result.stderr and "spacing" in result.stderr


def test_what_holds_no_masks(tmp_path: Path) -> None:
    truth = write_case(tmp_path / "truth", {"liver": block(2, 14)})
    nothing = write_case(tmp_path / "nothing", {})
    other = write_case(tmp_path / "other", {"vessels": block(2, 3)})
    for folder, said in (
        (nothing, "no masks named"),
        (tmp_path / "absent", "no such folder"),
        (other, "predicted are vessels, annotated are liver"),
    ):
        result = run(app, ["evaluate", str(folder), str(truth)])
        assert result.exit_code == 3
        assert said in result.stderr
