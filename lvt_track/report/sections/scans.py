"""Sections: what was read, and what a reader must know of it."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.course import Course, VisitFindings
from lvt_track.report.blocks import TEXT_WIDTH_MM, Block, Cell, Column, Table, Text
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.style import ALARM, INK, MUTED
from lvt_track.report.wording import all_warnings

__all__ = ["remarks", "scans"]


def scans(content: ReportContent) -> Sequence[Block]:
    """The scan of every visit, its masks and its registration."""
    course = content.course
    columns = (
        Column("Date", 20.0),
        Column("Series", 42.0),
        Column("Voxel x, y, z (mm)", 32.0),
        Column("Volume (mL), source of mask", 43.0),
        Column("Registration", TEXT_WIDTH_MM - 137.0),
    )
    table = Table(columns, tuple(_row(course, findings) for findings in course.visits))
    return [Text("The series of each visit that was followed."), table]


def remarks(content: ReportContent) -> Sequence[Block]:
    """All warnings, and the scans that were left out."""
    notes = [Cell((warning,), ALARM) for warning in all_warnings(content.course)]
    notes += [Cell((f"Left out: {scan}",)) for scan in content.facts.left_out]
    if not notes:
        return []
    return [Table((Column("", TEXT_WIDTH_MM),), tuple((note,) for note in notes))]


def _row(course: Course, findings: VisitFindings) -> tuple[Cell, ...]:
    series = findings.visit.tracked_series
    z, y, x = findings.geometry.spacing_mm
    volumes = (
        ("liver", findings.liver_ml),
        ("vessels", findings.vessels_ml),
        ("tumors", findings.tumors_ml),
    )
    masks = tuple(
        f"{name.replace('tumors', 'tumours')} {ml:.1f}, {findings.sources.get(name, 'not stated')}"
        for name, ml in volumes
    )
    quality = findings.registration
    if quality is None:
        registration = Cell(("reference visit",), MUTED)
    else:
        kept = "reliable" if quality.is_reliable else "not reliable"
        reference = course.visits[quality.reference].visit.name
        registration = Cell(
            (
                f"{quality.method}, {kept}",
                f"onto {reference}; liver Dice {quality.liver_dice:.3f}, surfaces "
                f"{quality.surface_distance_mm:.1f} mm apart",
            ),
            INK if quality.is_reliable else ALARM,
        )
    return (
        Cell((findings.visit.name, series.stated_phase), is_bold=True),
        Cell(tuple(text for text in (series.description, series.uid) if text)),
        Cell((f"{x:.2f} × {y:.2f} × {z:.2f}", f"slices {series.slice_thickness_mm:.2f} mm thick")),
        Cell(masks),
        registration,
    )
