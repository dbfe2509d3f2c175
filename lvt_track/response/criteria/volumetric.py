"""Response by volume: the limits of RECIST 1.1, carried from diameters to volumes.

A ball whose diameter shrinks by 30 % loses 65.7 % of its volume; one that grows by 20 % gains
72.8 %. The 5 mm rule has no counterpart here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from lvt_track.core.quantities import sized
from lvt_track.core.response.assessment import Assessment
from lvt_track.response.criteria import recist
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.evidence import Evidence
from lvt_track.response.timepoints.scale import Scale, at_least
from lvt_track.response.timepoints.sums import burden_ml

__all__ = ["VOLUME", "ball_ml", "lacks_volumes"]

VOLUME_REMEDY = "Give a column volume_ml, or use recist1.1"


def ball_ml(diameter_mm: float) -> float:
    """Volume of a ball."""
    return math.pi / 6.0 * diameter_mm**3 / 1000.0


def volume_ml(row: Assessment) -> float | None:
    """The volume of a lesion."""
    return row.volume_ml


def _is_measurable(row: Assessment) -> bool:
    if row.volume_ml is None:
        return False
    if row.long_axis_mm is None and row.short_axis_mm is None:
        least_mm = recist.LEAST_NODE_MM if row.is_nodal else recist.LEAST_LONG_AXIS_MM
        return at_least(row.volume_ml, ball_ml(least_mm))
    return recist.is_measurable(row)


def lacks_volumes(name: str, rows: Iterable[Assessment]) -> str:
    """What rows lack for a criterion in mL; empty if nothing."""
    if all(row.volume_ml is None for row in rows):
        return f"the {name} criterion needs the volume of each lesion, there is none"
    return ""


def _burden_words(evidence: Evidence) -> str:
    if not evidence.visit.rows:
        return ""
    total = burden_ml(evidence.visit.rows.values())
    return "" if total is None else f"all lesions {sized(total, 'mL')}"


VOLUME = Criterion(
    name="volume",
    scale=Scale(unit="mL", size=volume_ml, is_measurable=_is_measurable, too_small=ball_ml(5.0)),
    target=recist.target_rules(-65.7, 72.8, 0.0),
    non_target=recist.NON_TARGET_RULES,
    overall=recist.OVERALL_RULES,
    lacking=lambda rows: lacks_volumes("volume", rows),
    remedy=VOLUME_REMEDY,
    remark=_burden_words,
)
