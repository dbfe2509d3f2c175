"""A course beside the radiologist's own table: lesions paired, sizes and responses compared."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from lvt_track.agreement.coefficients import trend_agreement
from lvt_track.agreement.limits import LEAST_PAIRS, agree, agree_on_categories
from lvt_track.agreement.pairing import Pairing, pair_lesions
from lvt_track.agreement.records import (
    Agreements,
    JudgedVisit,
    PairedSize,
    Quantity,
    ReaderComparison,
)
from lvt_track.agreement.tables import (
    AGREEMENT_COLUMNS,
    PAIR_COLUMNS,
    agreement_rows,
    pair_rows,
)
from lvt_track.core.assessment import Assessment, Role, Status
from lvt_track.core.course import Course
from lvt_track.core.records import Response
from lvt_track.errors import InputError
from lvt_track.pipeline.radiologist.readings import ReadingSource, read_readings
from lvt_track.pipeline.rows import table_text, write_text
from lvt_track.response.course import rows_from_course
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.readings import ReadOptions
from lvt_track.response.timepoints.targets import choose_baseline
from lvt_track.response.timepoints.walk import classify

__all__ = [
    "agreements_of",
    "compare_with_reader",
    "judged_visits",
    "write_agreements",
    "write_comparison",
]

_SIZES = {
    Quantity.LONG_AXIS: "long_axis_mm",
    Quantity.SHORT_AXIS: "short_axis_mm",
    Quantity.VOLUME: "volume_ml",
}
_UNCHANGED_MM = 1.0

# From best to worst; a patient without targets cannot be graded so, nor a visit not evaluable.
_GRADES = ("CR", "PR", "SD", "PD")


def compare_with_reader(course: Course, table: Path) -> ReaderComparison:
    """Compare a course with a radiologist's table.

    Args:
        course: what lvt found.
        table: CSV, XLSX or SDTM TR file; of several patients, that of the course is taken.

    Raises:
        InputError: when the table cannot be used, or has no rows of this patient or of its dates.
    """
    scans = [found.visit for found in course.visits]
    readings = read_readings(ReadingSource(table, options=ReadOptions(0)), visits=scans)
    patients = by_patient(readings.rows)
    name = next(iter(patients)) if len(patients) == 1 else course.patient
    if name not in patients:
        raise InputError(f"no rows of patient {course.patient}", path=table)
    theirs, ours = patients[name], rows_from_course(course)
    dates = {found.visit.date for found in course.visits}
    if not dates & {row.date for row in theirs}:
        raise InputError(
            "the table and the scans have no date in common",
            path=table,
            remedy="Give the dates of the scans, as YYYY-MM-DD",
        )
    pairing = pair_lesions(theirs, ours)
    sizes = (*_paired_sizes(pairing, theirs, ours), *_paired_sums(pairing, theirs, ours))
    visits = judged_visits(course.responses, theirs)
    return ReaderComparison(
        table=table.name,
        reader_rows=tuple(theirs),
        rows=ours,
        pairing=pairing,
        sizes=sizes,
        visits=visits,
        agreements=agreements_of({course.patient: (sizes, visits)}),
        remarks=(*readings.remarks, *_without_scan(theirs, dates)),
    )


def write_comparison(comparison: ReaderComparison, out: Path) -> None:
    """Write `agreement.csv` and `reader_pairs.csv` into the folder `out`.

    Raises:
        OutputError: when a file cannot be written.
    """
    write_agreements(comparison.agreements, out / "agreement.csv")
    write_text(table_text(PAIR_COLUMNS, pair_rows(comparison)), out / "reader_pairs.csv")


def write_agreements(found: Agreements, path: Path) -> None:
    """Write the statistics as CSV.

    Raises:
        OutputError: when the file cannot be written.
    """
    write_text(table_text(AGREEMENT_COLUMNS, agreement_rows(found)), path)


def agreements_of(
    patients: Mapping[str, tuple[Sequence[PairedSize], Sequence[JudgedVisit]]],
) -> Agreements:
    """The statistics of one patient's comparison, or of several pooled.

    What shares a patient is no independent evidence. Of a single patient, what shares a lesion
    is none; its sums and responses are one piece of evidence, and have no interval.

    Args:
        patients: paired sizes and judged visits by patient.
    """
    is_one = len(patients) == 1
    by_quantity: dict[Quantity, list[tuple[str, PairedSize]]] = defaultdict(list)
    for patient, (sizes, _) in patients.items():
        for size in sizes:
            by_quantity[size.quantity].append((patient, size))
    by_quantity = {q: by_quantity[q] for q in Quantity if len(by_quantity[q]) >= LEAST_PAIRS}
    later = [
        (patient, visit)
        for patient, (_, visits) in patients.items()
        for visit in visits
        if "Baseline" not in (visit.reader_category, visit.category)
    ]
    graded = [
        (patient, visit)
        for patient, visit in later
        if {visit.reader_category, visit.category} <= set(_GRADES)
    ]
    trends = [_trend(sizes) for sizes, _ in patients.values()]
    return Agreements(
        patients=len(patients),
        of={
            quantity: agree(
                [size.value for _, size in own],
                [size.reader_value for _, size in own],
                [size.lesion if is_one else patient for patient, size in own],
            )
            for quantity, own in by_quantity.items()
        },
        lesions={
            quantity: len({(patient, size.lesion) for patient, size in own})
            for quantity, own in by_quantity.items()
            if quantity is not Quantity.SUM
        },
        trend=(sum(same for same, _ in trends), sum(compared for _, compared in trends)),
        categories=(sum(v.category == v.reader_category for _, v in later), len(later)),
        graded=len(graded),
        kappa=None
        if len(graded) < LEAST_PAIRS
        else agree_on_categories(
            [visit.reader_category for _, visit in graded],
            [visit.category for _, visit in graded],
            _GRADES,
            [patient for patient, _ in graded],
        ),
    )


def _without_scan(rows: Sequence[Assessment], dates: set[dt.date]) -> Iterator[str]:
    """The dates of a reader's rows on which there is no scan, with their lines."""
    lines: dict[dt.date, list[str]] = defaultdict(list)
    for row in rows:
        if row.date not in dates:
            lines[row.date].append("?" if row.line is None else str(row.line))
    for date, own in sorted(lines.items()):
        where = f"line {own[0]}" if len(own) == 1 else f"lines {', '.join(own)}"
        yield f"{where}: there is no scan on {date}, not compared"


