"""The table of statistics of a course beside a radiologist's own table."""

from __future__ import annotations

from math import isfinite

from lvt_track.agreement.coefficients import Estimate
from lvt_track.agreement.limits import READERS_PERCENT, READERS_SUM_PERCENT
from lvt_track.agreement.records import Agreements, Quantity
from lvt_track.report.blocks import TEXT_WIDTH_MM, Cell, Column, Table
from lvt_track.report.drawing.style import MUTED
from lvt_track.report.wording import percent

__all__ = ["readers_percent", "statistics_table", "trend_words"]

_NAME_MM = 52.0
_NB = "\u00a0"
_NAMES = (
    ("Pairs", "and what they belong to"),
    ("Mean absolute error",),
    ("Bias",),
    ("Lower limit of agreement",),
    ("Upper limit of agreement",),
    ("Bias, % of the mean of both",),
    ("Lower limit, %",),
    ("Upper limit, %",),
    ("Two radiologists, limits",),
    ("ICC(A,1), absolute agreement",),
    ("ICC(C,1), consistency",),
    ("Concordance (Lin)",),
    ("Pearson's r",),
)


def statistics_table(agreements: Agreements) -> Table:
    """A row per statistic, a column per quantity; intervals below their values."""
    width = (TEXT_WIDTH_MM - _NAME_MM) / len(Quantity)
    columns = (
        Column("", _NAME_MM),
        *(Column(quantity.value.capitalize(), width, "right") for quantity in agreements.of),
    )
    names = [Cell(lines, MUTED) for lines in _NAMES]
    cells = [_cells(quantity, agreements) for quantity in agreements.of]
    return Table(columns, tuple(zip(names, *cells, strict=True)))


def readers_percent(quantity: Quantity) -> tuple[float, float]:
    """Limits of agreement between two radiologists, of a diameter or of a sum."""
    return READERS_SUM_PERCENT if quantity is Quantity.SUM else READERS_PERCENT


def trend_words(agreements: Agreements) -> str:
    """How many changes have the same direction on both sides; empty without any."""
    same, compared = agreements.trend
    if not compared:
        return ""
    return (
        f"From visit to visit, {same} of {compared} changes of a long axis have the same "
        "direction on both sides (longer, shorter, or within 1 mm)."
    )


def _cells(quantity: Quantity, agreements: Agreements) -> tuple[Cell, ...]:
    agreement = agreements.of[quantity]
    is_volume = quantity is Quantity.VOLUME
    decimals, unit = 2 if is_volume else 1, f"{_NB}{quantity.unit}"
    readers = " to ".join(percent(p) for p in readers_percent(quantity))
    differences = (
        agreement.difference.bias,
        agreement.difference.lower,
        agreement.difference.upper,
    )
    shares = agreement.difference_percent
    coefficients = (
        agreement.icc_agreement,
        agreement.icc_consistency,
        agreement.concordance,
        agreement.pearson,
    )
    return (
        Cell((str(agreement.pairs), _belonging(quantity, agreements))),
        Cell((f"{agreement.mean_absolute_error:.{decimals}f}{unit}",)),
        *(_estimate(e, f"+.{decimals}f", unit) for e in differences),
        *(_estimate(e, "+.0f", f"{_NB}%") for e in (shares.bias, shares.lower, shares.upper)),
        Cell(("–" if is_volume else readers,), MUTED),
        *(_estimate(e, ".2f", "") for e in coefficients),
    )


def _belonging(quantity: Quantity, agreements: Agreements) -> str:
    if quantity is Quantity.SUM:
        return "visits"
    count = agreements.lesions[quantity]
    return "1 lesion" if count == 1 else f"{count} lesions"


def _estimate(estimate: Estimate, form: str, unit: str) -> Cell:
    """A value, and its interval below it."""

    def written(value: float) -> str:
        text = f"{value:{form}}"
        return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")

    if not isfinite(estimate.value):
        return Cell(("–",))
    value = written(estimate.value) + unit
    if not isfinite(estimate.low):
        return Cell((value, "no interval"))
    return Cell((value, f"{written(estimate.low)} to {written(estimate.high)}"))
