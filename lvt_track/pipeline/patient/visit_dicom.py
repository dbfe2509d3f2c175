"""Segmentation and structured report of one visit, on its DICOM scan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lvt_track.core.course import Course
from lvt_track.core.lesion.lesion import Lesion, Track
from lvt_track.core.response.assessment import Assessment
from lvt_track.io.images.volumes import read_labels, read_mask
from lvt_track.pipeline.run.folder import VisitFolder
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.report.dicom.layering import layers
from lvt_track.report.dicom.references import Author, SourceImages, derived_uid
from lvt_track.report.dicom.seg_type import SegSeries, SegType
from lvt_track.report.dicom.segmentation import Kind, Segment, write_segmentation
from lvt_track.report.dicom.structured_report.content import ReportedLesion, VisitReport
from lvt_track.report.dicom.structured_report.document import write_structured_report

__all__ = ["write_visit"]


def _author(course: Course, visit: int, manifest: Manifest) -> Author:
    sources = course.visits[visit].sources.values()
    model = next((source for source in sources if source in manifest.models), "")
    signed = dict.fromkeys(row.reader for row in manifest.known_corrections() if row.reader)
    return Author(manifest.version, manifest.began, model, tuple(signed))


def write_visit(
    course: Course,
    visit: int,
    rows: tuple[Assessment, ...],
    files: VisitFolder,
    manifest: Manifest,
) -> None:
    """Write `seg.dcm` and `sr.dcm` of a visit.

    Args:
        course: the course.
        visit: index of the visit, whose tracked scan is DICOM.
        rows: assessments of the course.
        files: of the visit, with its masks.
        manifest: of the run, which dates the results.

    Raises:
        InputError, OutputError: when the scan cannot be referred to, or a file not be written.
    """
    findings, author = course.visits[visit], _author(course, visit, manifest)
    series = findings.visit.tracked_series
    source = SourceImages(series.files, findings.geometry, series.frames)
    kind = SegType(manifest.settings.get("seg_type", SegType.BINARY))
    numbers: dict[str, int] = {}
    path: Path | None = None
    for part, segments in layers(_segments(course, visit, files), kind).items():
        if any(segment.mask().any() for segment in segments):
            is_second = part is SegSeries.TUMORS
            place = files.tumor_segmentation if is_second else files.segmentation
            drawn = write_segmentation(segments, source, place, author, part)
            # The report speaks of tumours, and refers to where they are.
            numbers = {segment.label: number for number, segment in enumerate(drawn, start=1)}
            path = place
    date = findings.visit.date
    content = VisitReport(
        tuple(_reported(course, visit, [row for row in rows if row.date == date], numbers)),
        tuple(response for response in course.responses if response.date == date),
    )
    write_structured_report(content, source, path, files.structured_report, author)


def _segments(course: Course, visit: int, files: VisitFolder) -> list[Segment]:
    findings = course.visits[visit]
    liver, vessels = (
        read_mask(files.mask(name), findings.geometry) for name in ("liver", "vessels")
    )
    labels, _ = read_labels(files.lesions)
    segments = [
        Segment("Liver", Kind.LIVER, liver, (1,), findings.sources["liver"]),
        Segment("Liver vessels", Kind.VESSELS, vessels, (1,), findings.sources["vessels"]),
    ]
    for track in course.tracks:
        values = tuple(label for at, label in track.lesions if at == visit)
        name, source = _tumour(str(track.number)), findings.sources["tumors"]
        segments.append(Segment(name, Kind.LESION, labels, values, source, track.uid, track.number))
    return segments


def _tumour(name: str) -> str:
    return f"Tumour {name}"


def _reported(
    course: Course, visit: int, rows: list[Assessment], numbers: Mapping[str, int]
) -> Iterator[ReportedLesion]:
    places = {lesion.centroid_mm: lesion for lesion in course.visits[visit].lesions}
    tracks = {track.number: track for track in course.tracks}
    for row in rows:
        lesion = places.get(row.position_mm) if row.position_mm is not None else None
        track = tracks[_track_number(row.lesion)]
        named = replace(
            row,
            lesion=_tumour(row.lesion),
            derived_from=tuple(_tumour(name) for name in row.derived_from),
        )
        yield ReportedLesion(
            named,
            _uid(row.lesion, track),
            None if lesion is None or row.long_axis_mm is None else lesion.measurement,
            numbers.get(_tumour(str(track.number))) if lesion is not None else None,
            () if lesion is None else lesion.segments,
            track.state.value,
            () if lesion is None else tuple(_links(course, lesion)),
        )


def _links(course: Course, lesion: Lesion) -> Iterator[str]:
    """The lesions of earlier visits that it was, in words."""
    for edge in sorted(course.edges, key=lambda edge: edge.earlier):
        if edge.later == lesion.key:
            date = course.visits[edge.earlier[0]].visit.name
            sure = "" if edge.confidence is None else f", confidence {edge.confidence:.2f}"
            by = "by a reader" if edge.source == "reader" else "automatic"
            yield f"{date} lesion {edge.earlier[1]}: {edge.event.value}, {by}{sure}"


def _track_number(name: str) -> int:
    """The track of a row: `3`, `3a`, `3.1`, `3a+3b` and `3n` are all of track 3."""
    number = re.match(r"\d+", name)
    if number is None:
        raise ValueError(f"{name!r} does not begin with the number of a track")
    return int(number[0])


def _uid(name: str, track: Track) -> str:
    return track.uid if name == str(track.number) else derived_uid(track.uid, name)
