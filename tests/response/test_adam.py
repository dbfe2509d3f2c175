"""Analysis datasets of written courses: what each record says, and that they agree."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.response.adam.adrs import ADRS_COLUMNS
from lvt_track.response.adam.adtr import ADTR_COLUMNS
from lvt_track.response.adam.adtte import ADTTE_COLUMNS

TABLE = """patient,lesion,date,long_axis_mm,role,status
A,T1,2024-01-01,30,target,
A,T1,2024-03-01,20,target,
A,T1,2024-05-01,18,target,
A,T1,2024-07-01,26,target,
B,T1,2024-01-01,30,target,
B,T1,2024-03-01,,target,not done
C,T1,2024-01-01,30,target,
C,T1,2024-03-01,20,target,
"""


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    folder = tmp_path_factory.mktemp("adam")
    table = folder / "table.csv"
    table.write_text(TABLE)
    result = CliRunner().invoke(app, ["respond", str(table), "--adam", str(folder / "adam")])
    assert result.exit_code == 0, result.output
    return {
        path.stem: list(csv.DictReader(path.read_text().splitlines()))
        for path in (folder / "adam").glob("*.csv")
    }


def records(rows: list[dict[str, str]], patient: str, code: str) -> list[dict[str, str]]:
    return [row for row in rows if (row["USUBJID"], row["PARAMCD"]) == (patient, code)]


def test_every_dataset_has_its_columns_and_counts_within_a_patient(datasets) -> None:
    columns = {"adrs": ADRS_COLUMNS, "adtr": ADTR_COLUMNS, "adtte": ADTTE_COLUMNS}
    assert datasets.keys() == columns.keys()
    for name, rows in datasets.items():
        assert tuple(rows[0]) == columns[name]
        for patient in "ABC":
            numbers = [int(row["ASEQ"]) for row in rows if row["USUBJID"] == patient]
            assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    ("patient", "code", "answers", "date"),
    [
        ("A", "OVR", "PR PR PD", "2024-03-01"),
        ("A", "PD", "Y", "2024-07-01"),
        ("A", "RSP", "Y", "2024-03-01"),
        ("A", "BOR", "PR", "2024-03-01"),
        ("A", "CBOR", "PR", "2024-03-01"),
        ("A", "LSTA", "PD", "2024-07-01"),
        ("B", "BOR", "NE", "2024-03-01"),
        ("B", "RSP", "N", ""),
        ("C", "BOR", "PR", "2024-03-01"),
        ("C", "CBOR", "SD", "2024-03-01"),
    ],
)
def test_responses(datasets, patient, code, answers, date) -> None:
    rows = records(datasets["adrs"], patient, code)
    assert [row["AVALC"] for row in rows] == answers.split()
    assert rows[0]["ADT"] == date
    values = {"CR": "1", "PR": "2", "SD": "3", "PD": "5", "NE": "6", "Y": "1", "N": "0"}
    assert [row["AVAL"] for row in rows] == [values[answer] for answer in answers.split()]


def test_sums_against_baseline_and_the_nadir_before(datasets) -> None:
    rows = records(datasets["adtr"], "A", "SDIAM")
    sums = [[row[name] for name in ("AVAL", "CHG", "NADIR", "CHGNAD", "PDFL")] for row in rows]
    assert sums == [
        ["30", "", "", "", ""],
        ["20", "-10", "30", "-10", ""],
        ["18", "-12", "20", "-2", ""],
        ["26", "-4", "18", "8", "Y"],
    ]
    assert rows[3]["PCHGNAD"] == "44.444"
    assert [row["ABLFL"] for row in rows] == ["Y", "", "", ""]
    missing = records(datasets["adtr"], "B", "SDIAM")[1]
    assert (missing["AVAL"], missing["ANL01FL"]) == ("", "")


def test_times_count_both_days_and_say_why_they_end(datasets) -> None:
    rows = {(row["USUBJID"], row["PARAMCD"]): row for row in datasets["adtte"]}
    assert rows.keys() == {("A", "TTP"), ("A", "RSD"), ("B", "TTP"), ("C", "TTP"), ("C", "RSD")}
    names = ("AVAL", "STARTDT", "ADT", "CNSR")
    assert [rows["A", "TTP"][n] for n in names] == ["183", "2024-01-01", "2024-07-01", "0"]
    assert [rows["A", "RSD"][n] for n in names] == ["123", "2024-03-01", "2024-07-01", "0"]
    assert [rows["B", "TTP"][n] for n in names] == ["1", "2024-01-01", "2024-01-01", "1"]
    assert rows["B", "TTP"]["CNSDTDSC"] == "Baseline, No Evaluable Assessment"
    assert rows["C", "TTP"]["CNSDTDSC"] == "Last Evaluable Assessment"


def test_a_dataset_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    (tmp_path / "adtte.csv").write_text("mine")
    result = CliRunner().invoke(app, ["respond", str(table), "--adam", str(tmp_path)])
    assert result.exit_code == 2
    assert (tmp_path / "adtte.csv").read_text() == "mine"
    assert not (tmp_path / "adrs.csv").exists()


def test_an_adsl_gives_the_first_day_deaths_and_those_never_scanned(tmp_path: Path) -> None:
    table, adsl = tmp_path / "table.csv", tmp_path / "adsl.csv"
    table.write_text(TABLE)
    adsl.write_text(
        "STUDYID,USUBJID,RANDDT,TRTSDT,DTHDT,LSTALVDT\n"
        "X1,A,2024-01-08,2024-01-10,,2024-08-01\n"
        "X1,C,NA,2024-01-09,2024-04-01,2024-03-20\n"
        "X1,Z,2024-02-01,,,\n"
    )
    result = CliRunner().invoke(
        app, ["respond", str(table), "--adam", str(tmp_path), "--adsl", str(adsl)]
    )
    assert result.exit_code == 0, result.output
    assert "B is not in the ADSL" in result.output
    adrs, adtte = (
        list(csv.DictReader((tmp_path / name).read_text().splitlines()))
        for name in ("adrs.csv", "adtte.csv")
    )
    assert records(adrs, "A", "OVR")[0]["ADY"] == "54", "day 1 is that of randomisation"
    assert [records(adrs, who, "DEATH")[0]["AVALC"] for who in "AC"] == ["N", "Y"]
    assert not records(adrs, "B", "DEATH"), "nobody said so"
    missing = records(adrs, "Z", "BOR")[0]
    assert (missing["AVALC"], missing["AVAL"], missing["STUDYID"]) == ("MISSING", "7", "X1")
    survival = {
        (row["USUBJID"], row["PARAMCD"]): (row["AVAL"], row["CNSR"])
        for row in adtte
        if row["PARAMCD"] in ("PFS", "OS")
    }
    assert survival == {
        ("A", "PFS"): ("176", "0"),
        ("A", "OS"): ("207", "1"),
        ("C", "PFS"): ("84", "0"),
        ("C", "OS"): ("84", "0"),
        ("Z", "PFS"): ("1", "1"),
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("USUBJID,AGE\nA,70\n", "needs USUBJID and one of RANDDT and TRTSDT"),
        ("USUBJID,TRTSDT\nA,2024-01-01\nA,2024-01-02\n", "line 3"),
        ("USUBJID,TRTSDT\nA,soon\n", "line 2: TRTSDT"),
        ("USUBJID,TRTSDT\nX,2024-01-01\n", "has no patient of the measurements"),
        ("USUBJID,TRTSDT,DTHDT\nA,2024-01-01,2023-05-01\n", "lies before day 1"),
        ("USUBJID,TRTSDT,DTHDT\nA,2024-01-01,2024-06-01\n", "2024-07-01 lies after DTHDT"),
        ("USUBJID,TRTSDT\nA,2024-08-01\n", "all visits lie before day 1"),
    ],
)
def test_what_is_no_adsl_is_refused(tmp_path: Path, text: str, why: str) -> None:
    table, adsl = tmp_path / "table.csv", tmp_path / "adsl.csv"
    table.write_text(TABLE)
    adsl.write_text(text)
    result = CliRunner().invoke(app, ["respond", str(table), "--adsl", str(adsl)])
    assert result.exit_code == 3
    assert why in " ".join(result.output.split())