def _trend(sizes: Sequence[PairedSize]) -> tuple[int, int]:
    """How many changes of a patient's long axes from visit to visit agree, and all of them."""
    theirs, ours = [], []
    long = [size for size in sizes if size.quantity is Quantity.LONG_AXIS]
    for before, after in pairwise(long):
        if (before.reader_lesion, before.lesion) == (after.reader_lesion, after.lesion):
            theirs.append(after.reader_value - before.reader_value)
            ours.append(after.value - before.value)
    return trend_agreement(theirs, ours, _UNCHANGED_MM)


def _paired_sizes(
    pairing: Pairing, theirs: Sequence[Assessment], ours: Sequence[Assessment]
) -> Iterator[PairedSize]:
    """Sizes that both gave a lesion, by quantity, lesion and date."""
    reader = {(row.lesion, row.date): row for row in theirs}
    own = {(row.lesion, row.date): row for row in ours}
    dates = sorted({row.date for row in ours})
    for quantity, field in _SIZES.items():
        for pair in pairing.pairs:
            for date in dates:
                a, b = reader.get((pair.reader, date)), own.get((pair.own, date))
                x, y = getattr(a, field, None), getattr(b, field, None)
                if x is not None and y is not None:
                    yield PairedSize(date, quantity, pair.reader, pair.own, x, y)


def _paired_sums(
    pairing: Pairing, theirs: Sequence[Assessment], ours: Sequence[Assessment]
) -> Iterator[PairedSize]:
    """Sums of diameters of the same lesions: those of the reader's targets that are paired.

    Sums of 0 are left out: they have no difference in percent.
    """
    dates = {row.date for row in theirs} & {row.date for row in ours}
    if not dates:
        return
    start = min(dates)
    here = [row for row in theirs if row.date in dates]
    partner = {pair.reader: pair.own for pair in pairing.pairs}
    measured = {row.lesion for row in ours if row.date == start and row.status is Status.MEASURED}
    targets = choose_baseline([row for row in here if row.date == start], RECIST_1_1.scale).targets
    names = sorted(row.lesion for row in targets if partner.get(row.lesion) in measured)
    if not names:
        return
    partners = [partner[name] for name in names]
    reader = _sums_mm(here, set(names))
    own = _sums_mm([row for row in ours if row.date in dates], set(partners))
    for date in sorted(reader.keys() & own.keys()):
        yield PairedSize(
            date, Quantity.SUM, " + ".join(names), " + ".join(partners), reader[date], own[date]
        )


def _sums_mm(rows: Sequence[Assessment], targets: set[str]) -> dict[dt.date, float]:
    """Sums of diameters above 0 by date, when these lesions are the targets and no others."""
    chosen = []
    for row in rows:
        role = None if row.role is Role.TARGET else row.role
        chosen.append(replace(row, role=Role.TARGET if row.lesion in targets else role))
    return {response.date: response.sum_mm for response in _responses(chosen) if response.sum_mm}


def judged_visits(
    responses: Sequence[Response], theirs: Sequence[Assessment]
) -> tuple[JudgedVisit, ...]:
    """The RECIST 1.1 responses at the visits that both sides have.

    Args:
        responses: ours, of one patient; those by other criteria are passed over.
        theirs: the reader's rows of that patient.
    """
    ours = {r.date: r for r in responses if r.criterion == RECIST_1_1.name}
    return tuple(
        JudgedVisit(
            date=response.date,
            reader_sum_mm=response.sum_mm,
            sum_mm=ours[response.date].sum_mm,
            reader_category=response.category,
            category=ours[response.date].category,
        )
        for response in _responses(theirs)
        if response.date in ours
    )


def _responses(rows: Sequence[Assessment]) -> tuple[Response, ...]:
    """Responses by RECIST 1.1; none where the table is one of sizes, not made to judge by."""
    try:
        return classify(rows, RECIST_1_1)
    except InputError:
        return ()
