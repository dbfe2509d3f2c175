"""The pictures of a report: each tumour at every visit, and where earlier scans show it."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.course import Course, KeyImage
from lvt_track.lesions.unseen import expected_place
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.register.frame import CommonFrame
from lvt_track.report.drawing.key_images import LabelledVolume, visit_key_images
from lvt_track.report.sections.tumours.lookback import lookback_images
from lvt_track.report.timelines import pictured_tracks

__all__ = ["take_key_images", "take_lookback_images"]


def take_key_images(
    course: Course, scans: Sequence[VisitScan], frame: CommonFrame
) -> tuple[KeyImage, ...]:
    """One picture of each track the report shows at every visit, also where it was not seen."""
    shown = pictured_tracks(course)
    pictures: list[KeyImage] = []
    for k, scan in enumerate(scans):
        places = {
            track.number: expected_place(course, track, k, frame)
            for track in course.tracks
            if track.number in shown and all(visit != k for visit, _ in track.lesions)
        }
        pictures.extend(
            visit_key_images(course, k, LabelledVolume(scan.volume, scan.labels), places, shown)
        )
    return tuple(pictures)


def take_lookback_images(course: Course, scans: Sequence[VisitScan]) -> tuple[KeyImage, ...]:
    """Pictures of the places of later tumours in the scans before, and of the tumours found."""
    return tuple(
        picture
        for k, scan in enumerate(scans)
        for picture in lookback_images(course, k, LabelledVolume(scan.volume, scan.labels))
    )
