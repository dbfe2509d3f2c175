"""One patient judged by one criterion, and what all records of its analysis datasets share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from lvt_track.core.response.response import Response
from lvt_track.response.tables.readings import Trial

__all__ = ["RECORD_COLUMNS", "Record", "Subject", "numbered", "subjects_of"]

RECORD_COLUMNS = (
    "STUDYID",
    "USUBJID",
    "ASEQ",
    "PARAMCD",
    "PARAM",
    "PARCAT1",
    "PARCAT2",
    "PARCAT3",
)
"""The variables with which every record begins."""

Record = dict[str, object]
"""Values by the names of variables; what is not known is left out."""


@dataclass(frozen=True)
class Subject:
    """One patient judged by one criterion.

    Attributes:
        patient: its name.
        responses: in order of time; the first is the baseline.
        study: STUDYID; empty where not known.
        evaluator: who measured; empty where not known.
        visits: VISIT by date, where a trial names them.
    """

    patient: str
    responses: tuple[Response, ...]
    study: str = ""
    evaluator: str = ""
    visits: Mapping[dt.date, str] = field(default_factory=dict)

    @property
    def start(self) -> dt.date:
        """The day of the baseline, day 1 of the analysis."""
        return self.responses[0].date

    def record(self, code: str, words: str, category: str) -> Record:
        """The start of a record.

        Args:
            code: PARAMCD.
            words: PARAM.
            category: PARCAT1.
        """
        return {
            "STUDYID": self.study,
            "USUBJID": self.patient,
            "PARAMCD": code,
            "PARAM": words,
            "PARCAT1": category,
            "PARCAT2": self.evaluator,
            "PARCAT3": self.responses[0].criterion,
        }

    def timing(self, date: dt.date) -> Record:
        """The variables of a day: ADT, ADY and, where it is that of a visit, its name."""
        timing: Record = {"ADT": date.isoformat(), "ADY": (date - self.start).days + 1}
        dates = [response.date for response in self.responses]
        if date in dates:
            number = dates.index(date)
            named = "BASELINE" if number == 0 else self.visits.get(date) or f"VISIT {number}"
            timing |= {"AVISITN": number, "AVISIT": named}
        return timing


def subjects_of(
    responses: Mapping[str, Sequence[Response]], trial: Trial | None = None
) -> list[Subject]:
    """Every patient by every criterion.

    Args:
        responses: by patient; criterion by criterion, each in order of time.
        trial: what SDTM says of study, visits and evaluator; None where there was none.
    """
    trial = trial or Trial({}, {}, ("", ""))
    return [
        Subject(
            patient,
            tuple(by_criterion),
            trial.studies.get(patient, ""),
            trial.evaluator[0],
            {date: name for (who, date), (_, name) in trial.visits.items() if who == patient},
        )
        for patient, of_patient in responses.items()
        for _, by_criterion in groupby(of_patient, key=lambda response: response.criterion)
    ]


def numbered(records: Iterable[Record]) -> list[Record]:
    """Records with ASEQ, which counts within a patient."""
    counts: dict[object, int] = {}
    result = []
    for record in records:
        who = record["USUBJID"]
        counts[who] = counts.get(who, 0) + 1
        result.append({**record, "ASEQ": counts[who]})
    return result
