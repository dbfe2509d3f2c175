"""In which of Couinaud's segments each lesion lies, where `lvt plan` has told them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.course import Course
from lvt_track.io.images.volumes import read_labels
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.planning.territories.couinaud import segments_of

__all__ = ["with_segments"]


def with_segments(course: Course, scans: Sequence[VisitScan], folder: RunFolder) -> Course:
    """The course, its lesions with the segments that `segments.nii.gz` of their visit shows.

    A map on another grid is of another scan than the one that is followed now, and tells nothing.
    """
    visits = []
    for findings, scan in zip(course.visits, scans, strict=True):
        path = folder.visit(findings.visit.name).segments
        if not path.exists() or not findings.lesions:
            visits.append(findings)
            continue
        segments, grid = read_labels(path)
        if not grid.is_close(findings.geometry):
            visits.append(findings)
            continue
        part = segments[scan.box].astype("uint8")
        lesions = tuple(
            replace(lesion, segments=segments_of(part[scan.labels == lesion.label]))
            for lesion in findings.lesions
        )
        visits.append(replace(findings, lesions=lesions))
    return replace(course, visits=tuple(visits))
