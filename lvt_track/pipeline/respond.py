"""The job of `lvt respond`: a table of measurements in, response categories out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lvt_track.core.response.assessment import Assessment
from lvt_track.core.response.response import Response
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.writing import write_text
from lvt_track.pipeline.radiologist.readings import ReadingSource, read_readings
from lvt_track.pipeline.rows import table_text
from lvt_track.response.best import BestRules, best_overall_response
from lvt_track.response.criteria.catalogue import criteria_named
from lvt_track.response.doubt.shares import with_doubt
from lvt_track.response.tables.answers import (
    DOUBT_COLUMNS,
    RESPONSE_COLUMNS,
    RS_COLUMNS,
    response_rows,
    rs_rows,
)
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.readings import Trial
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.walk import classify, require

__all__ = ["PatientResponses", "respond_to_table", "response_csv", "write_rs"]


@dataclass(frozen=True)
class PatientResponses:
    """Responses of the patients in a table.

    Attributes:
        responses: by patient; criterion by criterion, each in order of time.
        best: best overall response by patient and criterion.
        remarks: what was odd in the table.
        trial: what SDTM says of study, visits and evaluator; None for other tables.
    """

    responses: Mapping[str, tuple[Response, ...]]
    best: Mapping[str, Mapping[str, str]]
    remarks: tuple[str, ...]
    trial: Trial | None = None


def respond_to_table(
    source: Path | ReadingSource,
    criteria: str,
    *,
    rules: BestRules | None = None,
    starts: Mapping[str, dt.date | None] | None = None,
    doubt: bool = False,
) -> PatientResponses:
    """Response of every patient in a table.

    Of several criteria, one that needs what a patient's rows lack gives NE with the reason; one
    alone is refused.

    Args:
        source: CSV, XLSX or XPT file, a DICOM structured report, or a folder of such reports; or
            one of these and how it is read.
        criteria: names of `response.criteria.catalogue`, with commas between.
        rules: of the protocol, for the best response.
        starts: from which days count for it, by patient; by default from the baseline.
        doubt: whether to say how sure each category is, by drawing the sizes again.

    Raises:
        InputError: when the table cannot be used.
        UsageError: for a criterion that is not known.
    """
    chosen = criteria_named(criteria)
    table = source if isinstance(source, Path) else source.path
    readings = read_readings(source)
    responses: dict[str, tuple[Response, ...]] = {}
    best: dict[str, dict[str, str]] = {}
    failures = []
    for patient, rows in by_patient(readings.rows).items():
        try:
            judged = _judged(rows, chosen, readings.dates.get(patient, ()), doubt=doubt)
        except InputError as error:
            who = f"patient {patient}: " if patient else ""
            failures.append((who + error.what, error.remedy))
            continue
        responses[patient] = tuple(
            response for by_criterion in judged.values() for response in by_criterion
        )
        best[patient] = {
            name: str(best_overall_response(by_criterion, rules, (starts or {}).get(patient)))
            for name, by_criterion in judged.items()
        }
    if failures:
        raise InputError("; ".join(what for what, _ in failures), path=table, remedy=failures[0][1])
    return PatientResponses(responses, best, readings.remarks, readings.trial)


def _judged(
    rows: Sequence[Assessment],
    criteria: Sequence[Criterion],
    dates: Sequence[dt.date],
    *,
    doubt: bool,
) -> dict[str, tuple[Response, ...]]:
    """The responses of one patient by the name of the criterion."""
    if len(criteria) == 1:
        require(rows, criteria[0])
    judged = {}
    for criterion in criteria:
        plain = classify(rows, criterion, dates)
        judged[criterion.name] = with_doubt(plain, rows, criterion, dates) if doubt else plain
    return judged


def response_csv(result: PatientResponses) -> str:
    """The table of responses as CSV; with columns of doubt where that was asked for."""
    has_doubt = any(
        r.doubt is not None for responses in result.responses.values() for r in responses
    )
    columns = (*RESPONSE_COLUMNS, *DOUBT_COLUMNS) if has_doubt else RESPONSE_COLUMNS
    return table_text(columns, response_rows(result.responses))


def write_rs(result: PatientResponses, path: Path) -> None:
    """Write the responses as an SDTM RS domain (CSV).

    Raises:
        OutputError: when the file cannot be written.
    """
    write_text(table_text(RS_COLUMNS, rs_rows(result.responses, result.trial)), path)
