"""One patient judged by one criterion, and what all records of its analysis datasets share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from lvt_track.core.response.response import Response
from lvt_track.response.tables.readings import Trial

__all__ = ["RECORD_COLUMNS", "Enrolment", "Record", "Subject", "numbered", "subjects_of"]

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
class Enrolment:
    """What a trial's ADSL says of a patient.

    Attributes:
        start: RANDDT, else TRTSDT; None where neither is known.
        death: DTHDT; None where none is known.
        last_alive: LSTALVDT; None where not known.
        study: STUDYID.
    """

    start: dt.date | None
    death: dt.date | None = None
    last_alive: dt.date | None = None
    study: str = ""


@dataclass(frozen=True)
class Subject:
    """One patient judged by one criterion.

    Attributes:
        patient: its name.
        criterion: by which it is judged.
        responses: in order of time; the first is the baseline. None for a patient of a trial
            without any scan.
        study: STUDYID; empty where not known.
        evaluator: who measured; empty where not known.
        visits: VISIT by date, where a trial names them.
        enrolment: what ADSL says; None where there is none of the patient.
    """

    patient: str
    criterion: str
    responses: tuple[Response, ...]
    study: str = ""
    evaluator: str = ""
    visits: Mapping[dt.date, str] = field(default_factory=dict)
    enrolment: Enrolment | None = None

    @property
    def start(self) -> dt.date | None:
        """Day 1 of the analysis: that of ADSL, else of the baseline; None where none is known."""
        if self.enrolment is not None and self.enrolment.start is not None:
            return self.enrolment.start
        return self.responses[0].date if self.responses else None

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
            "PARCAT3": self.criterion,
        }

    def timing(self, date: dt.date) -> Record:
        """The variables of a day: ADT, ADY and, where it is that of a visit, its name.

        No day is numbered 0: the one before day 1 is -1.
        """
        timing: Record = {"ADT": date.isoformat()}
        if self.start is not None:
            days = (date - self.start).days
            timing["ADY"] = days + 1 if days >= 0 else days
        dates = [response.date for response in self.responses]
        if date in dates:
            number = dates.index(date)
            named = "BASELINE" if number == 0 else self.visits.get(date) or f"VISIT {number}"
            timing |= {"AVISITN": number, "AVISIT": named}
        return timing


def subjects_of(
    responses: Mapping[str, Sequence[Response]],
    trial: Trial | None = None,
    enrolments: Mapping[str, Enrolment] | None = None,
) -> list[Subject]:
    """Every patient by every criterion; those that ADSL alone knows have no responses.

    Args:
        responses: by patient; criterion by criterion, each in order of time.
        trial: what SDTM says of study, visits and evaluator; None where there was none.
        enrolments: what ADSL says, by patient; None where there was none.
    """
    trial = trial or Trial({}, {}, ("", ""))
    enrolments = enrolments or {}
    judged = {
        (patient, criterion): tuple(by_criterion)
        for patient, of_patient in responses.items()
        for criterion, by_criterion in groupby(of_patient, key=lambda one: one.criterion)
    }
    criteria = dict.fromkeys(criterion for _, criterion in judged)
    unseen = [(name, c) for name in enrolments if name not in responses for c in criteria]
    return [
        Subject(
            patient,
            criterion,
            judged.get((patient, criterion), ()),
            trial.studies.get(patient, "") or _study(enrolments.get(patient)),
            trial.evaluator[0],
            {date: name for (who, date), (_, name) in trial.visits.items() if who == patient},
            enrolments.get(patient),
        )
        for patient, criterion in (*judged, *unseen)
    ]


def _study(enrolment: Enrolment | None) -> str:
    return "" if enrolment is None else enrolment.study


def numbered(records: Iterable[Record]) -> list[Record]:
    """Records with ASEQ, which counts within a patient."""
    counts: dict[object, int] = {}
    result = []
    for record in records:
        who = record["USUBJID"]
        counts[who] = counts.get(who, 0) + 1
        result.append({**record, "ASEQ": counts[who]})
    return result
