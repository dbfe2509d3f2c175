"""From visits to a course: register, match, respond, compare phases, take key images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.course import Course, KeyImage
from lvt_track.core.records import PhaseVolume, Point, Track
from lvt_track.lesions.corrections import Correction
from lvt_track.lesions.match import match_course
from lvt_track.measure.phases import compare_phases
from lvt_track.pipeline.progress import Progress, Stopwatch
from lvt_track.pipeline.visits import VisitScan
from lvt_track.register.align import align, choose_reference
from lvt_track.register.frame import CommonFrame
from lvt_track.report.keyimages import key_image
from lvt_track.response.course import respond_to_course

__all__ = ["follow", "take_key_images"]


def follow(
    patient: str,
    scans: Sequence[VisitScan],
    corrections: Sequence[Correction],
    watch: Stopwatch,
    progress: Progress,
) -> tuple[Course, CommonFrame]:
    """Register the visits, match their lesions, and classify the response."""
    with watch.stage("register"):
        frame = _register(scans, progress)
    with watch.stage("match"):
        matching = match_course(
            [scan.findings.lesions for scan in scans],
            frame,
            [scan.findings.visit.date for scan in scans],
            corrections=corrections,
        )
    visits = tuple(
        replace(scan.findings, registration=frame.quality(k)) for k, scan in enumerate(scans)
    )
    course = Course(
        patient=patient,
        visits=visits,
        edges=matching.edges,
        tracks=matching.tracks,
        phases=_phases(scans),
        warnings=matching.warnings,
    )
    with watch.stage("respond"):
        responses = respond_to_course(course)
    return replace(course, responses=responses), frame


def _register(scans: Sequence[VisitScan], progress: Progress) -> CommonFrame:
    images = [scan.image for scan in scans]
    reference = choose_reference(images)
    progress.stage("register", len(images) - 1)
    alignments = {}
    for k, image in enumerate(images):
        if k != reference:
            alignments[k] = align(images[reference], image, reference)
            progress.step(scans[k].findings.visit.name)
    return CommonFrame(reference, images, alignments)


def _phases(scans: Sequence[VisitScan]) -> tuple[PhaseVolume, ...]:
    rows: list[PhaseVolume] = []
    for scan in scans:
        if len(scan.phases) > 1:
            rows.extend(
                compare_phases(
                    scan.findings.visit.date,
                    [(phase.series, phase.masks) for phase in scan.phases],
                )
            )
    return tuple(rows)


def take_key_images(
    course: Course, scans: Sequence[VisitScan], frame: CommonFrame
) -> tuple[KeyImage, ...]:
    """One picture of every track at every visit, also where it was not seen."""
    pictures = []
    for track in course.tracks:
        for k, scan in enumerate(scans):
            own = [course.lesion(key) for key in track.lesions if key[0] == k]
            place = None if own else _place(course, track, k, frame)
            pictures.append(
                key_image(scan.volume, scan.labels, own, place, track=track.number, visit=k)
            )
    return tuple(pictures)


def _place(course: Course, track: Track, visit: int, frame: CommonFrame) -> Point:
    """Where a track that was not found at a visit should lie there."""
    nearest = min(track.lesions, key=lambda key: (abs(key[0] - visit), key))
    x, y, z = frame.map_points([course.lesion(nearest).centroid_mm], nearest[0], visit)[0]
    return float(x), float(y), float(z)
