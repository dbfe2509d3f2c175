"""Response by volume: the limits of RECIST 1.1, carried from diameters to volumes.

A ball whose diameter shrinks by 30 % loses 65.7 % of its volume; one that grows by 20 % gains
72.8 %. The 5 mm rule has no counterpart here.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.assessment import Assessment, Status
from lvt_track.core.records import Response
from lvt_track.errors import InputError
from lvt_track.response.criteria import Criterion, at_least
from lvt_track.response.recist import RECIST_1_1
from lvt_track.response.timepoints import classify

__all__ = ["VOLUME", "ball_ml", "burden_ml", "respond"]


def ball_ml(diameter_mm: float) -> float:
    """Volume of a ball."""
    return math.pi / 6.0 * diameter_mm**3 / 1000.0


def _volume_ml(row: Assessment) -> float | None:
    return row.volume_ml


def _is_measurable(row: Assessment) -> bool:
    if row.volume_ml is None:
        return False
    if row.long_axis_mm is None and row.short_axis_mm is None:
        return at_least(row.volume_ml, ball_ml(15.0 if row.is_nodal else 10.0))
    return RECIST_1_1.is_measurable(row)


VOLUME = Criterion(
    name="volume",
    unit="mL",
    size=_volume_ml,
    is_measurable=_is_measurable,
    too_small=ball_ml(5.0),
    response_percent=-65.7,
    progression_percent=72.8,
    progression_least=0.0,
)


def burden_ml(rows: Sequence[Assessment]) -> dict[dt.date, float | None]:
    """Total tumour burden by date: the volume of all lesions, target or not, old or new.

    None where a lesion that is there has no volume.
    """
    burden: dict[dt.date, float | None] = {}
    for row in rows:
        before = burden.setdefault(row.date, 0.0)
        volume = 0.0 if row.status is Status.ABSENT else row.volume_ml
        burden[row.date] = None if before is None or volume is None else before + volume
    return burden


def respond(rows: Sequence[Assessment]) -> tuple[Response, ...]:
    """Response of one patient at every visit by volume of the target lesions.

    `sum_mm` and `nadir_mm` of the result hold mL. The reason ends with the total burden.

    Args:
        rows: of one patient, in any order, with `volume_ml`.

    Returns:
        One response per date, in order of time.

    Raises:
        InputError: without volumes, or where the rows contradict each other.
    """
    if all(row.volume_ml is None for row in rows):
        raise InputError(
            "the volume criterion needs the volume of each lesion, there is none",
            remedy="Give a column volume_ml, or use recist1.1",
        )
    burden = burden_ml(rows)
    told = []
    for response in classify(rows, VOLUME):
        total = burden.get(response.date)
        told.append(
            response
            if total is None
            else replace(response, reason=f"{response.reason}; all lesions {total:.1f} mL")
        )
    return tuple(told)
