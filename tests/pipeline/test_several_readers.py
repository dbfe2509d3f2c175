"""Tables by several readers: each is compared alone, and all together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.errors import InputError
from lvt_track.pipeline.radiologist.readings import read_by_reader

SIZES = {"Dr Ada": 1.0, "Dr Bo": 1.1}


def lvt(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two readers of anna, one of bert; Dr Bo measures a tenth more."""
    rows = [
        f"{patient},2024-01-15,{lesion},{size * SIZES[reader]},{size * SIZES[reader] - 1},{reader}"
        for patient, readers in (("anna", ("Dr Ada", "Dr Bo")), ("bert", ("Dr Ada",)))
        for reader in readers
        for lesion, size in (("a", 21.0), ("b", 17.0))
    ]
    path = tmp_path / "readers.csv"
    path.write_text("\n".join(["patient,date,lesion,long_axis_mm,short_axis_mm,reader", *rows]))
    return path


def test_a_cohort_compares_each_reader_and_all(
    tiny_patient: Path, table: Path, tmp_path: Path
) -> None:
    for name in ("anna", "bert"):
        shutil.copytree(tiny_patient / "2024-01-15", tmp_path / "in" / name / "2024-01-15")
    out = tmp_path / "out"
    result = lvt(
        "cohort", tmp_path / "in", "-o", out, "--radiologist", table, "-j", 1, "--tables-only"
    )
    assert result.exit_code == 0, result.output
    pairs = pd.read_csv(out / "reader_pairs.csv")
    counts = pairs[pairs["quantity"] == "long axis"].groupby(["patient", "reader"]).size()
    assert counts.to_dict() == {
        ("anna", "Dr Ada"): 2,
        ("anna", "Dr Bo"): 2,
        ("bert", "Dr Ada"): 2,
    }
    agreement = pd.read_csv(out / "agreement.csv", keep_default_na=False)
    bias = agreement[(agreement["quantity"] == "long axis") & (agreement["statistic"] == "bias_mm")]
    bias = bias.set_index("reader")
    assert bias["pairs"].astype(int).to_dict() == {"": 6, "Dr Ada": 4}, "two pairs are too few"
    means = pairs[pairs["quantity"] == "long axis"].groupby("reader")["difference"].mean()
    assert float(bias.loc["Dr Ada", "value"]) == pytest.approx(means["Dr Ada"], abs=0.06)
    page = (out / "cohort.html").read_text()
    assert all(word in page for word in ("all together", "Dr Ada", "Dr Bo", "too few"))
    assert set(pd.read_csv(out / "anna" / "reader_pairs.csv")["reader"]) == {"Dr Ada", "Dr Bo"}


def test_a_response_needs_one_reader(table: Path) -> None:
    several = lvt("respond", table)
    assert several.exit_code == 3
    assert "several readers: Dr Ada, Dr Bo" in several.output and "--evaluator" in several.output
    assert lvt("respond", table, "--evaluator", "dr bo").exit_code == 0
    unknown = lvt("respond", table, "--evaluator", "Dr Zoe")
    assert unknown.exit_code == 3 and "There are Dr Ada, Dr Bo" in unknown.output


def test_readers_who_share_the_visits_of_a_patient_are_one_course(table: Path) -> None:
    lines = table.read_text().splitlines()
    header, anna = lines[0], [line for line in lines if line.startswith("anna")]
    shared = [line.replace("01-15", "04-20") if "Dr Bo" in line else line for line in anna]
    table.write_text("\n".join([header, *shared]))
    assert list(read_by_reader(table)) == [""]


def test_a_row_without_its_reader_is_refused(table: Path) -> None:
    table.write_text(table.read_text() + "\nbert,2024-04-20,a,20,19,\n")
    with pytest.raises(InputError, match="line 8 names no reader"):
        read_by_reader(table)


def test_one_reader_needs_no_choice(table: Path) -> None:
    table.write_text(table.read_text().replace("Dr Bo", "dr ada").replace("anna", "eve", 2))
    assert list(read_by_reader(table)) == [""]
