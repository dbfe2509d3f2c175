"""iRECIST, mRECIST, EASL, Choi and total volume against the vectors of criteria_vectors.md."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.series import Phase
from lvt_track.errors import InputError, UsageError
from lvt_track.response.criteria.catalogue import CRITERIA, criteria_named
from lvt_track.response.criteria.irecist import IRECIST
from lvt_track.response.shrinkage import depth_of_response_percent, early_change_percent
from lvt_track.response.timepoints.walk import classify, require

START = dt.date(2024, 1, 15)
ROLES = {"T": Role.TARGET, "X": Role.NON_TARGET, "W": Role.NEW, "L": Role.NEW}
WORDS = {
    "absent": Status.ABSENT,
    "nd": Status.NOT_DONE,
    "here": Status.MEASURED,
    "prog": Status.PROGRESSION,
}
SIZE = re.compile(r"(?P<word>[a-z]*)(?P<long>[\d.]+)(/(?P<short>[\d.]+))?(@(?P<hu>\d+))?(?P<n>n)?")


@dataclass(frozen=True)
class Vector:
    name: str
    criterion: str
    rule: str
    visits: str
    expected: list[str]

    def rows(self, days: int = 56) -> list[Assessment]:
        return [
            read(item, START + dt.timedelta(days * k), self.criterion)
            for k, visit in enumerate(self.visits.split(";"))
            for item in visit.split()
        ]


def read(item: str, date: dt.date, criterion: str) -> Assessment:
    name, found = item.split("=")
    status = WORDS.get(found)
    known: dict[str, float | None] = {}
    if status is None:
        match = SIZE.fullmatch(found)
        assert match, item
        status = WORDS[match["word"]] if match["word"] else Status.MEASURED
        long_mm, short_mm = float(match["long"]), match["short"] and float(match["short"])
        if criterion.startswith("tumorvolume"):
            known = {"volume_ml": long_mm}
        elif criterion in ("mrecist", "easl"):
            known = {"long_axis_mm": long_mm, "enhancing_mm": 0.0 if match["n"] else long_mm}
            known["enhancing_short_mm"] = short_mm
        else:
            known = {"long_axis_mm": long_mm, "mean_hu": match["hu"] and float(match["hu"])}
    site = "lung" if name[0] == "L" else "liver"
    return Assessment(date, name, role=ROLES[name[0]], site=site, status=status, **known)  # type: ignore[arg-type]


def load() -> list[Vector]:
    text = Path(__file__).with_name("criteria_vectors.md").read_text(encoding="utf-8")
    lines = [x for x in text.splitlines() if x.startswith("| ") and not x.startswith("| id")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Vector(*cell[:4], [x.strip() for x in cell[4].split(";")]) for cell in cells]


VECTORS = load()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_vector(vector: Vector) -> None:
    found = classify(vector.rows(), CRITERIA[vector.criterion])
    assert [r.category for r in found[1:]] == vector.expected, [r.reason for r in found]
    assert found[0].category == "Baseline"
    assert all(r.reason for r in found)


def test_progression_is_confirmed_after_four_weeks_at_the_earliest() -> None:
    """Seymour et al.: the next assessment is 4 to 8 weeks after iUPD."""
    (vector,) = [vector for vector in VECTORS if vector.name == "i-11"]
    assert [r.category for r in classify(vector.rows(28), IRECIST)[1:]] == ["iUPD", "iCPD"]
    early = classify(vector.rows(27), IRECIST)
    assert [r.category for r in early[1:]] == ["iUPD", "iUPD"]
    assert "too early to confirm the progression of 2024-02-11" in early[2].reason


@pytest.mark.parametrize(
    ("criterion", "known", "what"),
    [
        ("easl", {"enhancing_mm": 30.0}, "needs two diameters of what enhances"),
        ("easl", {}, "needs the arterially enhancing diameter"),
        ("choi", {}, "needs the mean attenuation"),
        ("choi", {"mean_hu": 80.0, "phase": Phase.ARTERIAL}, "needs the portal phase"),
        ("tumorvolume20", {}, "needs the volume of each lesion"),
    ],
)
def test_what_a_criterion_lacks_is_ne_with_the_reason(
    criterion: str, known: dict[str, object], what: str
) -> None:
    rows = [Assessment(START, "T", long_axis_mm=40.0, **known)]  # type: ignore[arg-type]
    (response,) = classify(rows, CRITERIA[criterion])
    assert (response.category, response.total) == ("NE", None)
    assert what in response.reason
    with pytest.raises(InputError, match=what):
        require(rows, CRITERIA[criterion])


def test_criteria_by_name() -> None:
    names = [criterion.name for criterion in criteria_named("RECIST1.1, choi,recist1.1")]
    assert names == ["RECIST 1.1", "Choi"]
    with pytest.raises(UsageError, match="'recist' is not known"):
        criteria_named("recist")
    with pytest.raises(UsageError, match="no criterion is named"):
        criteria_named(" ,")
    assert len({criterion.name for criterion in CRITERIA.values()}) == len(CRITERIA)


def test_what_does_not_enhance_is_not_called_absent() -> None:
    (vector,) = [vector for vector in VECTORS if vector.name == "m-4"]
    reason = classify(vector.rows(), CRITERIA["mrecist"])[1].reason
    assert "all target lesions absent or without enhancement" in reason
    assert "all non-target lesions absent or without enhancement" in reason


def test_depth_of_response_and_early_shrinkage() -> None:
    sizes = {0: 100.0, 63: 75.0, 120: 50.0, 180: 70.0}
    rows = [Assessment(START + dt.timedelta(day), "T", long_axis_mm=x) for day, x in sizes.items()]
    found = classify(rows, CRITERIA["recist1.1"])
    assert found[-1].category == "PD"
    assert depth_of_response_percent(found) == -50
    assert early_change_percent(found) == -25
    assert early_change_percent(found[:1] + found[2:]) is None
    assert depth_of_response_percent(found[:1]) is None
