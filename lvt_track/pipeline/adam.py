"""Analysis datasets in a folder: adrs.csv, adtr.csv and adtte.csv."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

from lvt_track.core.response.response import Response
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import Sheet, SheetRow, read_sheet
from lvt_track.io.spreadsheets.writing import csv_text, write_text
from lvt_track.pipeline.run.output import make_folder
from lvt_track.response.adam.adrs import ADRS_COLUMNS, adrs_records
from lvt_track.response.adam.adtr import ADTR_COLUMNS, adtr_records
from lvt_track.response.adam.adtte import ADTTE_COLUMNS, adtte_records
from lvt_track.response.adam.subjects import Enrolment, Record, Subject
from lvt_track.response.best import BestRules
from lvt_track.response.tables.dates import DateForm, parse_date

__all__ = ["ADAM_FILES", "read_adsl", "refuse_contradictions", "write_adam"]

ADAM_FILES = ("adrs.csv", "adtr.csv", "adtte.csv")
_STARTS = ("RANDDT", "TRTSDT")
_UNKNOWN = ("", "NA", "NaT", ".")


def write_adam(subjects: Sequence[Subject], folder: Path, rules: BestRules | None = None) -> None:
    """Write the three datasets; each has a record or more for every patient that was judged.

    Args:
        subjects: of whom.
        folder: for the files.
        rules: of the protocol, for best responses.

    Raises:
        OutputError: when a file cannot be written.
    """
    make_folder(folder)
    datasets: Mapping[str, tuple[tuple[str, ...], list[Record]]] = {
        "adrs.csv": (ADRS_COLUMNS, adrs_records(subjects, rules)),
        "adtr.csv": (ADTR_COLUMNS, adtr_records(subjects)),
        "adtte.csv": (ADTTE_COLUMNS, adtte_records(subjects)),
    }
    for name, (columns, records) in datasets.items():
        cells = ([_cell(record.get(column)) for column in columns] for record in records)
        write_text(csv_text(columns, cells), folder / name)


def read_adsl(path: Path) -> dict[str, Enrolment]:
    """Read a trial's ADSL: USUBJID with RANDDT or TRTSDT, and DTHDT and LSTALVDT where there.

    Args:
        path: CSV, XLSX or XPT, a row per patient.

    Raises:
        InputError: when it cannot be read, lacks these columns, or has a patient twice.
    """
    sheet = read_sheet(path)
    if "USUBJID" not in sheet.columns or not set(_STARTS) & set(sheet.columns):
        raise InputError(
            "is no ADSL: it needs USUBJID and one of RANDDT and TRTSDT",
            path=path,
            remedy=f"Its columns are {', '.join(sheet.columns[:20])}",
        )
    enrolments: dict[str, Enrolment] = {}
    for row in sheet.rows:
        patient = row.cells["USUBJID"]
        if not patient or patient in enrolments:
            what = f"line {row.line}: patient {patient!r} is named twice, or not at all"
            raise InputError(what, path=path)
        starts = (_date(row, name, sheet) for name in _STARTS)
        enrolments[patient] = Enrolment(
            next((date for date in starts if date is not None), None),
            _date(row, "DTHDT", sheet),
            _date(row, "LSTALVDT", sheet),
            row.cells.get("STUDYID", ""),
        )
    return enrolments


def refuse_contradictions(
    enrolments: Mapping[str, Enrolment], responses: Mapping[str, Sequence[Response]], path: Path
) -> None:
    """Refuse an ADSL whose days would give times below zero, or that knows none of the patients.

    Args:
        enrolments: what it says, by patient.
        responses: by patient, one a visit and criterion.
        path: of the ADSL.

    Raises:
        InputError: with every patient whose days contradict each other or those of its visits.
    """
    if not enrolments.keys() & responses.keys():
        listed = ", ".join(sorted(responses)[:3]) or "none"
        remedy = f"Name them in both tables alike. Those of the measurements are {listed}"
        raise InputError("has no patient of the measurements", path=path, remedy=remedy)
    problems = []
    for patient, enrolment in enrolments.items():
        start, death = enrolment.start, enrolment.death
        last = max((one.date for one in responses.get(patient, ())), default=None)
        if start and death and death < start:
            problems.append(f"{patient}: DTHDT {death} lies before day 1, {start}")
        if last and death and death < last:
            problems.append(f"{patient}: a visit on {last} lies after DTHDT {death}")
        if last and start and last < start:
            problems.append(f"{patient}: all visits lie before day 1, {start}")
    if problems:
        raise InputError("; ".join(problems), path=path, remedy="Correct the days")


def _date(row: SheetRow, name: str, sheet: Sheet) -> dt.date | None:
    text = row.cells.get(name, "")
    if text in _UNKNOWN:
        return None
    try:
        return parse_date(text, DateForm(sheet.serial_epoch))
    except ValueError as error:
        raise InputError(f"line {row.line}: {name}: {error}", path=sheet.path) from error


def _cell(value: object) -> object:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
