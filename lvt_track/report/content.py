"""Everything that the report of one patient is made of, whatever it is written as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lvt_track.agreement.records import ReaderComparison
from lvt_track.core.course import Course, KeyImage
from lvt_track.report.facts import RunFacts

__all__ = ["Images", "ReportContent", "by_track_and_visit"]

Images = Mapping[tuple[int, int], KeyImage]
"""Pictures by track and visit."""


@dataclass(frozen=True, eq=False)
class ReportContent:
    """What a report tells.

    Attributes:
        course: what was found.
        facts: of the run.
        key_images: in any order; tracks and visits without one are shown as such.
        looks: pictures of the places of later tumours in the scans before.
        comparison: with a radiologist's table, where there is one.
    """

    course: Course
    facts: RunFacts
    key_images: Sequence[KeyImage] = ()
    looks: Sequence[KeyImage] = ()
    comparison: ReaderComparison | None = None


def by_track_and_visit(pictures: Sequence[KeyImage]) -> Images:
    """The pictures, to be looked up by track and visit."""
    return {(picture.track, picture.visit): picture for picture in pictures}
