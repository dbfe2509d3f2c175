"""A course beside the radiologist's own table: lesions paired, sizes and responses compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lvt_track.core.course import Course
from lvt_track.errors import InputError
from lvt_track.measure.agreement import Agreement, agree
from lvt_track.measure.reliability import Estimate, trend_agreement
from lvt_track.pipeline.respond import read_readings
from lvt_track.pipeline.rows import table_text, write_text
from lvt_track.response.assessment import Assessment
from lvt_track.response.checks import by_patient
from lvt_track.response.course import rows_from_course
from lvt_track.response.pairing import LesionPair, Pairing, pair_lesions
from lvt_track.response.recist import respond

__all__ = [
    "AGREEMENT_COLUMNS",
    "PAIR_COLUMNS",
    "PairedSize",
    "ReaderComparison",
    "agreement_rows",
    "compare_with_reader",
    "pair_rows",
    "write_comparison",
]

AGREEMENT_COLUMNS = ("quantity", "statistic", "value", "low", "high", "pairs", "lesions")
PAIR_COLUMNS = (
    "date",
    "reader_lesion",
    "lesion",
    "quantity",
    "reader_value",
    "value",
    "difference",
    "difference_percent",
    "confidence",
    "paired_by",
)

_QUANTITIES = {"long_axis_mm": "long axis", "short_axis_mm": "short axis", "volume_ml": "volume"}
_UNCHANGED_MM = 1.0


@dataclass(frozen=True)
class PairedSize:
    """One size of one lesion at one visit, as the reader and as lvt measured it."""

    reader: Assessment
    own: Assessment
    pair: LesionPair
    quantity: str
    reader_value: float
    value: float


@dataclass(frozen=True)
class ReaderComparison:
    """Everything the two tables say of each other.

    Attributes:
        pairing: which lesion is which, and which are left over on either side.
        sizes: paired sizes, by lesion and date.
        agreement: by quantity; only those with at least three pairs.
        trend: changes of the long axis that agree in sign, and all that were compared.
        categories: date, the reader's and our overall response, for the visits both have.
        remarks: what was odd in the reader's table.
    """

    pairing: Pairing
    sizes: tuple[PairedSize, ...]
    agreement: dict[str, Agreement]
    trend: tuple[int, int]
    categories: tuple[tuple[str, str, str], ...]
    remarks: tuple[str, ...]


def compare_with_reader(course: Course, table: Path) -> ReaderComparison:
    """Compare a course with a radiologist's table.

    Args:
        course: what lvt found.
        table: CSV, XLSX or SDTM TR file; of several patients, that of the course is taken.

    Raises:
        InputError: when the table cannot be used, or has no rows of this patient or of its dates.
    """
    readings = read_readings(table)
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
    sizes = tuple(_paired_sizes(pairing, theirs, ours))
    return ReaderComparison(
        pairing=pairing,
        sizes=sizes,
        agreement=_agreements(sizes),
        trend=_trend(sizes),
        categories=_categories(course, theirs),
        remarks=readings.remarks,
    )


def write_comparison(comparison: ReaderComparison, out: Path) -> None:
    """Write `agreement.csv` and `reader_pairs.csv` into the folder `out`.

    Raises:
        OutputError: when a file cannot be written.
    """
    write_text(table_text(AGREEMENT_COLUMNS, agreement_rows(comparison)), out / "agreement.csv")
    write_text(table_text(PAIR_COLUMNS, pair_rows(comparison)), out / "reader_pairs.csv")


def pair_rows(comparison: ReaderComparison) -> list[dict[str, object]]:
    """One row per paired size, then the lesions left over; by the names of `PAIR_COLUMNS`."""
    rows: list[dict[str, object]] = [
        {
            "date": size.own.date,
            "reader_lesion": size.pair.reader,
            "lesion": size.pair.own,
            "quantity": _QUANTITIES[size.quantity],
            "reader_value": _size(size.quantity, size.reader_value),
            "value": _size(size.quantity, size.value),
            "difference": _size(size.quantity, size.value - size.reader_value),
            "difference_percent": 200
            * (size.value - size.reader_value)
            / (size.value + size.reader_value),
            "confidence": f"{size.pair.confidence:.2f}",
            "paired_by": size.pair.by,
        }
        for size in comparison.sizes
    ]
    empty = dict.fromkeys(PAIR_COLUMNS)
    left_over = {
        "reader_lesion": comparison.pairing.only_reader,
        "lesion": comparison.pairing.only_own,
    }
    for column, names in left_over.items():
        rows.extend({**empty, column: name, "paired_by": "not paired"} for name in names)
    return rows


def _size(quantity: str, value: float) -> str:
    """Three decimals for mL, one for mm."""
    return f"{value:.{3 if quantity.endswith('_ml') else 1}f}"


def agreement_rows(comparison: ReaderComparison) -> list[dict[str, object]]:
    """One row per statistic, by the names of `AGREEMENT_COLUMNS`.

    Differences are lvt minus reader, in mm or mL and in percent of the mean of the two.
    """
    rows: list[dict[str, object]] = []
    for quantity, found in comparison.agreement.items():
        unit = "ml" if quantity.endswith("ml") else "mm"
        unbounded = Estimate(found.mean_absolute_error, float("nan"), float("nan"))
        statistics = {
            f"mean_absolute_error_{unit}": unbounded,
            f"bias_{unit}": found.difference.bias,
            f"lower_limit_{unit}": found.difference.lower,
            f"upper_limit_{unit}": found.difference.upper,
            "bias_percent": found.difference_percent.bias,
            "lower_limit_percent": found.difference_percent.lower,
            "upper_limit_percent": found.difference_percent.upper,
            "icc_a1": found.icc_agreement,
            "icc_c1": found.icc_consistency,
            "concordance": found.concordance,
            "pearson": found.pearson,
        }
        for statistic, estimate in statistics.items():
            rows.append(
                {
                    "quantity": _QUANTITIES[quantity],
                    "statistic": statistic,
                    "value": _number(estimate.value),
                    "low": _number(estimate.low),
                    "high": _number(estimate.high),
                    "pairs": found.pairs,
                    "lesions": found.clusters,
                }
            )
    same, compared = comparison.trend
    if compared:
        rows.append(_share("long axis", "same_trend", same, compared))
    if comparison.categories:
        equal = sum(reader == own for _, reader, own in comparison.categories)
        rows.append(_share("response", "same_category", equal, len(comparison.categories)))
    return rows


def _number(value: float) -> str | None:
    return None if value != value else f"{value:.3f}"


def _share(quantity: str, statistic: str, count: int, total: int) -> dict[str, object]:
    row = dict.fromkeys(AGREEMENT_COLUMNS)
    return {
        **row,
        "quantity": quantity,
        "statistic": statistic,
        "value": f"{count / total:.3f}",
        "pairs": total,
    }


def _paired_sizes(
    pairing: Pairing, theirs: Sequence[Assessment], ours: Sequence[Assessment]
) -> list[PairedSize]:
    reader = {(row.lesion, row.date): row for row in theirs}
    own = {(row.lesion, row.date): row for row in ours}
    sizes = []
    for pair in pairing.pairs:
        dates = sorted(date for name, date in own if name == pair.own)
        for date in dates:
            a, b = reader.get((pair.reader, date)), own[pair.own, date]
            if a is None:
                continue
            for quantity in _QUANTITIES:
                x, y = getattr(a, quantity), getattr(b, quantity)
                if x is not None and y is not None:
                    sizes.append(PairedSize(a, b, pair, quantity, x, y))
    return sizes


def _agreements(sizes: Sequence[PairedSize]) -> dict[str, Agreement]:
    agreements = {}
    for quantity in _QUANTITIES:
        own = [size for size in sizes if size.quantity == quantity]
        if len(own) >= 3:
            agreements[quantity] = agree(
                [size.value for size in own],
                [size.reader_value for size in own],
                [size.pair.own for size in own],
            )
    return agreements


def _trend(sizes: Sequence[PairedSize]) -> tuple[int, int]:
    """Changes of the long axis from visit to visit, of the reader and of ours."""
    theirs, ours = [], []
    long = [size for size in sizes if size.quantity == "long_axis_mm"]
    for before, after in pairwise(long):
        if before.pair == after.pair:
            theirs.append(after.reader_value - before.reader_value)
            ours.append(after.value - before.value)
    return trend_agreement(theirs, ours, _UNCHANGED_MM)


def _categories(course: Course, theirs: Sequence[Assessment]) -> tuple[tuple[str, str, str], ...]:
    """Overall response of both, at the visits after the baseline that both have."""
    ours = {
        response.date: response.category
        for response in course.responses
        if response.criterion == "RECIST 1.1"
    }
    try:
        judged = respond(theirs)
    except InputError:
        return ()  # a table of sizes need not be a table to judge response by
    return tuple(
        (response.date.isoformat(), response.category, ours[response.date])
        for response in judged[1:]
        if response.date in ours and ours[response.date] != "Baseline"
    )
