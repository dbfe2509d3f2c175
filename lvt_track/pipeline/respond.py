"""The job of `lvt respond`: a table of measurements in, response categories out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lvt_track.core.assessment import Assessment
from lvt_track.core.records import Response
from lvt_track.errors import InputError, UsageError
from lvt_track.pipeline.radiologist.readings import ReadingSource, read_readings
from lvt_track.pipeline.rows import table_text, write_text
from lvt_track.response import mrecist, recist, volumetric
from lvt_track.response.best import best_overall_response
from lvt_track.response.tables.answers import RESPONSE_COLUMNS, RS_COLUMNS, response_rows, rs_rows
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.readings import Trial

__all__ = [
    "CRITERIA",
    "PatientResponses",
    "respond_to_table",
    "response_csv",
    "write_rs",
]

CRITERIA: Mapping[str, Callable[[Sequence[Assessment]], tuple[Response, ...]]] = {
    "recist1.1": recist.respond,
    "mrecist": mrecist.respond,
    "volume": volumetric.respond,
}
"""The criteria by the names of the command line."""


@dataclass(frozen=True)
class PatientResponses:
    """Responses of the patients in a table.

    Attributes:
        responses: by patient, in order of time.
        best: best overall response by patient.
        remarks: what was odd in the table.
        trial: what SDTM says of study, visits and evaluator; None for other tables.
    """

    responses: Mapping[str, tuple[Response, ...]]
    best: Mapping[str, str]
    remarks: tuple[str, ...]
    trial: Trial | None = None


def respond_to_table(
    source: Path | ReadingSource,
    criterion: str,
    *,
    confirm_after_days: int | None = None,
) -> PatientResponses:
    """Response of every patient in a table.

    Args:
        source: CSV, XLSX or XPT file, a DICOM structured report, or a folder of such reports; or
            one of these and how it is read.
        criterion: a key of `CRITERIA`.
        confirm_after_days: see `best_overall_response`.

    Raises:
        InputError: when the table cannot be used.
        UsageError: for a criterion that is not known.
    """
    if criterion not in CRITERIA:
        raise UsageError(
            f"criterion {criterion!r} is not known", remedy=f"Choose {', '.join(CRITERIA)}"
        )
    table = source if isinstance(source, Path) else source.path
    readings = read_readings(source)
    responses: dict[str, tuple[Response, ...]] = {}
    failures = []
    for patient, rows in by_patient(readings.rows).items():
        try:
            responses[patient] = CRITERIA[criterion](rows)
        except InputError as error:
            who = f"patient {patient}: " if patient else ""
            failures.append((who + error.what, error.remedy))
    if failures:
        raise InputError("; ".join(what for what, _ in failures), path=table, remedy=failures[0][1])
    best = {
        patient: best_overall_response(own, confirm_after_days=confirm_after_days).value
        for patient, own in responses.items()
    }
    return PatientResponses(responses, best, readings.remarks, readings.trial)


def response_csv(result: PatientResponses) -> str:
    """The table of responses as CSV."""
    return table_text(RESPONSE_COLUMNS, response_rows(result.responses))


def write_rs(result: PatientResponses, path: Path) -> None:
    """Write the responses as an SDTM RS domain (CSV).

    Raises:
        OutputError: when the file cannot be written.
    """
    write_text(table_text(RS_COLUMNS, rs_rows(result.responses, result.trial)), path)
