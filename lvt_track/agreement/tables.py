"""`agreement.csv` and `reader_pairs.csv`: a course beside a reader's table, in rows."""

from __future__ import annotations

from math import nan

from lvt_track.agreement.coefficients import Estimate
from lvt_track.agreement.limits import Agreement
from lvt_track.agreement.records import Agreements, Quantity, ReaderComparison

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
    "reader",
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
    "followed_as",
    "reader",
)

Row = dict[str, object]


def agreement_rows(agreements: Agreements, reader: str = "") -> list[Row]:
    """One row per statistic, by the names of `AGREEMENT_COLUMNS`.

    Differences are lvt minus reader, in mm or mL and in percent of the mean of the two.

    Args:
        agreements: the statistics.
        reader: whose, of a table by several; empty for all together.
    """
    return [row | {"reader": reader} for row in _agreement_rows(agreements)]


def _agreement_rows(agreements: Agreements) -> list[Row]:
    rows: list[Row] = []
    for quantity, agreement in agreements.of.items():
        for statistic, estimate in _statistics(agreement, quantity.unit.lower()).items():
            rows.append(
                _row(agreements, quantity.value, statistic, estimate, agreement.pairs)
                | {"lesions": agreements.lesions.get(quantity)}
            )
    for quantity, count in agreements.unpaired.items():
        pairs = agreements.of[quantity].pairs if quantity in agreements.of else 0
        if count or pairs:
            row = _row(
                agreements, quantity.value, "sizes_not_paired", Estimate(nan, nan, nan), pairs
            )
            rows.append(row | {"value": count})
    for name, statistic, (same, compared) in (
        ("long axis", "same_trend", agreements.trend),
        ("response", "same_category", agreements.categories),
    ):
        if compared:
            share = Estimate(same / compared, nan, nan)
            rows.append(_row(agreements, name, statistic, share, compared))
    if agreements.kappa is not None:
        rows.append(
            _row(agreements, "response", "weighted_kappa", agreements.kappa, agreements.graded)
        )
    return rows


def _statistics(agreement: Agreement, unit: str) -> dict[str, Estimate]:
    return {
        f"mean_absolute_error_{unit}": Estimate(agreement.mean_absolute_error, nan, nan),
        f"bias_{unit}": agreement.difference.bias,
        f"lower_limit_{unit}": agreement.difference.lower,
        f"upper_limit_{unit}": agreement.difference.upper,
        "bias_percent": agreement.difference_percent.bias,
        "lower_limit_percent": agreement.difference_percent.lower,
        "upper_limit_percent": agreement.difference_percent.upper,
        "icc_a1": agreement.icc_agreement,
        "icc_c1": agreement.icc_consistency,
        "concordance": agreement.concordance,
        "pearson": agreement.pearson,
    }


def _row(
    agreements: Agreements, quantity: str, statistic: str, estimate: Estimate, pairs: int
) -> Row:
    return {
        "quantity": quantity,
        "statistic": statistic,
        "value": _number(estimate.value),
        "low": _number(estimate.low),
        "high": _number(estimate.high),
        "pairs": pairs,
        "lesions": None,
        "patients": agreements.patients,
    }


def _number(value: float) -> str | None:
    return None if value != value else f"{value:.3f}"


def pair_rows(comparison: ReaderComparison) -> list[Row]:
    """One row per paired size, then every size that has no partner; by `PAIR_COLUMNS`."""
    return [row | {"reader": comparison.reader} for row in _pair_rows(comparison)]


def _pair_rows(comparison: ReaderComparison) -> list[Row]:
    pairs = {pair.reader: pair for pair in comparison.pairing.pairs}
    at_place = {
        (visit.date, row.lesion)
        for visit in comparison.pairing.visits
        if visit.by == "place"
        for row in visit.reader
    }
    rows: list[Row] = []
    for size in comparison.sizes:
        is_place_alone = (size.date, size.reader_lesion) in at_place
        pair = None if is_place_alone else pairs.get(size.cluster)
        rows.append(
            {
                "date": size.date,
                "reader_lesion": size.reader_lesion,
                "lesion": size.lesion,
                "quantity": size.quantity.value,
                "reader_value": _size(size.quantity, size.reader_value),
                "value": _size(size.quantity, size.value),
                "difference": _size(size.quantity, size.difference),
                "difference_percent": size.difference_percent,
                "confidence": None if pair is None else f"{pair.confidence:.2f}",
                "paired_by": "place" if is_place_alone else None if pair is None else pair.by,
                "followed_as": size.cluster,
            }
        )
    empty = dict.fromkeys(PAIR_COLUMNS)
    for single in comparison.unpaired:
        whose = ("reader_lesion", "reader_value") if single.is_readers else ("lesion", "value")
        cells: Row = {
            "date": single.date,
            "quantity": single.quantity.value,
            whose[0]: single.lesion,
            whose[1]: _size(single.quantity, single.value),
        }
        rows.append({**empty, **cells, "paired_by": "not paired"})
    # Lesions of which nothing could be compared at all, such as non-targets without a size.
    sized = {single.lesion for single in comparison.unpaired}
    left_over = {
        "reader_lesion": comparison.pairing.only_reader,
        "lesion": comparison.pairing.only_computed,
    }
    for column, names in left_over.items():
        rows.extend(
            {**empty, column: name, "paired_by": "not paired"}
            for name in names
            if name not in sized
        )
    return rows


def _size(quantity: Quantity, value: float) -> str:
    """Three decimals for mL, one for mm."""
    return f"{value:.{3 if quantity is Quantity.VOLUME else 1}f}"
