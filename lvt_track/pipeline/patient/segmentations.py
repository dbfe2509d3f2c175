"""A DICOM segmentation of each visit whose scan is DICOM, for the archive it came from."""

from __future__ import annotations

from lvt_track.core.course import Course
from lvt_track.errors import InputError, OutputError
from lvt_track.io.images.volumes import read_labels, read_mask
from lvt_track.pipeline.run.folder import RunFolder, VisitFolder
from lvt_track.report.dicom.segmentation import Kind, Segment, write_segmentation

__all__ = ["write_segmentations"]


def write_segmentations(course: Course, folder: RunFolder, version: str) -> tuple[str, ...]:
    """Write `visits/<date>/seg.dcm` where the tracked scan is DICOM and something was found.

    A tumour has one tracking UID in all visits, which it keeps whatever is corrected; its
    pieces at a visit are one segment.

    Args:
        course: the course.
        folder: of the run, with the masks of the visits.
        version: of this program.

    Returns:
        What could not be written, and why.

    Raises:
        OutputError: when a file cannot be written.
    """
    undone = []
    for visit in range(len(course.visits)):
        found = course.visits[visit]
        series = found.visit.tracked_series
        files = folder.visit(found.visit.name)
        path = files.segmentation
        path.unlink(missing_ok=True)
        segments = _segments(course, visit, files) if series.is_dicom else []
        if not any(segment.labels.any() for segment in segments):
            continue
        try:
            write_segmentation(segments, series.files, found.geometry, path, version)
        except OutputError:
            raise
        except Exception as error:  # whatever a header holds, the job is finished
            why = error.what if isinstance(error, InputError) else f"its header: {error}"
            undone.append(f"{found.visit.name}: no DICOM segmentation of this scan: {why}")
    return tuple(undone)


def _segments(course: Course, visit: int, files: VisitFolder) -> list[Segment]:
    found = course.visits[visit]
    liver, vessels = (read_mask(files.mask(name), found.geometry) for name in ("liver", "vessels"))
    labels, _ = read_labels(files.lesions)
    segments = [
        Segment("Liver", Kind.LIVER, liver, (1,), found.sources["liver"]),
        Segment("Liver vessels", Kind.VESSELS, vessels, (1,), found.sources["vessels"]),
    ]
    for track in course.tracks:
        own = tuple(label for at, label in track.lesions if at == visit)
        name, source = f"Tumour {track.number}", found.sources["tumors"]
        segments.append(Segment(name, Kind.LESION, labels, own, source, track.uid))
    return segments
