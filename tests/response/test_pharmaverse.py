"""Analysis datasets against what pharmaverse publishes, patient by patient."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lvt_track.core.response.response import Response
from lvt_track.response.adam.adrs import adrs_records
from lvt_track.response.adam.adtte import adtte_records
from lvt_track.response.adam.subjects import Enrolment, Subject
from lvt_track.response.best import BestRules

SETS = tomllib.loads(Path(__file__).with_name("pharmaverse_vectors.toml").read_text())["set"]
RULES = ("stable_after_days", "confirm_after_days", "most_not_evaluable", "accepts_stable")
CASES = [
    pytest.param(rules, patient, id=f"{rules['source']}: {patient['name']}")
    for rules in SETS
    for patient in rules["patient"]
]


def response(date: dt.date, category: str) -> Response:
    return Response(
        date, "RECIST 1.1", "mm", 20.0, 20.0, None, None, category, "", False, category, ""
    )


def subject(patient: dict[str, Any]) -> Subject:
    """The patient with a baseline a week before its first day or visit, as trials have it."""
    seen = [one.split(" ", 1) for one in patient["seen"].split(", ") if one]
    later = [response(dt.date.fromisoformat(date), word) for date, word in seen]
    first = min([patient["start"], *(one.date for one in later)]) - dt.timedelta(7)
    visits = (response(first, "Baseline"), *later) if later else ()
    enrolment = Enrolment(patient["start"], patient.get("death"), patient.get("alive"))
    return Subject(patient["name"], "RECIST 1.1", visits, enrolment=enrolment)


def derived(patient: Subject, rules: BestRules) -> dict[str, str]:
    """AVALC and ADT by parameter, and AVAL and CNSR of times."""
    answers = {
        str(one["PARAMCD"]): f"{one['AVALC']} {one.get('ADT', '')}".strip()
        for one in adrs_records([patient], rules)
        if one["PARAMCD"] != "OVR"
    }
    times = {
        str(one["PARAMCD"]): f"{one['AVAL']} {one['CNSR']}" for one in adtte_records([patient])
    }
    return answers | times


@pytest.mark.parametrize(("rules", "patient"), CASES)
def test_parameters(rules: dict[str, Any], patient: dict[str, Any]) -> None:
    ours = derived(subject(patient), BestRules(**{k: rules[k] for k in RULES if k in rules}))
    expected = patient["derived"]
    assert {name: ours.get(name) for name in expected} == expected
