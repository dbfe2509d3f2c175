"""From visits with masks to the end of the job, the same for `lvt track` and `lvt report`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lvt_track.agreement.records import ReaderComparison
from lvt_track.core.course import Course
from lvt_track.lesions.corrections.table import Correction
from lvt_track.pipeline.patient.build_course import follow, judge, register_visits
from lvt_track.pipeline.patient.couinaud import with_segments
from lvt_track.pipeline.patient.findings import Findings
from lvt_track.pipeline.patient.reader_edits import obey_reader
from lvt_track.pipeline.patient.result import TrackResult
from lvt_track.pipeline.patient.visit.conglomerates import agree_on_labels
from lvt_track.pipeline.patient.visit.cysts import agree_on_cysts
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.pipeline.patient.write_outputs import write_label_maps, write_outputs
from lvt_track.pipeline.planning.course import plan_course
from lvt_track.pipeline.radiologist.comparison import compare_with_readers
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.context import Run

__all__ = ["conclude"]


def conclude(
    scans: Sequence[VisitScan], reader: ReaderTables, links: Sequence[Correction], run: Run
) -> TrackResult:
    """Follow the tumours through the visits, tell their course, and end the run.

    Args:
        scans: the visits by date, as they were drawn.
        reader: tables that a reader brings.
        links: its corrections.
        run: the run.

    Raises:
        InputError: when a reader's table does not belong to this course.
        UsageError: when the machine has no such device.
        OutputError: when a file cannot be written.
    """
    frame = register_visits(scans, run)
    scans = agree_on_cysts(scans, frame, run)
    scans = agree_on_labels(scans, frame, links)
    scans, decisions = obey_reader(scans, links)
    course = follow(scans, frame, decisions, run)
    course = judge(course, str(run.manifest.settings["criteria"]), run.watch)
    run.manifest.corrections = [one.facts() for one in decisions.corrections]
    if run.folder is not None:
        with run.watch.stage("report"):
            write_label_maps(scans, course, run.folder)
        plan_course(course, run.folder, run)
        course = with_segments(course, scans, run.folder)
    _report_warnings(course, run)
    course = replace(course, warnings=(*run.manifest.warnings, *course.warnings))
    comparisons: tuple[ReaderComparison, ...] = ()
    if reader.source is not None:
        comparisons = compare_with_readers(course, reader.source)
        for one in comparisons:
            where = f"{reader.source.path.name}{', ' if one.reader else ''}{one.reader}"
            for text in one.remarks:
                run.warn(f"{where}: {text}")
        comparisons = tuple(run.disclosure.comparison(one) for one in comparisons)
    course = run.disclosure.course(course)
    if run.folder is not None:
        with run.watch.stage("report"):
            corrections = tuple(row.facts() for row in decisions.corrections)
            write_outputs(Findings(course, scans, frame, comparisons, corrections), run.folder, run)
    is_same = run.earlier is not None and run.earlier.basis == run.manifest.basis != ""
    run.manifest.seconds = run.earlier.seconds if run.earlier and is_same else run.watch.seconds
    run.manifest.finished = run.earlier.finished if run.keeps_masks and run.earlier else True
    run.save_manifest()
    folder = run.folder.path if run.folder else None
    failures = tuple(run.shown_manifest().failures)
    return TrackResult(folder, course, failures, run.watch.seconds)


def _report_warnings(course: Course, run: Run) -> None:
    for visit in course.visits:
        for text in visit.warnings:
            run.warn(f"{visit.visit.name}: {text}")
    for text in course.warnings:
        run.warn(text)
