"""What a run has found, before it is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lvt_track.agreement.records import ReaderComparison
from lvt_track.core.course import Course
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.register.frame import CommonFrame

__all__ = ["Findings"]


@dataclass(frozen=True, eq=False)
class Findings:
    """What a run has found.

    Attributes:
        course: the course.
        scans: its visits.
        frame: their registration.
        comparisons: with a radiologist's table, where there is one, a reader each.
        corrections: what readers said, as rows of their table.
    """

    course: Course
    scans: Sequence[VisitScan]
    frame: CommonFrame
    comparisons: Sequence[ReaderComparison] = ()
    corrections: Sequence[Mapping[str, Any]] = ()
