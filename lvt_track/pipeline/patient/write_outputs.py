"""Write a course down: label maps, tables, transforms, PDF, HTML, DICOM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lvt_track.core.course import Course
from lvt_track.io.files import write_whole
from lvt_track.io.images.volumes import write_labels
from lvt_track.io.transforms import write_transform
from lvt_track.pipeline.patient.baseline_views import write_baseline_views
from lvt_track.pipeline.patient.dicom_results import write_dicom_results
from lvt_track.pipeline.patient.findings import Findings
from lvt_track.pipeline.patient.report_basis import report_basis
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.pipeline.radiologist.comparison import write_comparisons
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.output import make_folder
from lvt_track.pipeline.run.saved_alignments import alignment_digest, write_alignment
from lvt_track.register.frame import CommonFrame
from lvt_track.report import tables
from lvt_track.report.viewer.colors import slicer_colors

__all__ = ["write_label_maps", "write_outputs"]


def write_outputs(findings: Findings, folder: RunFolder, run: Run) -> None:
    """Write tables, transforms, DICOM results and, unless only tables are asked for, reports.

    Raises:
        OutputError: when a file cannot be written.
    """
    course, scans, frame = findings.course, findings.scans, findings.frame
    _keep_date_of_same(findings, folder, run)
    with write_whole(folder.track_colors) as temporary:
        temporary.write_text(slicer_colors(course), encoding="utf-8")
    for name, table in tables.COURSE_TABLES.items():
        tables.write_table(table(course), folder.table(name))
    if findings.comparisons:
        write_comparisons(findings.comparisons, folder.path)
    _write_transforms(scans, frame, folder)
    write_baseline_views(scans, frame, folder, run)
    for text in write_dicom_results(course, frame, folder, run.manifest):
        run.warn(text)
        run.manifest.warnings.append(text)
    if run.tables_only:
        for path in (folder.pdf, folder.html):
            path.unlink(missing_ok=True)  # of an earlier run
        return
    # Loads what draws, which a run of tables alone does without.
    from lvt_track.pipeline.patient.documents.write import write_documents

    write_documents(findings, folder, run)


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
        # Small before it is spread over the whole scan: four bytes a voxel are 130 MB there.
        small = part.astype(np.min_scalar_type(int(part.max(initial=0))))
        labels = scan.on_scan(small)
        write_labels(labels, scan.findings.geometry, path, like=scan.tracked.like)


def _write_transforms(scans: Sequence[VisitScan], frame: CommonFrame, folder: RunFolder) -> None:
    make_folder(folder.transforms)
    fixed = scans[frame.reference]
    for scan, alignment in zip(scans, frame.alignments, strict=True):
        if alignment is not None:
            names = fixed.findings.visit.name, scan.findings.visit.name
            write_transform(alignment.transform, folder.transform(*names))
            digest = alignment_digest(fixed.image, scan.image)
            write_alignment(alignment, digest, folder.alignment(*names))
