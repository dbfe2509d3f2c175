"""What became of each patient's tumours, read from the tables of its run."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lvt_track.core.plain_text import encodable
from lvt_track.core.response.response import Response
from lvt_track.pipeline.cohort.result import PatientRun, State
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.report.cohort.content import Course
from lvt_track.response.best import BestRules, best_overall_response
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.growth_rates import growth_and_regression_per_day
from lvt_track.response.shrinkage import depth_of_response_percent, early_change_percent
from lvt_track.response.survival import FollowUp, progression

__all__ = ["Outcome", "leading_responses"]

_CONFIRMED = BestRules(confirm_after_days=28)
_SUMS = {
    "sum_mm": ("nadir_mm", "mm"),
    "sum_ml": ("nadir_ml", "mL"),
    "sum_mm2": ("nadir_mm2", "mm²"),
}


@dataclass(frozen=True)
class Outcome:
    """The course of one patient in a few values.

    Attributes:
        run: of the patient.
        responses: by the leading criterion, in order of time.
    """

    run: PatientRun
    responses: tuple[Response, ...]

    @classmethod
    def of(cls, run: PatientRun) -> Outcome:
        """From the tables of a run; one that failed has none."""
        return cls(run, () if run.state is State.FAILED else tuple(leading_responses(run)))

    @property
    def criterion(self) -> str:
        """By which the response is judged; empty for none."""
        return self.responses[0].criterion if self.responses else ""

    @property
    def best(self) -> str:
        """Best overall response, without confirmation."""
        return str(best_overall_response(self.responses))

    @property
    def best_confirmed(self) -> str:
        """Best overall response where CR and PR need a second visit four weeks later."""
        return str(best_overall_response(self.responses, _CONFIRMED))

    @property
    def follow_up(self) -> FollowUp | None:
        """Until progression, or the last visit that could be judged."""
        return progression(self.responses)

    @property
    def depth_percent(self) -> float | None:
        """Lowest change of the sum after the baseline and before progression."""
        return depth_of_response_percent(self.responses[1:])

    @property
    def best_change_percent(self) -> float | None:
        """The depth, or for a patient who progressed at once the change at that visit."""
        if self.depth_percent is not None:
            return self.depth_percent
        changes = (r.change_from_baseline_percent for r in self.responses[1:])
        return next((change for change in changes if change is not None), None)

    @property
    def days(self) -> tuple[int, ...]:
        """Of the visits, since the first."""
        return tuple((r.date - self.responses[0].date).days for r in self.responses)

    def row(self) -> dict[str, object]:
        """The cells of `patients.csv`."""
        known = [
            (float(day), r.total)
            for day, r in zip(self.days, self.responses, strict=True)
            if r.total is not None
        ]
        rates = None
        if known and known[0][0] == 0:
            rates = growth_and_regression_per_day(*zip(*known, strict=True))
        until = self.follow_up
        return {
            "best_response": self.best,
            "best_confirmed_response": self.best_confirmed,
            "depth_percent": self.depth_percent,
            "best_change_percent": self.best_change_percent,
            "early_change_percent": early_change_percent(self.responses),
            "progressed": None if until is None else until.progressed,
            "progression_days": None if until is None else until.days,
            "growth_per_day": None if rates is None else f"{rates[0]:.5f}",
            "regression_per_day": None if rates is None else f"{rates[1]:.5f}",
        }

    def course(self, out: Path) -> Course:
        """The patient for the page of the cohort in the folder `out`."""
        name, why = encodable(self.run.name), encodable(self.run.why)
        # Whether it was kept or made now is no property of the patient.
        state = (State.DONE if self.run.state is State.KEPT else self.run.state).value
        if self.run.state is State.FAILED:
            return Course(name, state, why)
        return Course(
            name=name,
            state=state,
            why=why,
            report=_link(RunFolder(self.run.folder).html, out),
            days=self.days,
            changes_percent=tuple(
                0.0 if k == 0 and r.total else r.change_from_baseline_percent
                for k, r in enumerate(self.responses)
            ),
            categories=tuple(r.category for r in self.responses),
            best=self.best,
            best_confirmed=self.best_confirmed,
            best_change_percent=self.best_change_percent,
            follow_up=self.follow_up,
        )


def leading_responses(run: PatientRun) -> Sequence[Response]:
    """The responses by RECIST 1.1, or by the first criterion where that was not asked for."""
    rows = run.table("response.csv")
    named = [row["criterion"] for row in rows]
    leading = RECIST_1_1.name if RECIST_1_1.name in named or not named else named[0]
    return [_response(row) for row in rows if row["criterion"] == leading]


def _response(row: dict[str, str]) -> Response:
    column = next((name for name in _SUMS if row.get(name)), "sum_mm")
    nadir, unit = _SUMS[column]
    return Response(
        date=dt.date.fromisoformat(row["date"]),
        criterion=row["criterion"],
        unit=unit,
        total=_number(row[column]),
        nadir=_number(row.get(nadir, "")),
        change_from_baseline_percent=_number(row["change_from_baseline_percent"]),
        change_from_nadir_percent=_number(row["change_from_nadir_percent"]),
        target=row["target"],
        non_target=row["non_target"],
        new_lesion=row["new_lesion"] == "True",
        category=row["category"],
        reason=row["reason"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _link(report: Path, out: Path) -> str:
    """Of a report, from the cohort's folder; empty where a run of tables alone wrote none."""
    if not report.exists():
        return ""
    path = os.path.relpath(report, out).replace(os.sep, "/")
    try:
        path.encode()
    except UnicodeEncodeError:  # a name that no page can hold
        return ""
    return path
