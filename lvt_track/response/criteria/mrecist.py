"""mRECIST for hepatocellular carcinoma (Lencioni and Llovet, Semin Liver Dis 2010;30:52-60).

The size of a lesion in the liver is the longest diameter of the part that enhances in the
arterial phase: tissue that treatment has killed does not count, even where it is as large as
before. Without an arterial phase there is no such diameter, and nothing can be judged.
"""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.response.assessment import LIVER, Assessment, Status
from lvt_track.core.series import Phase
from lvt_track.response.criteria.recist import (
    LEAST_LONG_AXIS_MM,
    LEAST_NODE_MM,
    NON_TARGET_RULES,
    OVERALL_RULES,
    diameter_mm,
    is_measurable,
    least_measurable_mm,
    target_rules,
)
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.scale import Scale, at_least

__all__ = [
    "MRECIST",
    "is_doubtful_new",
    "is_measurable_viable",
    "is_without_enhancement",
    "lacks_arterial_phase",
]

_LEAST_PORTAL_NODE_MM = 20.0
_LEAST_GROWTH_MM = 10.0


def _viable_mm(row: Assessment) -> float | None:
    """What enhances, in the liver; elsewhere as in RECIST 1.1."""
    if row.is_nodal or (row.organ != LIVER and row.enhancing_mm is None):
        return diameter_mm(row)
    return row.enhancing_mm


def is_measurable_viable(row: Assessment) -> bool:
    """Whether the enhancing part is large enough to be a target."""
    if row.is_nodal:
        # Reactive nodes at the liver hilum are common in cirrhosis.
        is_portal = any(word in row.site.lower() for word in ("porta", "hilar", "hilum"))
        least = _LEAST_PORTAL_NODE_MM if is_portal else LEAST_NODE_MM
        return row.short_axis_mm is not None and at_least(row.short_axis_mm, least)
    if row.organ != LIVER and row.enhancing_mm is None:
        return is_measurable(row)
    size = row.enhancing_mm
    return size is not None and at_least(size, least_measurable_mm(row.slice_thickness_mm))


def is_without_enhancement(row: Assessment) -> bool:
    """Whether nothing viable is left: the lesion is absent, or nothing in it enhances."""
    return row.status is Status.ABSENT or row.enhancing_mm == 0


def is_doubtful_new(row: Assessment, first: Assessment) -> bool:
    """Whether a new lesion in the liver is doubtful still.

    It counts from 10 mm on if it enhances; without that, once it has grown by 10 mm. Elsewhere
    than in the liver a new lesion counts at once, as in RECIST 1.1.
    """
    if row.organ != LIVER or row.long_axis_mm is None:
        return False
    if row.enhancing_mm == 0:
        grown = row.long_axis_mm - (first.long_axis_mm or row.long_axis_mm)
        return not at_least(grown, _LEAST_GROWTH_MM)
    return not at_least(row.long_axis_mm, LEAST_LONG_AXIS_MM)


def _why_unmeasured(row: Assessment) -> str:
    return row.remark or row.enhancing_reason


def lacks_arterial_phase(name: str, rows: Sequence[Assessment]) -> str:
    """What rows lack for a criterion that measures arterial enhancement; empty if nothing.

    Args:
        name: of the criterion.
        rows: of one patient.
    """
    enhancing = [row for row in rows if row.enhancing_mm is not None]
    in_liver = [row for row in rows if row.organ == LIVER]
    if not enhancing and any(row.status is Status.MEASURED for row in in_liver):
        why = next((row.enhancing_reason for row in in_liver if row.enhancing_reason), "")
        why_none = f"there is none: {why}" if why else "there is none"
        return f"{name} needs the arterially enhancing diameter of each lesion, {why_none}"
    for row in enhancing:
        phase = row.enhancing_phase or row.phase
        if phase not in (Phase.ARTERIAL, Phase.UNKNOWN):
            return (
                f"{name} needs the arterial phase: lesion {row.lesion} was measured in the "
                f"{phase} phase on {row.date}"
            )
    start = min((row.date for row in rows), default=None)
    first = [row for row in in_liver if row.date == start and row.enhancing_reason]
    if first and all(row.enhancing_mm is None for row in in_liver if row.date == start):
        return f"{name} needs the arterial phase at the baseline: {first[0].enhancing_reason}"
    return ""


MRECIST = Criterion(
    name="mRECIST",
    scale=Scale(
        unit="mm",
        size=_viable_mm,
        is_measurable=is_measurable_viable,
        too_small=5.0,
        is_cleared=is_without_enhancement,
        is_doubtful_new=is_doubtful_new,
        why_unmeasured=_why_unmeasured,
    ),
    target=target_rules(-30.0, 20.0, 5.0),
    non_target=NON_TARGET_RULES,
    overall=OVERALL_RULES,
    lacking=lambda rows: lacks_arterial_phase("mRECIST", rows),
    remedy="Give arterial scans, or a column enhancing_mm of the arterial phase, or use recist1.1",
)
