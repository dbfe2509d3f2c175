"""From visits to a course: register, match, respond, compare phases, take key images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.course import (
    EDITED,
    GIVEN,
    Course,
    RegistrationQuality,
    VisitFindings,
)
from lvt_track.core.series import PhaseVolume
from lvt_track.lesions.corrections.decisions import Decisions
from lvt_track.lesions.corrections.edits import neck_warnings
from lvt_track.lesions.identity import SCAN_DIGITS, KnownVisit, identified, remembered
from lvt_track.lesions.lookback.change import still_shown, with_changes
from lvt_track.lesions.lookback.search import look_back
from lvt_track.lesions.matching.doubts import ModelFinds, doubt_model_finds
from lvt_track.lesions.matching.events import doubt_what_was_visible
from lvt_track.lesions.matching.match import match_course
from lvt_track.lesions.unseen import unshown_visits
from lvt_track.measure.phases import compare_phases
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.progress import Stopwatch
from lvt_track.pipeline.run.saved_alignments import alignment_digest, read_alignment
from lvt_track.register.align import Alignment
from lvt_track.register.course import register_course
from lvt_track.register.frame import CommonFrame
from lvt_track.response.course import respond_to_course, target_lesions
from lvt_track.response.criteria.catalogue import criteria_named
from lvt_track.segment.device import pick_device

__all__ = ["follow", "judge", "register_visits"]


def register_visits(scans: Sequence[VisitScan], run: Run) -> CommonFrame:
    """Bring all visits into one frame.

    A visit whose scan and masks are those of the run that is gone on with, as far as registration
    sees them, keeps its alignment.

    Raises:
        UsageError: when the machine has no such device.
    """
    names = [scan.findings.visit.name for scan in scans]
    images = [scan.image for scan in scans]
    kept: set[int] = set()

    def kept_alignment(reference: int, visit: int) -> Alignment | None:
        if run.folder is None or run.earlier is None:
            return None
        path = run.folder.alignment(names[reference], names[visit])
        digest = alignment_digest(images[reference], images[visit])
        alignment = read_alignment(path, digest, reference, images[visit].scan)
        if alignment is not None:
            kept.add(visit)
        return alignment

    def tell(visit: int) -> None:
        run.progress.step(f"{names[visit]}{', kept' if visit in kept else ''}")

    run.progress.stage("register", len(scans) - 1)
    with run.watch.stage("register"):
        device = pick_device(run.model.device)
        return register_course(images, tell, device, kept_alignment)


def follow(
    scans: Sequence[VisitScan], frame: CommonFrame, decisions: Decisions, run: Run
) -> Course:
    """Match the lesions of registered visits.

    Tumours that the manifest of the run knows keep their numbers and UIDs; it learns the others.
    """
    watch, manifest = run.watch, run.manifest
    lesions = [scan.findings.lesions for scan in scans]
    dates = [scan.findings.visit.date for scan in scans]
    shapes = {key: shape for scan in scans for key, shape in scan.shapes.items()}
    with watch.stage("match"):
        matching = match_course(lesions, frame, dates, shapes, decisions)
    seen = [
        KnownVisit(scan.findings.visit.date, scan.digest[:SCAN_DIGITS], scan.findings.lesions)
        for scan in scans
    ]
    ledger = manifest.known_tumors()
    tracks = identified(matching.tracks, seen, ledger, run.disclosure.patient)
    manifest.tumors = [tumor.facts() for tumor in remembered(tracks, seen, ledger)]
    visits = tuple(
        scan.findings if alignment is None else _registered(scan.findings, alignment.quality)
        for scan, alignment in zip(scans, frame.alignments, strict=True)
    )
    course = Course(
        patient=run.disclosure.patient,
        visits=visits,
        edges=matching.edges,
        tracks=tracks,
        phases=_phases(scans),
        warnings=(*decisions.remarks, *matching.warnings),
    )
    with watch.stage("look back"):
        livers = [scan.liver for scan in scans]
        course = replace(course, lookbacks=look_back(course, livers, frame))
        looks = with_changes(course, shapes, livers, frame)
        shown = still_shown(course, shapes, livers, frame)
    tracks = doubt_what_was_visible(course.tracks, looks, dates)
    drawn = [scan.findings.sources.get("tumors", GIVEN) not in (GIVEN, EDITED) for scan in scans]
    finds = ModelFinds(lesions, shapes, dates, drawn, looks, shown)
    tracks = doubt_model_finds(tracks, finds, frame)
    course = replace(course, tracks=tracks, lookbacks=looks)
    return replace(course, unshown=unshown_visits(course, frame))


def judge(course: Course, criteria: str, watch: Stopwatch) -> Course:
    """The course with its responses, and with a warning of lesions whose necks move a sum.

    Args:
        course: with its visits, edges and tracks.
        criteria: names of `response.criteria.catalogue`, with commas between.
        watch: for the time that it takes.

    Raises:
        UsageError: for a criterion that is not known.
    """
    with watch.stage("respond"):
        responses = tuple(
            response
            for criterion in criteria_named(criteria)
            for response in respond_to_course(course, criterion)
        )
    targets = target_lesions(course)
    visits = tuple(
        replace(findings, warnings=(*findings.warnings, *neck_warnings(findings.lesions, targets)))
        for findings in course.visits
    )
    return replace(course, visits=visits, responses=responses)


def _registered(findings: VisitFindings, quality: RegistrationQuality) -> VisitFindings:
    warnings = findings.warnings
    if not quality.is_reliable:
        text = f"could not be aligned with the other visits: {quality.reason}"
        remark = "its lesions are linked to none of theirs; check that it is of this patient"
        warnings = (*warnings, f"{text}; {remark}")
    return replace(findings, registration=quality, warnings=warnings)


def _phases(scans: Sequence[VisitScan]) -> tuple[PhaseVolume, ...]:
    return tuple(
        row
        for scan in scans
        if scan.phases
        for row in compare_phases(scan.findings.visit.date, scan.phases)
    )
