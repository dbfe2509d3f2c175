"""How far lvt and radiologists agree, as a table of the cohort's page: a line per reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

from lvt_track.agreement.coefficients import Estimate
from lvt_track.agreement.records import Agreements, Quantity

__all__ = ["READER_COLUMNS", "reader_lines"]

READER_COLUMNS = (
    "radiologist",
    "patients",
    "long axes",
    "mean absolute error (mm)",
    "lvt minus radiologist (mm)",
    "95 % limits (mm)",
    "ICC(A,1)",
    "same response",
    "weighted kappa",
)
_NONE = "–"


def reader_lines(agreements: Mapping[str, Agreements]) -> Iterator[tuple[str, ...]]:
    """The cells by `READER_COLUMNS`; values with their 95 % intervals where there are some.

    Args:
        agreements: by reader; under the empty name all together.
    """
    for reader, one in agreements.items():
        same, visits = one.categories
        kappa = _NONE if one.kappa is None else _with_interval(one.kappa, 2)
        yield (
            reader or ("all together" if len(agreements) > 1 else "the table"),
            str(one.patients),
            *_long_axis(one),
            f"{same} of {visits}" if visits else _NONE,
            kappa,
        )


def _long_axis(agreements: Agreements) -> tuple[str, ...]:
    of = agreements.of.get(Quantity.LONG_AXIS)
    if of is None:
        return ("too few", *(_NONE,) * 4)
    limits = of.difference
    return (
        str(of.pairs),
        f"{of.mean_absolute_error:.1f}",
        _with_interval(limits.bias, 1, "+"),
        f"{limits.lower.value:+.1f} to {limits.upper.value:+.1f}",
        _with_interval(of.icc_agreement, 2),
    )


def _with_interval(estimate: Estimate, decimals: int, sign: str = "") -> str:
    if not isfinite(estimate.value):
        return _NONE
    value = f"{estimate.value:{sign}.{decimals}f}"
    if not isfinite(estimate.low):
        return value
    return f"{value} ({estimate.low:{sign}.{decimals}f} to {estimate.high:{sign}.{decimals}f})"
