"""What a structured report tells of a visit."""

from __future__ import annotations

from dataclasses import dataclass

from lvt_track.core.lesion.lesion import Measurement
from lvt_track.core.response.assessment import Assessment
from lvt_track.core.response.response import Response

__all__ = ["ReportedLesion", "VisitReport"]


@dataclass(frozen=True)
class ReportedLesion:
    """One lesion at the visit, or one that is known and was not found there.

    Attributes:
        assessment: its name, role, status and sizes, and where it lies; of one that is not there
            the place that was looked at, if the scan shows it.
        track_uid: equal for one tumour at all visits.
        measurement: where its axes lie; None where it is absent or has no sizes.
        segment: its number in the segmentation; None where it has none.
        couinaud: segments of the liver that it lies in, 1 to 8; empty where not told.
        state: what became of its tumour over the course, in a word.
        links: in words, each lesion of an earlier visit that it was.
    """

    assessment: Assessment
    track_uid: str
    measurement: Measurement | None = None
    segment: int | None = None
    couinaud: tuple[int, ...] = ()
    state: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class VisitReport:
    """What is reported of a visit: its lesions, and its response by each criterion."""

    lesions: tuple[ReportedLesion, ...]
    responses: tuple[Response, ...]
