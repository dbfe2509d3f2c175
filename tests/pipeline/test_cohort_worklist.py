"""What a cohort's list names first."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from lvt_track.core.response.assessment import Assessment, Role
from lvt_track.pipeline.cohort.outcomes import Outcome
from lvt_track.pipeline.cohort.result import PatientRun, State
from lvt_track.pipeline.cohort.worklist import worklist_of
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.timepoints.walk import classify

FIRST, SECOND = dt.date(2024, 1, 1), dt.date(2024, 3, 1)


@pytest.mark.parametrize(
    ("target_mm", "now_mm", "is_asked"),
    [(40.0, 36.0, True), (40.0, 22.0, False), (60.0, 36.0, False)],
)
def test_a_non_target_that_grew_is_asked_about_where_nothing_else_progresses(
    tmp_path: Path, target_mm: float, now_mm: float, is_asked: bool
) -> None:
    rows = [
        Assessment(FIRST, "T1", role=Role.TARGET, long_axis_mm=40.0),
        Assessment(FIRST, "T2", role=Role.NON_TARGET, long_axis_mm=20.0),
        Assessment(SECOND, "T1", long_axis_mm=target_mm),
        Assessment(SECOND, "T2", long_axis_mm=now_mm),
    ]
    for name in ("visits", "tracks", "edges"):
        (tmp_path / f"{name}.csv").write_text("date\n")
    outcome = Outcome(PatientRun("one", tmp_path, State.DONE), classify(rows, RECIST_1_1))
    items = [item for item in worklist_of([outcome]) if "non-target" in item.what]
    assert [(item.date, "T2 (20.0 to 36.0 mm)" in item.why) for item in items] == [
        (SECOND.isoformat(), True)
    ] * is_asked
