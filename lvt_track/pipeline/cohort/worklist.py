"""What a human should look at first over many patients, from the tables of their runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lvt_track.core.plain_text import encodable
from lvt_track.core.response.categories import Standing
from lvt_track.pipeline.cohort.outcomes import Outcome
from lvt_track.pipeline.cohort.result import PatientRun, Row, State
from lvt_track.report.cohort.content import ToLookAt
from lvt_track.report.viewer.worklist import SURE_LINK
from lvt_track.response.criteria.recist import UNJUDGED_GROWTH
from lvt_track.response.standings import standing_of

__all__ = ["WORKLIST_COLUMNS", "worklist_of"]

WORKLIST_COLUMNS = ("rank", "patient", "date", "what", "why")

_LIMITS_PERCENT = (-30.0, 20.0)
_NEAR_PERCENT = 3.0
_MOST_LIVER_CHANGE = 0.3


def worklist_of(outcomes: Sequence[Outcome]) -> tuple[ToLookAt, ...]:
    """Everything that asks for a human, the most pressing kind first, then by patient and date.

    In order: patients without results, results in part, scans that could not be aligned, responses
    that stand on one doubtful thing, sums beside a limit, doubtful links, jumps of the liver.
    """
    items = [item for outcome in outcomes for item in _of(outcome)]
    return tuple(sorted(items, key=lambda item: (item.rank, item.patient, item.date, item.what)))


def _of(outcome: Outcome) -> Iterator[ToLookAt]:
    run = outcome.run
    name, why = encodable(run.name), encodable(run.why)
    if run.state is State.FAILED:
        yield ToLookAt(1, name, "", "no results", why)
        return
    if run.why:
        yield ToLookAt(2, name, "", "in part", why)
    yield from _scans(run, name)
    yield from _responses(outcome, name)
    yield from _tumours(run, name)


def _scans(run: PatientRun, name: str) -> Iterator[ToLookAt]:
    before: float | None = None
    for row in run.table("visits.csv"):
        if row["registration_is_reliable"] == "False":
            why = row["warnings"] or "its lesions are linked to none"
            yield ToLookAt(3, name, row["date"], "could not be aligned", why)
        liver = float(row["liver_ml"]) if row["liver_ml"] else None
        if before and liver and abs(liver / before - 1) > _MOST_LIVER_CHANGE:
            why = f"from {before:.0f} to {liver:.0f} mL"
            yield ToLookAt(7, name, row["date"], "a jump of the liver's volume", why)
        before = liver or before


def _responses(outcome: Outcome, name: str) -> Iterator[ToLookAt]:
    uncertain: dict[str, list[Row]] = defaultdict(list)
    for row in outcome.run.table("tracks.csv"):
        if row["state"] == "uncertain":
            uncertain[row["first_seen"]].append(row)
    start = min((response.date for response in outcome.responses), default=None)
    for response in outcome.responses:
        date = response.date.isoformat()
        if response.category == "NE":
            yield ToLookAt(4, name, date, "not evaluable", response.reason)
        what = "is it a tumour?" if response.date == start else "is it new?"
        for row in uncertain[date]:
            yield ToLookAt(4, name, date, f"T{row['track']}: {what}", row["reason"])
        is_progression = standing_of(response) in (Standing.PROGRESSION, Standing.UNCONFIRMED)
        if UNJUDGED_GROWTH in response.reason and not is_progression:
            yield ToLookAt(4, name, date, "a non-target grew: progression?", response.reason)
        for limit, change, of in (
            (_LIMITS_PERCENT[0], response.change_from_baseline_percent, "baseline"),
            (_LIMITS_PERCENT[1], response.change_from_nadir_percent, "nadir"),
        ):
            if change is not None and abs(change - limit) <= _NEAR_PERCENT:
                why = f"{change:+.1f} % from {of}, the limit is {limit:+.0f} %"
                yield ToLookAt(5, name, date, f"{response.category} by a hair", why)


def _tumours(run: PatientRun, name: str) -> Iterator[ToLookAt]:
    for row in run.table("edges.csv"):
        sure = row["confidence"]
        if sure and float(sure) < SURE_LINK and row["source"] == "auto":
            why = f"link from {row['date_a']}, confidence {float(sure):.2f}"
            what = f"T{row['track']}: is it the same?"
            yield ToLookAt(6, name, row["date_b"], what, why)
