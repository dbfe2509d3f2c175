"""RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009;45:228-247)."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.assessment import Assessment
from lvt_track.core.records import Response
from lvt_track.response.criteria import Criterion, at_least
from lvt_track.response.timepoints import classify

__all__ = ["RECIST_1_1", "least_measurable_mm", "respond"]

_LEAST_LONG_AXIS_MM = 10.0
_LEAST_NODE_SHORT_AXIS_MM = 15.0
_THIN_SLICE_MM = 5.0


def least_measurable_mm(slice_thickness_mm: float | None) -> float:
    """Smallest long axis of a target: 10 mm, or twice the slices where these exceed 5 mm."""
    if slice_thickness_mm is None or slice_thickness_mm <= _THIN_SLICE_MM:
        return _LEAST_LONG_AXIS_MM
    return 2.0 * slice_thickness_mm


def _diameter_mm(row: Assessment) -> float | None:
    """Nodes count by their short axis; what merged, by the longest diameter of the whole."""
    if row.is_nodal and len(row.derived_from) < 2:
        return row.short_axis_mm
    return row.long_axis_mm


def _is_measurable(row: Assessment) -> bool:
    if row.is_nodal:
        short = row.short_axis_mm
        return short is not None and at_least(short, _LEAST_NODE_SHORT_AXIS_MM)
    least = least_measurable_mm(row.slice_thickness_mm)
    return row.long_axis_mm is not None and at_least(row.long_axis_mm, least)


RECIST_1_1 = Criterion(
    name="RECIST 1.1",
    unit="mm",
    size=_diameter_mm,
    is_measurable=_is_measurable,
    too_small=5.0,
    response_percent=-30.0,
    progression_percent=20.0,
    progression_least=5.0,
)


def respond(rows: Sequence[Assessment]) -> tuple[Response, ...]:
    """Response of one patient at every visit by RECIST 1.1; the first visit is the baseline.

    Args:
        rows: of one patient, in any order.

    Returns:
        One response per date, in order of time.

    Raises:
        InputError: where the rows contradict each other, see `timepoints.classify`.
    """
    return classify(rows, RECIST_1_1)
