"""report.pdf and report.html of a course."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from lvt_track.core.course import Course
from lvt_track.io.dicom.slice_planes import read_planes
from lvt_track.pipeline.patient.documents.key_images import take_key_images, take_lookback_images
from lvt_track.pipeline.patient.documents.scene import take_scene
from lvt_track.pipeline.patient.findings import Findings
from lvt_track.pipeline.planning.record import PlanRecord
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.plan_views import PlanView, read_view
from lvt_track.report.facts import RunFacts
from lvt_track.report.html.document import write_html
from lvt_track.report.pdf import write_pdf

__all__ = ["write_documents"]


def write_documents(findings: Findings, folder: RunFolder, run: Run) -> None:
    """Write both; tables and masks of the run must be there.

    Raises:
        OutputError: when a file cannot be written.
    """
    course, scans, frame = findings.course, findings.scans, findings.frame
    pictures = take_key_images(course, scans, frame)
    looks = take_lookback_images(course, scans)
    plan = PlanRecord.read(folder)
    content = ReportContent(
        course,
        _facts(run.shown_manifest()),
        pictures,
        looks,
        next(iter(findings.comparisons), None),
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
