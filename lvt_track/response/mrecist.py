"""mRECIST for hepatocellular carcinoma (Lencioni and Llovet, Semin Liver Dis 2010;30:52-60).

The size of a lesion in the liver is the longest diameter of the part that enhances in the
arterial phase: tissue that treatment has killed does not count, even where it is as large as
before. Without an arterial phase there is no such diameter, and the criterion is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.assessment import Assessment, Status
from lvt_track.core.records import Phase, Response
from lvt_track.errors import InputError
from lvt_track.response.criteria import Criterion, at_least
from lvt_track.response.recist import least_measurable_mm
from lvt_track.response.timepoints import classify

__all__ = ["MRECIST", "respond"]

_LEAST_NODE_MM = 15.0
_LEAST_PORTAL_NODE_MM = 20.0


def _viable_mm(row: Assessment) -> float | None:
    return row.short_axis_mm if row.is_nodal else row.enhancing_mm


def _is_measurable(row: Assessment) -> bool:
    size = _viable_mm(row)
    if size is None:
        return False
    if not row.is_nodal:
        return at_least(size, least_measurable_mm(row.slice_thickness_mm))
    # Reactive nodes at the liver hilum are common in cirrhosis.
    is_portal = any(word in row.site.lower() for word in ("porta", "hilar", "hilum"))
    return at_least(size, _LEAST_PORTAL_NODE_MM if is_portal else _LEAST_NODE_MM)


MRECIST = Criterion(
    name="mRECIST",
    unit="mm",
    size=_viable_mm,
    is_measurable=_is_measurable,
    too_small=5.0,
    response_percent=-30.0,
    progression_percent=20.0,
    progression_least=5.0,
    least_new_mm=10.0,
)


def respond(rows: Sequence[Assessment]) -> tuple[Response, ...]:
    """Response of one patient at every visit by mRECIST; the first visit is the baseline.

    Args:
        rows: of one patient, in any order; liver lesions need `enhancing_mm`.

    Returns:
        One response per date, in order of time.

    Raises:
        InputError: without arterially enhancing diameters, where one was measured in another
            phase, or where the rows contradict each other.
    """
    enhancing = [row for row in rows if row.enhancing_mm is not None]
    if not enhancing and any(row.status is Status.MEASURED and not row.is_nodal for row in rows):
        raise InputError(
            "mRECIST needs the arterially enhancing diameter of each lesion, there is none",
            remedy="Give a column enhancing_mm measured in the arterial phase, or use recist1.1",
        )
    for row in enhancing:
        if row.phase not in (Phase.ARTERIAL, Phase.UNKNOWN):
            raise InputError(
                f"mRECIST needs the arterial phase: lesion {row.lesion} was measured in the "
                f"{row.phase} phase on {row.date}"
            )
    return classify(rows, MRECIST)
