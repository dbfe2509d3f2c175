"""A user's words for organs, and tables whose patients no folder of a cohort is of."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from lvt_track.errors import InputError, UsageError
from lvt_track.pipeline.cohort import matching
from lvt_track.pipeline.cohort.matching import unmatched_patients
from lvt_track.pipeline.radiologist.readings import read_readings, read_site_words
from lvt_track.pipeline.radiologist.tables import ReaderTables

WORDS = "word,organ\nmaksa*,liver\nimusolmu*,lymph node\nrunko,liver\n"
TABLE = (
    "patient,date,lesion,site,long_axis_mm,short_axis_mm\n"
    "P1,2024-01-15,L1,Maksan lohko 4,30,20\nP1,2024-01-15,L2,imusolmukkeet,25,18\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_words_of_a_user_go_before_ours(tmp_path: Path) -> None:
    words = read_site_words(write(tmp_path, "words.csv", WORDS + "lung,lung base\n"))
    assert words.organ("Maksan lohko 4") == "liver"
    assert words.organ("IMUSOLMUKE, vasen") == "lymph node"
    assert words.organ("left lung") == "lung base"
    assert words.organ("spleen") == "spleen" and words.organ("perna") is None


@pytest.mark.parametrize("header", ["Word;Organ", "organ;WORD"])
def test_a_list_of_words_as_a_spreadsheet_writes_it(tmp_path: Path, header: str) -> None:
    first, second = ("maksa*", "liver") if header.startswith("W") else ("liver", "maksa*")
    words = read_site_words(write(tmp_path, "words.csv", f"{header}\n{first};{second}\n"))
    assert words.organ("maksassa") == "liver"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("word,site\nmaksa,liver\n", "columns word and organ"),
        ("word,organ\nmaksa,\n", "line 2: needs a word and an organ"),
        ("word,organ\nmaksa,liver\n**,liver\n", "line 3"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_site_words(write(tmp_path, "words.csv", text))


def test_a_runs_tables_are_read_with_the_words_also_when_it_goes_on(tmp_path: Path) -> None:
    table, words = write(tmp_path, "t.csv", TABLE), write(tmp_path, "words.csv", WORDS)
    tables = ReaderTables(radiologist=table, sites=words)
    for one in (tables, ReaderTables.from_facts(tables.facts()), ReaderTables().over(tables)):
        assert one.source is not None
        readings = read_readings(one.source)
        assert [row.organ for row in readings.rows] == ["liver", "lymph node"]
        assert not any("is not known" in remark for remark in readings.remarks)
    assert tables.is_newer_than(write(tmp_path, "run.json", "{}")) is False
    assert "radiologist_sites" not in ReaderTables(radiologist=table).facts()


def test_words_without_a_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--sites"):
        ReaderTables(sites=write(tmp_path, "words.csv", WORDS)).read_links()


def followed(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[SimpleNamespace]:
    """Runs of patients of these names, without their folders."""
    manifest = SimpleNamespace(read=lambda name: SimpleNamespace(patient=name))
    monkeypatch.setattr(matching, "Manifest", manifest)
    return [SimpleNamespace(folder=name) for name in names]


def test_a_table_of_other_patients_alone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "patient,date,lesion,long_axis_mm\n7,2024-01-15,L1,30\nX,2024-01-15,L1,30\n"
    readings = read_readings(write(tmp_path, "t.csv", rows))
    with pytest.raises(InputError, match=r"nothing to compare: .*patient 7, .*is 007 meant"):
        unmatched_patients({"": readings}, followed(monkeypatch, "007", "008"))
    told = unmatched_patients({"": readings}, followed(monkeypatch, "7", "008"))
    assert len(told) == 1 and "patient X" in told[0]
    assert unmatched_patients({"": readings}, followed(monkeypatch, "008"), is_whole=False) == ()


def test_many_patients_without_a_folder_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"P{k},2024-01-15,L1,30\n" for k in range(25))
    readings = read_readings(write(tmp_path, "t.csv", "patient,date,lesion,long_axis_mm\n" + rows))
    told = unmatched_patients({"": readings}, followed(monkeypatch, "P3"))
    assert len(told) == 11 and told[-1] == "the table has 14 more such patients"
