"""`lvt measure` and `lvt respond`, as a user calls them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.images.volumes import write_labels, write_mask, write_volume

run = CliRunner().invoke
GEOMETRY = Geometry.axial((12, 40, 40), (2.5, 0.8, 0.8), (-10, -20, 100))
TABLE = (
    "patient,date,lesion,role,long_axis_mm\n"
    "P1,2024-01-15,T1,target,14\nP1,2024-01-15,T2,target,27\n"
    "P1,2024-03-15,T1,target,9.8\nP1,2024-03-15,T2,target,18.9\n"
    "P2,2024-01-15,T1,target,20\nP2,2024-03-15,T1,target,25\n"
)


@pytest.fixture
def labels() -> np.ndarray:
    z, y, x = np.indices(GEOMETRY.shape)
    labels = np.zeros(GEOMETRY.shape, dtype=np.int32)
    labels[(z - 4) ** 2 + ((y - 12) / 3) ** 2 + ((x - 12) / 3) ** 2 <= 4] = 5
    labels[(z - 7) ** 2 + ((y - 28) / 4) ** 2 + ((x - 28) / 4) ** 2 <= 4] = 2
    return labels


def scan_hu() -> np.ndarray:
    """A block of tissue in air."""
    hu = np.full(GEOMETRY.shape, -1000, dtype=np.int16)
    hu[:, 3:-3, 3:-3] = 40
    return hu


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_measure_components_of_a_mask(tmp_path: Path, labels: np.ndarray) -> None:
    write_mask(labels > 0, GEOMETRY, tmp_path / "tumors.nii.gz")
    result = run(app, ["measure", str(tmp_path / "tumors.nii.gz")])
    assert result.exit_code == 0
    large, small = rows(result.stdout)
    assert list(large)[:8] == [
        *("lesion", "x_mm", "y_mm", "z_mm", "long_axis_mm", "short_axis_mm", "slice", "volume_ml")
    ]
    assert (large["lesion"], small["lesion"]) == ("1", "2")
    assert float(large["volume_ml"]) == pytest.approx((labels == 2).sum() * 1.6e-3, abs=6e-4)
    assert float(large["x_mm"]) == pytest.approx(-10 + 28 * 0.8, abs=0.06)
    assert float(large["z_mm"]) == pytest.approx(100 + 7 * 2.5, abs=0.06)
    assert large["slice"] == "7"
    assert float(large["long_axis_mm"]) == pytest.approx(16 * 0.8, abs=0.6)
    assert large["mean_hu"] == ""


def test_measure_labels_of_a_map_with_the_scan(tmp_path: Path, labels: np.ndarray) -> None:
    write_labels(labels, GEOMETRY, tmp_path / "lesions.nrrd")
    hu = scan_hu()
    hu[labels == 5], hu[labels == 2] = 77, 30
    write_volume(Volume(hu, GEOMETRY), tmp_path / "ct.nii.gz")
    out = tmp_path / "sizes.csv"
    command = ["measure", str(tmp_path / "lesions.nrrd"), "--ct", str(tmp_path / "ct.nii.gz")]
    result = run(app, [*command, "-o", str(out)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert [(row["lesion"], row["mean_hu"]) for row in rows(out.read_text())] == [
        ("2", "30.0"),
        ("5", "77.0"),
    ]
    assert run(app, [*command, "-o", str(out)]).exit_code == 2
    assert run(app, [*command, "-o", str(out), "--force"]).exit_code == 0


def test_measure_tells_of_a_grid_of_no_body(tmp_path: Path, labels: np.ndarray) -> None:
    metres = Geometry.axial(GEOMETRY.shape, (0.0025, 0.0008, 0.0008))
    write_mask(labels > 0, metres, tmp_path / "tumors.nii.gz")
    result = run(app, ["measure", str(tmp_path / "tumors.nii.gz")])
    assert "the size of no body: are its lengths in millimetres?" in result.stderr


def test_measure_an_empty_mask(tmp_path: Path) -> None:
    write_mask(np.zeros(GEOMETRY.shape, bool), GEOMETRY, tmp_path / "none.nii.gz")
    result = run(app, ["measure", str(tmp_path / "none.nii.gz"), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == []


def test_measure_refuses_a_scan_on_another_grid(tmp_path: Path, labels: np.ndarray) -> None:
    write_mask(labels > 0, GEOMETRY, tmp_path / "tumors.nii.gz")
    other = Geometry.axial(GEOMETRY.shape, (2.5, 0.8, 0.8), (0, 0, 0))
    write_volume(Volume(scan_hu(), other), tmp_path / "ct.nii.gz")
    mask, ct = str(tmp_path / "tumors.nii.gz"), str(tmp_path / "ct.nii.gz")
    result = run(app, ["measure", mask, "--ct", ct])
    assert result.exit_code == 3
    assert "does not lie on the grid" in result.stderr
    assert run(app, ["measure", str(tmp_path / "nothing.nii.gz")]).exit_code == 3


def test_respond_prints_a_table(table: Path) -> None:
    result = run(app, ["respond", str(table)])
    assert result.exit_code == 0
    found = rows(result.stdout)
    assert list(found[0]) == [
        *("patient", "date", "criterion", "sum_mm", "nadir_mm", "change_from_baseline_percent"),
        *("change_from_nadir_percent", "target", "non_target", "new_lesion", "category", "reason"),
        *("sum_ml", "nadir_ml", "sum_mm2", "nadir_mm2"),
    ]
    assert [(row["patient"], row["category"]) for row in found] == [
        ("P1", "Baseline"),
        ("P1", "PR"),
        ("P2", "Baseline"),
        ("P2", "PD"),
    ]
    assert found[1]["change_from_baseline_percent"] == "-30.0"


def test_respond_writes_csv_and_sdtm(table: Path, tmp_path: Path) -> None:
    out, rs = tmp_path / "response.csv", tmp_path / "rs.csv"
    result = run(app, ["respond", str(table), "-o", str(out), "--rs", str(rs), "--quiet"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert rows(out.read_text())[1]["category"] == "PR"
    codes = [(row["RSTESTCD"], row["RSORRES"]) for row in rows(rs.read_text())]
    assert codes.count(("OVRLRESP", "PR")) == 1
    assert run(app, ["respond", str(table), "-o", str(out)]).exit_code == 2


def test_respond_as_json_with_the_best_response(table: Path) -> None:
    facts = json.loads(run(app, ["respond", str(table), "--json"]).stdout)
    assert [(f["patient"], f["best_overall_response"]) for f in facts] == [
        ("P1", "PR"),
        ("P2", "PD"),
    ]
    confirmed = run(app, ["respond", str(table), "--json", "--confirm", "28"])
    assert json.loads(confirmed.stdout)[0]["best_overall_response"] == "SD"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--criteria", "who"], 2, "choose recist1.1, mrecist, volume"),
        (["--criteria", "mrecist"], 3, "arterially enhancing diameter"),
        (["--criteria", "volume"], 3, "needs the volume of each lesion"),
        (["--tu", "tu.csv"], 2, "--tu is for SDTM TR tables"),
    ],
)
def test_respond_refuses(table: Path, arguments: list[str], code: int, said: str) -> None:
    result = run(app, ["respond", str(table), *arguments])
    assert result.exit_code == code
    assert said.lower() in result.stderr.lower()
    assert result.stdout == ""


def test_respond_lists_bad_rows_and_writes_nothing(tmp_path: Path) -> None:
    table, out = tmp_path / "bad.csv", tmp_path / "out.csv"
    table.write_text("date,lesion,long_axis_mm\n2024-01-15,A,x\n01/02/2024,A,12\n")
    result = run(app, ["respond", str(table), "-o", str(out)])
    assert result.exit_code == 3
    assert "2 rows cannot be used" in result.stderr
    assert "line 2:" in result.stderr
    assert "line 3:" in result.stderr
    assert not out.exists()


def test_respond_warns_of_odd_rows(tmp_path: Path) -> None:
    table = tmp_path / "odd.csv"
    table.write_text("date,lesion,long_axis_mm\n2024-01-15,A,30\n2024-03-15,A,0\n")
    result = run(app, ["respond", str(table)])
    assert result.exit_code == 0
    assert "warning: line 3: long_axis_mm is 0: taken as absent" in result.stderr
    assert rows(result.stdout)[1]["category"] == "CR"
