"""A course beside the radiologist's own table: read, compared, written."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lvt_track.agreement.compare import Judge, compare
from lvt_track.agreement.records import Agreements, ReaderComparison
from lvt_track.agreement.summary import agreements_of
from lvt_track.agreement.tables import (
    AGREEMENT_COLUMNS,
    PAIR_COLUMNS,
    agreement_rows,
    pair_rows,
)
from lvt_track.core.course import Course
from lvt_track.core.response.assessment import Assessment
from lvt_track.core.response.response import Response
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.writing import write_text
from lvt_track.pipeline.radiologist.readings import ReadingSource, read_by_reader
from lvt_track.pipeline.rows import table_text
from lvt_track.response.course import rows_from_course
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.readings import Readings, ReadOptions
from lvt_track.response.timepoints.targets import choose_baseline
from lvt_track.response.timepoints.walk import classify

__all__ = [
    "RECIST_JUDGE",
    "compare_with_readers",
    "plain_patient",
    "write_agreements",
    "write_comparisons",
]


def _responses(rows: Sequence[Assessment]) -> tuple[Response, ...]:
    """Responses by RECIST 1.1; none where the table is one of sizes, not made to judge by."""
    try:
        return classify(rows, RECIST_1_1)
    except InputError:
        return ()


RECIST_JUDGE = Judge(
    RECIST_1_1.name, _responses, lambda rows: choose_baseline(rows, RECIST_1_1.scale).targets
)
"""Responses of both sides are those by RECIST 1.1."""


def compare_with_readers(
    course: Course, source: Path | ReadingSource
) -> tuple[ReaderComparison, ...]:
    """Compare a course with each reader of a radiologist's table who read this patient.

    Args:
        course: what lvt found; of the patient by the name that the table has.
        source: CSV, XLSX or SDTM TR file, or one and how it is read; of several patients, that of
            the course is taken.

    Raises:
        InputError: when the table cannot be used, or has no rows of this patient or of its dates.
    """
    if isinstance(source, Path):
        source = ReadingSource(source, options=ReadOptions(0))
    scans = [findings.visit for findings in course.visits]
    by_reader = read_by_reader(source, visits=scans)
    comparisons, failures = [], []
    for reader, readings in by_reader.items():
        try:
            comparisons.append(_comparison(course, source.path, readings, reader))
        except InputError as error:
            failures.append(error)
    if not comparisons:
        raise failures[0]
    return tuple(comparisons)


def _comparison(course: Course, path: Path, readings: Readings, reader: str) -> ReaderComparison:
    theirs = _of_patient(by_patient(readings.rows), course.patient, path)
    ours = rows_from_course(course)
    dates = {findings.visit.date for findings in course.visits}
    if not dates & {row.date for row in theirs}:
        raise InputError(
            "the table and the scans have no date in common",
            path=path,
            remedy="Give the dates of the scans, as YYYY-MM-DD",
        )
    pairing, compared = compare(theirs, ours, course.responses, RECIST_JUDGE)
    return ReaderComparison(
        table=f"{path.name}, {reader}" if reader else path.name,
        reader_rows=tuple(theirs),
        rows=ours,
        pairing=pairing,
        compared=compared,
        agreements=agreements_of({course.patient: compared}),
        remarks=(*readings.remarks, *_without_scan(theirs, dates)),
        reader=reader,
    )


def _of_patient(
    patients: Mapping[str, list[Assessment]], patient: str, path: Path
) -> list[Assessment]:
    """The rows of the patient, or of a table that names none.

    Raises:
        InputError: when all are of others.
    """
    if patient in patients:
        return patients[patient]
    if list(patients) == [""]:
        return patients[""]
    plain = {plain_patient(name): name for name in patients}
    listed = ", ".join(f"“{name}”" for name in list(patients)[:5])
    listed += " …" if len(patients) > 5 else ""
    like = plain.get(plain_patient(patient))
    raise InputError(
        f"no rows of patient “{patient}”, only of {listed}",
        path=path,
        remedy=f"Is “{like}” meant? Write it as “{patient}”"
        if like is not None
        else "Give this patient's table; without a column `patient` it is taken for any",
    )


def plain_patient(name: str) -> str:
    """A name without case, blanks and leading zeros."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", "".join(name.casefold().split()))


def write_comparisons(comparisons: Sequence[ReaderComparison], out: Path) -> None:
    """Write `agreement.csv` and `reader_pairs.csv` of all readers into the folder `out`.

    Raises:
        OutputError: when a file cannot be written.
    """
    write_agreements({one.reader: one.agreements for one in comparisons}, out / "agreement.csv")
    rows = [row for one in comparisons for row in pair_rows(one)]
    write_text(table_text(PAIR_COLUMNS, rows), out / "reader_pairs.csv")


def write_agreements(by_reader: Mapping[str, Agreements], path: Path) -> None:
    """Write the statistics as CSV, reader by reader; the empty name is for all together.

    Raises:
        OutputError: when the file cannot be written.
    """
    rows = [row for reader, one in by_reader.items() for row in agreement_rows(one, reader)]
    write_text(table_text(AGREEMENT_COLUMNS, rows), path)


def _without_scan(rows: Sequence[Assessment], dates: set[dt.date]) -> Iterator[str]:
    """The dates of a reader's rows on which there is no scan, with their lines."""
    lines: dict[dt.date, list[str]] = defaultdict(list)
    for row in rows:
        if row.date not in dates:
            lines[row.date].append("?" if row.line is None else str(row.line))
    for date, line_numbers in sorted(lines.items()):
        where = (
            f"line {line_numbers[0]}"
            if len(line_numbers) == 1
            else f"lines {', '.join(line_numbers)}"
        )
        yield f"{where}: there is no scan on {date}, not compared"
