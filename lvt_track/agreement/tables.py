"""`agreement.csv` and `reader_pairs.csv`: a course beside a reader's table, in rows."""

from __future__ import annotations

from math import nan

from lvt_track.agreement.coefficients import Estimate
from lvt_track.agreement.limits import Agreement
from lvt_track.agreement.records import Agreements, PairedSize, Quantity, ReaderComparison

__all__ = ["AGREEMENT_COLUMNS", "PAIR_COLUMNS", "agreement_rows", "pair_rows"]

AGREEMENT_COLUMNS = (
    "quantity",
    "statistic",
    "value",
    "low",
    "high",
    "pairs",
    "lesions",
    "patients",
)
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

Row = dict[str, object]


def agreement_rows(found: Agreements) -> list[Row]:
    """One row per statistic, by the names of `AGREEMENT_COLUMNS`.

    Differences are lvt minus reader, in mm or mL and in percent of the mean of the two.
    """
    rows: list[Row] = []
    for quantity, agreement in found.of.items():
        for statistic, estimate in _statistics(agreement, quantity.unit.lower()).items():
            rows.append(
                _row(found, quantity.value, statistic, estimate, agreement.pairs)
                | {"lesions": found.lesions.get(quantity)}
            )
    for name, statistic, (same, compared) in (
        ("long axis", "same_trend", found.trend),
        ("response", "same_category", found.categories),
    ):
        if compared:
            share = Estimate(same / compared, nan, nan)
            rows.append(_row(found, name, statistic, share, compared))
    if found.kappa is not None:
        rows.append(_row(found, "response", "weighted_kappa", found.kappa, found.graded))
    return rows


def _statistics(found: Agreement, unit: str) -> dict[str, Estimate]:
    return {
        f"mean_absolute_error_{unit}": Estimate(found.mean_absolute_error, nan, nan),
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


def _row(found: Agreements, quantity: str, statistic: str, estimate: Estimate, pairs: int) -> Row:
    return {
        "quantity": quantity,
        "statistic": statistic,
        "value": _number(estimate.value),
        "low": _number(estimate.low),
        "high": _number(estimate.high),
        "pairs": pairs,
        "lesions": None,
        "patients": found.patients,
    }


def _number(value: float) -> str | None:
    return None if value != value else f"{value:.3f}"


def pair_rows(comparison: ReaderComparison) -> list[Row]:
    """One row per paired size, then the lesions left over; by the names of `PAIR_COLUMNS`."""
    pairs = {pair.reader: pair for pair in comparison.pairing.pairs}
    rows: list[Row] = []
    for size in comparison.sizes:
        pair = pairs.get(size.reader_lesion)
        rows.append(
            {
                "date": size.date,
                "reader_lesion": size.reader_lesion,
                "lesion": size.lesion,
                "quantity": size.quantity.value,
                "reader_value": _size(size, size.reader_value),
                "value": _size(size, size.value),
                "difference": _size(size, size.difference),
                "difference_percent": size.difference_percent,
                "confidence": None if pair is None else f"{pair.confidence:.2f}",
                "paired_by": None if pair is None else pair.by,
            }
        )
    empty = dict.fromkeys(PAIR_COLUMNS)
    left_over = {
        "reader_lesion": comparison.pairing.only_reader,
        "lesion": comparison.pairing.only_own,
    }
    for column, names in left_over.items():
        rows.extend({**empty, column: name, "paired_by": "not paired"} for name in names)
    return rows


def _size(size: PairedSize, value: float) -> str:
    """Three decimals for mL, one for mm."""
    return f"{value:.{3 if size.quantity is Quantity.VOLUME else 1}f}"
