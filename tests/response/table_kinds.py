"""The cases of `table_kinds.toml`: written as files, and answers held against the right ones."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CASES: Sequence[Mapping[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "table_kinds.toml").read_text(encoding="utf-8")
)["case"]


def write_case(case: Mapping[str, Any], folder: Path) -> list[str]:
    """Write the files of a case; the arguments of `lvt` that read them."""
    arguments = ["respond", str(_write_table(case, folder)), "--json", *case.get("args", ())]
    if "tu" in case:
        tu = folder / "tu.csv"
        tu.write_text(case["tu"], encoding="utf-8")
        arguments += ["--tu", str(tu)]
    return arguments


def verdict(case: Mapping[str, Any], code: int, stdout: str, stderr: str) -> str:
    """What of an answer is wrong; empty where all is right."""
    if "refused" in case:
        is_right = code in (2, 3) and case["refused"] in " ".join(stderr.split())
        return "" if is_right else f"exit {code}, not refused for {case['refused']!r}: {stderr}"
    if code != 0:
        return f"exit {code}: {stderr.strip()}"
    if case.get("told", "") not in stderr:
        return f"not told {case['told']!r}"
    patients = json.loads(stdout)
    if len(patients) != 1:
        return f"{len(patients)} patients"
    patient = patients[0]
    responses = patient["responses"]
    answers = {
        "categories": [response["category"] for response in responses],
        "sums": [response["sum_mm"] and round(response["sum_mm"], 3) for response in responses],
        "dates": [response["date"] for response in responses],
        "best": patient["best_overall_response"],
    }
    wrong = [
        f"{name} {answers[name]}"
        for name in answers
        if case.get(name, answers[name]) != answers[name]
    ]
    return "; ".join(wrong)


def _write_table(case: Mapping[str, Any], folder: Path) -> Path:
    if "table" in case:
        path = folder / "table.csv"
        path.write_text(case["table"], encoding="utf-8")
        return path
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    if "before" in case:
        _fill(sheet, case["before"])
        sheet = book.create_sheet()
    _fill(sheet, case["rows"])
    for area in case.get("merged", ()):
        sheet.merge_cells(area)
    for cell, form in case.get("formats", {}).items():
        sheet[cell].number_format = form
    path = folder / "table.xlsx"
    book.save(path)
    return path


def _fill(sheet: Any, rows: Sequence[Sequence[Any]]) -> None:
    for row in rows:
        sheet.append([None if cell == "" else cell for cell in row])
