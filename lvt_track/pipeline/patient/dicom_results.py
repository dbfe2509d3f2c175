"""What a visit's archive gets back: a segmentation and a structured report beside its scan."""

from __future__ import annotations

from lvt_track.core.course import Course
from lvt_track.errors import InputError, OutputError
from lvt_track.lesions.unseen import with_expected_places
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.register.frame import CommonFrame
from lvt_track.response.course import rows_with_roles

__all__ = ["write_dicom_results"]


def write_dicom_results(
    course: Course, frame: CommonFrame, folder: RunFolder, manifest: Manifest
) -> tuple[str, ...]:
    """Write `seg.dcm` and `sr.dcm` of each visit whose tracked scan is DICOM.

    A tumour has one tracking UID in all visits, in both; its pieces at a visit are one segment,
    and lesions of their own in the report, with UIDs that follow from the tumour's.

    Args:
        course: the course.
        frame: its registration, by which lesions that a visit does not show have a place there.
        folder: of the run, with the masks of the visits.
        manifest: of the run, which dates the results.

    Returns:
        What could not be written, and why.

    Raises:
        OutputError: when a file cannot be written.
    """
    undone: list[str] = []
    rows = with_expected_places(rows_with_roles(course), course, frame)
    for visit, findings in enumerate(course.visits):
        files = folder.visit(findings.visit.name)
        for path in (files.segmentation, files.tumor_segmentation, files.structured_report):
            path.unlink(missing_ok=True)
        if not findings.visit.tracked_series.is_dicom:
            continue
        # What writes DICOM takes its time to load.
        from lvt_track.pipeline.patient.visit_dicom import write_visit

        try:
            write_visit(course, visit, rows, files, manifest)
        except OutputError:
            raise
        except Exception as error:  # whatever a header holds, the job is finished
            why = error.what if isinstance(error, InputError) else f"its header: {error}"
            undone.append(f"{findings.visit.name}: no DICOM results of this scan: {why}")
    return tuple(undone)
