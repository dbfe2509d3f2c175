"""Tables that people bring: their columns, their slips, and SDTM."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from lvt_track.core.response.assessment import Role, Status
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import read_sheet
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.tables.answers import rs_rows
from lvt_track.response.tables.cells import CellError, parse_length_mm, parse_number
from lvt_track.response.tables.dates import exchanged_days, parse_date, settled_order
from lvt_track.response.tables.measurements import read_measurements
from lvt_track.response.tables.readings import Readings
from lvt_track.response.tables.sdtm.records import is_tr, read_tr
from lvt_track.response.timepoints.walk import classify

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, name: str = "table.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return written


@pytest.fixture
def read(write: Write) -> Callable[[str], Readings]:
    return lambda text: read_measurements(read_sheet(write(text)))


def refusals(read: Callable[[str], Readings], text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(text)
    return [line.strip() for line in caught.value.what.splitlines()[1:]]


def test_a_whole_table(read: Callable[[str], Readings]) -> None:
    found = read(
        "Patient,Date,Lesion,Role,Site,Long axis mm,short_axis_mm,volume_ml,status,x_mm,y_mm,z_mm\n"
        "P1,2024-01-15,T1,target,liver,32.5,20,9.1,,10,-20,30.5\n"
        "P1,2024-01-15,N1,target,Lymph node,25,16,,measured,,,\n"
        "P1,2024-04-02,T1,,,,,,Too small,,,\n"
        "P1,2024-04-02,W,new,,,,,,,,\n"
    )
    first, node, later, new = found.rows
    assert (first.patient, first.date, first.role) == ("P1", dt.date(2024, 1, 15), Role.TARGET)
    assert (first.long_axis_mm, first.short_axis_mm, first.volume_ml) == (32.5, 20.0, 9.1)
    assert first.position_mm == (10.0, -20.0, 30.5)
    assert node.is_nodal
    assert later.status is Status.TOO_SMALL
    assert new.role is Role.NEW
    assert [row.line for row in found.rows] == [2, 3, 4, 5]
    assert found.remarks == ("line 3: target N1 has no row on 2024-04-02: not evaluable",)


@pytest.mark.parametrize(
    "text",
    [
        "date;lesion;long_axis_mm\n2024-01-15;A;32,5\n",
        "date\tlesion\tlong_axis_mm\n20240115\tA\t32.5\n",
        'date,lesion,long_axis_mm\n15.01.2024,A,"32,5"\n',
        "date,lesion,long_axis_cm\n2024/01/15,A,3.25\n",
        "date,lesion,long_axis_mm\n2024-01-15T08:30:00,A,3.25 cm\n",
        "\ufeffdate,lesion,long_axis_mm\n\n2024-01-15 00:00,A,32.5mm\n",
    ],
    ids=["semicolon", "tab", "quoted comma", "cm column", "cm in cell", "BOM and blank line"],
)
def test_one_table_in_many_hands(read: Callable[[str], Readings], text: str) -> None:
    (row,) = read(text).rows
    assert (row.date, row.lesion) == (dt.date(2024, 1, 15), "A")
    assert row.long_axis_mm == pytest.approx(32.5)


def test_windows_letters(write: Write) -> None:
    path = write("date,lesion\n2024-01-15,Läsion\n", encoding="cp1252")  # type: ignore[call-arg]
    assert read_sheet(path).rows[0].cells["lesion"] == "Läsion"


def test_excel(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["date", "lesion", "long_axis_mm"])
    book.active.append([dt.datetime(2024, 1, 15), 1, 32.5])
    book.active.append([None, None, None])
    book.active.append([dt.date(2024, 4, 2), 1, 28])
    book.save(tmp_path / "table.xlsx")
    first, second = read_measurements(read_sheet(tmp_path / "table.xlsx")).rows
    assert (first.date, first.lesion, first.long_axis_mm) == (dt.date(2024, 1, 15), "1", 32.5)
    assert (second.line, second.long_axis_mm) == (4, 28)


def test_everything_wrong_is_told_at_once(read: Callable[[str], Readings]) -> None:
    found = refusals(
        read,
        "date,lesion,role,status,long_axis_mm,short_axis_mm,x_mm\n"
        "2024-01-15,A,target,,about 30,,\n"
        "01/02/2024,A,target,,30,,\n"
        "2024-03,A,target,,30,,\n"
        "2024-04-01,A,target,,-5,,\n"
        "2024-05-01,A,target,,20,25,\n"
        "2024-06-01,A,leader,,20,,\n"
        "2024-07-01,A,target,vanished,20,,\n"
        "2024-08-01,,target,,20,,\n"
        "2024-09-01,A,target,absent,20,,\n"
        "2024-10-01,A,target,,,,\n"
        ",A,target,,20,,\n"
        "2024-11-01,A,target,,20,,7\n"
        '2024-12-01,A,target,,"1,234",,\n',
    )
    told = [
        "line 2: long_axis_mm: 'about 30' is not a number",
        "line 3: date '01/02/2024' may be day or month first",
        "line 4: '2024-03' is not a complete date",
        "line 5: long_axis_mm is negative",
        "line 6: the short axis 25 mm is longer than the long one 20 mm",
        "line 7: role 'leader' is none of",
        "line 8: status 'vanished' is none of",
        "line 9: no lesion is named",
        "line 10: called absent, but it has a size",
        "line 11: target A has no size",
        "line 12: no date",
        "line 13: the place needs x_mm, y_mm and z_mm",
        "line 14: long_axis_mm: '1,234' may be thousands",
    ]
    assert len(found) == len(told)
    for line, start in zip(found, told, strict=True):
        assert line.startswith(start)


def test_what_rows_contradict_together(read: Callable[[str], Readings]) -> None:
    found = refusals(
        read,
        "date,visit,lesion,role,long_axis_mm\n"
        "2024-01-15,Baseline,A,target,30\n"
        "2024-01-15,Baseline,A,target,31\n"
        "2024-03-15,Baseline,A,target,30\n"
        "2024-03-15,V2,B,target,30\n",
    )
    assert found == [
        "line 3: lesion A stands twice on 2024-01-15, first on line 2",
        "line 4: a second baseline on 2024-03-15, line 2 has 2024-01-15",
        "line 5: lesion B is called a target, the first visit has none",
    ]


def test_slips_of_all_kinds_are_told_in_one_pass(read: Callable[[str], Readings]) -> None:
    """A row that cannot be read does not make those that can look wrong."""
    found = refusals(
        read,
        "patient,date,visit,lesion,role,site,long_axis_mm,long_axis_cm,short_axis_mm\n"
        "P,2024-01-15,Baseline visit,A,target,liver,thirty,,\n"
        "P,2024-01-15,Baseline visit,B,target,liver,20,2.6,\n"
        "P,2024-01-15,Baseline visit,C,target,liver,20,,25\n"
        "P,2024-01-15,Baseline visit,D,target,liver,18,1.8,9\n"
        "P,2024-03-15,V2,A,target,liver,-3,,\n"
        "P,2024-03-15,V2,D,target,liver,17,,\n"
        "P,2024-03-15,V2,D,target,liver,16,,\n"
        ",2024-03-15,V2,B,target,liver,21,,\n"
        "P,2024-05-15,Screening 2,D,target,liver,15,,\n"
        "P,unknown,V4,D,target,liver,15,,\n",
    )
    assert [line.split(": ", 1) for line in found] == [
        ["line 2", "long_axis_mm: 'thirty' is not a number"],
        ["line 3", "long_axis is 20 mm in one column, 26 mm in the other"],
        ["line 4", "the short axis 25 mm is longer than the long one 20 mm"],
        ["line 6", "long_axis_mm is negative: -3"],
        ["line 8", "lesion D stands twice on 2024-03-15, first on line 7"],
        ["line 9", "no patient is named, other rows name one"],
        ["line 10", "a second baseline on 2024-05-15, line 5 has 2024-01-15"],
        ["line 11", "'unknown' is not a complete date: write it as YYYY-MM-DD"],
    ]


def test_units_that_slipped(read: Callable[[str], Readings]) -> None:
    found = read(
        "date,lesion,long_axis_mm\n"
        "2024-01-15,A,31\n2024-03-15,A,30\n2024-05-15,A,3.3\n2024-07-15,A,320\n"
    )
    assert found.remarks == (
        "line 4: lesion A has 3.3 mm, at other visits 31 mm: is this in cm?",
        "line 5: lesion A has 320 mm, at other visits 30 mm: is a decimal point missing?",
    )
    found = read("date,lesion,long_axis_mm\n2024-01-15,A,3.1\n2024-01-15,B,2\n2024-03-15,A,3\n")
    assert found.remarks == (
        "no long axis reaches 10 mm: is the table in cm?",
        "line 3: lesion B has no row on 2024-03-15: not evaluable",
    )


def test_what_is_odd_is_used_and_told(read: Callable[[str], Readings]) -> None:
    found = read(
        "date,lesion,role,site,long_axis_mm,room\n"
        "2024-01-15,A,target,liver,31,X\n"
        "2024-01-15,B,new,liver,12,X\n"
        "2024-03-15,A,non-target,lung,3.2,X\n"
        "2024-05-15,A,target,liver,0,X\n"
        "2024-05-15,B,new,liver,12,X\n"
        "2024-05-15,C,non-target,liver,12,X\n"
    )
    assert set(found.remarks) == {
        "column room is not used",
        "line 3: lesion B is called new at the first visit: taken as non-target",
        "line 4: lesion A was target at the first visit: kept so",
        "line 4: lesion A is in lung, before it was in liver: kept so",
        "line 4: lesion A has 3.2 mm, at other visits 31 mm: is this in cm?",
        "line 5: long_axis_mm is 0: taken as absent",
        "line 6: lesion B is called new, the first visit shows it: not counted as new",
        "line 7: lesion C is called non-target, the first visit has none: new",
    }
    assert found.rows[3].status is Status.ABSENT


def test_pieces_and_mergers_are_read_from_names(read: Callable[[str], Readings]) -> None:
    found = read(
        "date,lesion,role,long_axis_mm\n"
        "2024-01-15,T1,target,30\n"
        "2024-01-15,T2,target,20\n"
        "2024-01-15,T2.1,,8\n"
        "2024-03-15,T1.1,,12\n"
        "2024-03-15,T1b,,10\n"
        "2024-03-15,T2,,20\n"
        "2024-05-15,T1/T2,,41\n"
        "2024-05-15,T3,,9\n"
    )
    origins = {(row.date.month, row.lesion): row.derived_from for row in found.rows}
    assert origins[1, "T2.1"] == ()
    assert origins[3, "T1.1"] == origins[3, "T1b"] == ("T1",)
    assert origins[5, "T1/T2"] == ("T1", "T2")
    assert origins[5, "T3"] == ()


def test_our_own_lesions_table(read: Callable[[str], Readings]) -> None:
    """Labels count anew at every visit; the track says which lesion is which."""
    found = read(
        "date,lesion,track,x_mm,y_mm,z_mm,long_axis_mm,short_axis_mm,slice,volume_ml,mean_hu\n"
        "2024-01-15,1,1,0,0,0,40,30,5,20,60\n"
        "2024-01-15,2,2,0,0,0,30,20,5,9,60\n"
        "2024-01-15,3,2,0,0,0,20,20,5,4,60\n"
        "2024-01-15,4,3,0,0,0,12,10,5,1,60\n"
        "2024-03-15,1,2,0,0,0,52,40,5,30,60\n"
        "2024-03-15,2,1,0,0,0,15,10,5,1,60\n"
        "2024-03-15,3,1,0,0,0,11,9,5,1,60\n"
        "2024-03-15,4,4,0,0,0,9,9,5,1,60\n"
    )
    assert any("response.csv of the same run knows both" in remark for remark in found.remarks)
    later = {row.lesion: row for row in found.rows if row.date.month == 3}
    assert set(later) == {"T2a+T2b", "T1.1", "T1.2", "T3", "T4"}
    assert later["T3"].status is Status.ABSENT
    assert later["T2a+T2b"].derived_from == ("T2a", "T2b")
    response = classify(found.rows, RECIST_1_1)[1]
    assert (response.sum_mm, response.category) == (78, "PD")
    assert "new lesion T4" in response.reason


def test_our_own_lesions_table_knows_the_visits_of_its_run(write: Write) -> None:
    """A visit without lesions has no row; visits.csv beside the table names it."""
    write("date,study\n2024-01-15,a\n2024-03-15,b\n2024-05-15,c\n", "visits.csv")
    table = write(
        "date,lesion,track,long_axis_mm,short_axis_mm,volume_ml,cut\n"
        "2024-01-15,1,1,40,30,20,False\n2024-05-15,1,1,41,30,20,False\n"
        "2024-05-15,2,2,50,30,20,True\n",
        "lesions.csv",
    )
    found = read_measurements(read_sheet(table))
    responses = classify(found.rows, RECIST_1_1, found.dates[""])
    assert [r.category for r in responses] == ["Baseline", "CR", "PD"]
    assert responses[2].new_lesions == ()  # T1 came back; the scan ends in the other


def test_the_lesions_of_a_cohort_are_told_apart_by_patient(write: Write) -> None:
    """Numbers of tracks count anew in every patient, and so do visits."""
    write("patient,date\nA,2024-01-15\nA,2024-03-15\nB,2024-01-15\nB,2024-04-15\n", "visits.csv")
    table = write(
        "patient,date,lesion,track,long_axis_mm,parts,segments,doubt\n"
        "A,2024-01-15,1,1,40,,6,\nA,2024-03-15,1,1,20,,6,\nB,2024-01-15,1,1,30,,2,\n",
        "lesions.csv",
    )
    found = read_measurements(read_sheet(table))
    assert [(row.patient, row.lesion, row.date.month, row.long_axis_mm) for row in found.rows] == [
        ("A", "T1", 1, 40),
        ("A", "T1", 3, 20),
        ("B", "T1", 1, 30),
        ("B", "T1", 4, None),
    ]
    assert not any("not used" in remark for remark in found.remarks)


def test_28_lesions_of_one_track_have_names_of_their_own(read: Callable[[str], Readings]) -> None:
    lines = [f"2024-01-15,{k},3,{60 - k},20" for k in range(28)]
    found = read("date,lesion,track,long_axis_mm,short_axis_mm\n" + "\n".join(lines) + "\n")
    names = [row.lesion for row in found.rows]
    assert len(set(names)) == 28
    assert {"T3a", "T3z", "T3aa", "T3ab"} <= set(names)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "needs a header"),
        ("date,lesion\n", "needs a header"),
        ("day,lesion\n2024-01-01,A\n", "no column date"),
        ("date,date,lesion\n2024-01-01,2024-01-01,A\n", "date stands there twice"),
        (
            "date,lesion,long_axis_mm\n2024-01-01,A,32,5\n2024-03-01,A,30\n2024-05-01,A,31,5\n",
            "line 2 has 4 cells, line 4 has 4 cells, the header 3",
        ),
        ("date,lesion,Long axis mm,long_axis_mm\n2024-01-01,A,32,32\n", "mean the same"),
    ],
)
def test_what_is_no_table(read: Callable[[str], Readings], text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read(text)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_sheet(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"PK\3\4\0\0\0")
    with pytest.raises(InputError, match="not a text table"):
        read_sheet(tmp_path / "binary.csv")
    pytest.importorskip("openpyxl")
    (tmp_path / "broken.xlsx").write_bytes(b"PK\3\4 nothing")
    with pytest.raises(InputError, match="Excel"):
        read_sheet(tmp_path / "broken.xlsx")


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("3.5", 3.5), ("3,5", 3.5), (",5", 0.5), ("1e1", 10), ("-2", -2)]
)
def test_numbers(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "3 4", "1.234,5", "nan", "inf", "12,345", "3..4", "<5"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(CellError):
        parse_number(text)


def test_lengths_and_dates() -> None:
    assert parse_length_mm("3,2", 10.0) == pytest.approx(32)
    assert parse_length_mm("32 mm", 10.0) == pytest.approx(32)
    assert parse_date("1.2.2024") == dt.date(2024, 2, 1)
    for text in ("2024-02-30", "20240230", "unknown", "2024", "1/2/24"):
        with pytest.raises(CellError):
            parse_date(text)


def test_days_of_scans_tell_day_from_month() -> None:
    texts = ["03/04/2024", "05/06/2024"]
    assert settled_order(texts) is None
    order, how = settled_order(texts, [dt.date(2024, 4, 3)]) or ("", "")
    assert order == "day"
    assert (
        how == "days such as 03/04/2024 are read with the day first, as the days of the scans tell"
    )
    assert settled_order(texts, [dt.date(2024, 4, 3), dt.date(2024, 5, 6)]) is None
    mixed = ["2024-04-03", "25/05/2024"]
    assert "exchanged" in exchanged_days(mixed)
    assert exchanged_days(mixed, [dt.date(2024, 4, 3)]) == ""
    assert exchanged_days(["2024-04-13", "25/05/2024"]) == ""


TR = (
    "STUDYID,DOMAIN,USUBJID,TRSEQ,TRGRPID,TRLNKID,TRTESTCD,TRORRES,TRORRESU,TRSTRESN,TRSTRESU,"
    "TRSTAT,TREVAL,VISITNUM,TRDTC\n"
    "S,TR,P1,1,TARGET,T01,LDIAM,3.0,cm,30,mm,,INVESTIGATOR,10,2024-01-15\n"
    "S,TR,P1,2,TARGET,T02,LDIAM,25,mm,25,mm,,INVESTIGATOR,10,2024-01-16\n"
    "S,TR,P1,3,TARGET,T02,LPERP,18,mm,18,mm,,INVESTIGATOR,10,2024-01-16\n"
    "S,TR,P1,4,TARGET,,SUMDIAM,48,mm,48,mm,,INVESTIGATOR,10,2024-01-15\n"
    "S,TR,P1,5,NON-TARGET,NT01,TUMSTATE,PRESENT,,,,,INVESTIGATOR,10,2024-01-15\n"
    "S,TR,P1,6,TARGET,T01,LDIAM,TOO SMALL TO MEASURE,,,,,INVESTIGATOR,20,2024-03-15\n"
    "S,TR,P1,7,TARGET,T02,LPERP,9,mm,9,mm,,INVESTIGATOR,20,2024-03-15\n"
    "S,TR,P1,8,NON-TARGET,NT01,TUMSTATE,ABSENT,,,,,INVESTIGATOR,20,2024-03-15\n"
    "S,TR,P1,9,TARGET,T01,LDIAM,,,,,NOT DONE,INVESTIGATOR,30,2024-05-15\n"
    "S,TR,P1,10,TARGET,T02,LPERP,9,mm,9,mm,,INVESTIGATOR,30,2024-05-15\n"
    "S,TR,P1,11,NEW,NEW01,TUMSTATE,EQUIVOCAL,,,,,INVESTIGATOR,30,2024-05-15\n"
)
TU = (
    "USUBJID,TULNKID,TUTESTCD,TUORRES,TULOC\n"
    "P1,T01,TUMIDENT,TARGET,LIVER\n"
    "P1,T02,TUMIDENT,TARGET,LYMPH NODE\n"
    "P1,NT01,TUMIDENT,NON-TARGET,LIVER\n"
    "P1,NEW01,TUMIDENT,NEW,LIVER\n"
)


@pytest.mark.parametrize(
    ("word", "is_open"),
    [
        ("stable", False),
        ("Non-CR/Non-PD", False),
        ("unverändert", False),
        ("present", True),
        ("", True),
    ],
)
def test_growth_that_a_reader_calls_stable_is_not_asked_about(
    read: Callable[[str], Readings], word: str, is_open: bool
) -> None:
    rows = read(
        "date,lesion,role,long_axis_mm,status\n"
        "2024-01-15,T1,target,40,\n2024-01-15,N1,non-target,20,\n"
        f"2024-04-02,T1,,41,\n2024-04-02,N1,,30,{word}\n"
    ).rows
    response = classify(rows, RECIST_1_1)[-1]
    assert response.category == "SD"
    assert response.grown_non_targets == (("N1",) if is_open else ())


def test_sdtm_in_and_out(write: Write) -> None:
    tr = read_sheet(write(TR))
    tu = read_sheet(write(TU, "tu.csv"))  # type: ignore[call-arg]
    assert is_tr(tr)
    found = read_tr(tr, tu)
    assert {row.date for row in found.rows} == {
        dt.date(2024, 1, 15),
        dt.date(2024, 3, 15),
        dt.date(2024, 5, 15),
    }
    responses = classify(found.rows, RECIST_1_1)
    assert responses[0].sum_mm == 48
    assert [r.category for r in responses] == ["Baseline", "PR", "NE"]
    assert "possible new lesion NEW01" in responses[2].reason
    records = rs_rows({"P1": responses}, found.trial)
    assert [(r["RSTESTCD"], r["RSORRES"]) for r in records[:4]] == [
        ("TRGRESP", "PR"),
        ("NTRGRESP", "CR"),
        ("NEWLIND", "N"),
        ("OVRLRESP", "PR"),
    ]
    assert [r["RSSEQ"] for r in records] == list(range(1, len(records) + 1))


def test_sdtm_lesions_that_change_organ_are_told(write: Write) -> None:
    tu = read_sheet(write(TU + "P1,T01,TUMIDENT,TARGET,LUNG\n", "tu.csv"))  # type: ignore[call-arg]
    remarks = read_tr(read_sheet(write(TR)), tu).remarks
    assert "TU line 6: T01 is in LUNG, before it was in LIVER: kept so" in remarks


def test_sdtm_without_tu_takes_roles_from_the_group(write: Write) -> None:
    roles = {row.lesion: row.role for row in read_tr(read_sheet(write(TR))).rows}
    assert roles["T01"] is Role.TARGET
    assert roles["NT01"] is Role.NON_TARGET
    assert roles["NEW01"] is Role.NEW


def test_sdtm_of_several_evaluators_needs_a_choice(write: Write) -> None:
    second = (
        TR.splitlines()[1].replace("INVESTIGATOR", "READER 1").replace("3.0,cm,30", "3.3,cm,33")
    )
    tr = read_sheet(write(TR + second + "\n"))
    with pytest.raises(InputError, match="several evaluators"):
        read_tr(tr)
    (row,) = read_tr(tr, evaluator="READER 1").rows
    assert row.long_axis_mm == 33
    with pytest.raises(InputError, match="no records of evaluator X"):
        read_tr(tr, evaluator="X")


def test_sdtm_slips_are_told_by_line(write: Write) -> None:
    bad = TR.replace("2024-03-15\n", "2024-03\n", 1).replace(
        "T02,LPERP,18,mm,18", "T02,LPERP,28,mm,28"
    )
    with pytest.raises(InputError) as caught:
        read_tr(read_sheet(write(bad)))
    assert "line 7: '2024-03' is not a complete date" in caught.value.what
    assert "line 3: T02: LPERP is longer than LDIAM" in caught.value.what
