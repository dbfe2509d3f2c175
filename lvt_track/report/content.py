"""Everything that the report of one patient is made of, whatever it is written as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lvt_track.agreement.records import ReaderComparison
from lvt_track.core.course import Course, KeyImage
from lvt_track.report.drawing.plan_views import PlanView
from lvt_track.report.facts import RunFacts
from lvt_track.report.viewer.scene import Scene

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
        scene: the visits for the interactive page; None for a page of pictures.
        slice_numbers: by visit, the InstanceNumber of every slice in the order of the array; only
            for scans that have such numbers.
        sites, remnants: rows of planning.csv and remnant.csv as text, where a plan was made.
        plan_views: its pictures, each with the date of its visit.
        plan_remarks: what a reader must know of the plan, by visit.
        corrections: what readers said, one mapping from column to value per row of their table.
    """

    course: Course
    facts: RunFacts
    key_images: Sequence[KeyImage] = ()
    looks: Sequence[KeyImage] = ()
    comparison: ReaderComparison | None = None
    scene: Scene | None = None
    corrections: Sequence[Mapping[str, Any]] = ()
    slice_numbers: Mapping[int, Sequence[int]] = field(default_factory=dict)
    sites: Sequence[Mapping[str, str]] = ()
    remnants: Sequence[Mapping[str, str]] = ()
    plan_views: Sequence[tuple[str, PlanView]] = ()
    plan_remarks: Sequence[str] = ()


def by_track_and_visit(pictures: Sequence[KeyImage]) -> Images:
    """The pictures, to be looked up by track and visit."""
    return {(picture.track, picture.visit): picture for picture in pictures}
