"""Write a course down: label maps, tables, transforms, PDF, HTML, DICOM."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lvt_track.agreement.records import ReaderComparison
from lvt_track.core.course import Course
from lvt_track.io.dicom.slice_planes import read_planes
from lvt_track.io.files import write_whole
from lvt_track.io.images.volumes import write_labels
from lvt_track.io.transforms import write_transform
from lvt_track.pipeline.patient.baseline_views import write_baseline_views
from lvt_track.pipeline.patient.build_course import take_key_images, take_lookback_images
from lvt_track.pipeline.patient.dicom_results import write_dicom_results
from lvt_track.pipeline.patient.report_basis import report_basis
from lvt_track.pipeline.patient.scene import take_scene
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.pipeline.planning.record import PlanRecord
from lvt_track.pipeline.radiologist.comparison import write_comparison
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.output import make_folder
from lvt_track.register.frame import CommonFrame
from lvt_track.report import tables
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.plan_views import PlanView, read_view
from lvt_track.report.facts import RunFacts
from lvt_track.report.html.document import write_html
from lvt_track.report.pdf import write_pdf
from lvt_track.report.viewer.colors import slicer_colors

__all__ = ["Findings", "write_label_maps", "write_outputs"]


@dataclass(frozen=True, eq=False)
class Findings:
    """What a run has found.

    Attributes:
        course: the course.
        scans: its visits.
        frame: their registration.
        comparison: with a radiologist's table, where there is one.
        corrections: what readers said, as rows of their table.
    """

    course: Course
    scans: Sequence[VisitScan]
    frame: CommonFrame
    comparison: ReaderComparison | None = None
    corrections: Sequence[Mapping[str, Any]] = ()


def write_outputs(findings: Findings, folder: RunFolder, run: Run) -> None:
    """Write tables, transforms, reports and DICOM results of a course.

    Raises:
        OutputError: when a file cannot be written.
    """
    course, scans, frame = findings.course, findings.scans, findings.frame
    _keep_date_of_same(findings, folder, run)
    with write_whole(folder.track_colors) as temporary:
        temporary.write_text(slicer_colors(course), encoding="utf-8")
    for name, table in tables.COURSE_TABLES.items():
        tables.write_table(table(course), folder.table(name))
    if findings.comparison is not None:
        write_comparison(findings.comparison, folder.path)
    _write_transforms(course, frame, folder)
    write_baseline_views(scans, frame, folder, run)
    for text in write_dicom_results(course, frame, folder, run.manifest):
        run.warn(text)
        run.manifest.warnings.append(text)
    pictures = take_key_images(course, scans, frame)
    looks = take_lookback_images(course, scans)
    plan = PlanRecord.read(folder)
    content = ReportContent(
        course,
        _facts(run.shown_manifest()),
        pictures,
        looks,
        findings.comparison,
        take_scene(course, scans, frame, folder.path / "visits"),
        findings.corrections,
        _slice_numbers(course),
        _rows(folder, "planning"),
        _rows(folder, "remnant"),
        _plan_views(folder, course),
        () if plan is None else tuple(plan.remarks),
    )
    write_pdf(content, folder.pdf)
    write_html(content, folder.html)


def _keep_date_of_same(findings: Findings, folder: RunFolder, run: Run) -> None:
    """Where an earlier run found the same from the same, results keep its date and its bytes."""
    manifest, earlier = run.manifest, run.earlier
    scans = [scan.digest for scan in findings.scans]
    shown = replace(run.shown_manifest(), settings=manifest.settings)
    manifest.basis = report_basis(shown, folder, scans, findings.corrections)
    if earlier is not None and earlier.basis == manifest.basis:
        manifest.started = earlier.started


def write_label_maps(scans: Sequence[VisitScan], course: Course, folder: RunFolder) -> None:
    """Write the lesions of each visit by their numbers there, and by those of their tracks.

    Raises:
        OutputError: when a file cannot be written.
    """
    for scan in scans:
        _write_lesions(scan, course, folder)


def _write_lesions(scan: VisitScan, course: Course, folder: RunFolder) -> None:
    """The lesions by their numbers at the visit, and by their tracks, alike at all visits."""
    files = folder.visit(scan.findings.visit.name)
    numbers = {key: track.number for track in course.tracks for key in track.lesions}
    track_of = np.zeros(int(scan.labels.max(initial=0)) + 1, dtype=np.int32)
    for lesion in scan.findings.lesions:
        track_of[lesion.label] = numbers.get(lesion.key, 0)
    for path, part in ((files.lesions, scan.labels), (files.tracks, track_of[scan.labels])):
        labels = scan.on_scan(part)
        write_labels(labels, scan.findings.geometry, path, like=scan.tracked.like)


def _write_transforms(course: Course, frame: CommonFrame, folder: RunFolder) -> None:
    make_folder(folder.transforms)
    dates = [findings.visit.name for findings in course.visits]
    for date, alignment in zip(dates, frame.alignments, strict=True):
        if alignment is not None:
            write_transform(alignment.transform, folder.transform(dates[frame.reference], date))


def _facts(manifest: Manifest) -> RunFacts:
    return RunFacts(
        made=manifest.began,
        version=manifest.version,
        models=tuple(f"{name} (sha256 {sha[:12]})" for name, sha in manifest.models.items()),
        left_out=tuple(
            f"{item.where}: {item.why}"
            for item in dict.fromkeys((*manifest.left_out, *manifest.failures))
        ),
    )


def _rows(folder: RunFolder, name: str) -> Sequence[Mapping[str, str]]:
    """The rows of a table that `lvt plan` wrote, as text; none where it did not."""
    path = folder.table(name)
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _plan_views(folder: RunFolder, course: Course) -> list[tuple[str, PlanView]]:
    """The pictures that `lvt plan` drew, with the visit of each."""
    dates = [findings.visit.name for findings in course.visits]
    views = [
        (date, read_view(path))
        for date in dates
        for path in sorted(folder.visit(date).views.glob("*.png"), key=_order)
    ]
    return [(date, view) for date, view in views if view is not None]


def _order(path: Path) -> tuple[int, str]:
    known = ("front", "below", "nearest")
    return (known.index(path.stem) if path.stem in known else len(known), path.stem)


def _slice_numbers(course: Course) -> dict[int, tuple[int, ...]]:
    """InstanceNumbers of the followed DICOM series, as other viewers show them."""
    followed = enumerate(findings.visit.tracked_series for findings in course.visits)
    return {
        visit: tuple(plane.number for plane in read_planes(series).slices)
        for visit, series in followed
        if series.is_dicom
    }
