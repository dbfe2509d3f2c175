"""Section: liver and tumours in the contrast phases of one study."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.series import PhaseVolume
from lvt_track.report.blocks import TEXT_WIDTH_MM, Block, Cell, Column, Table, Text
from lvt_track.report.content import ReportContent
from lvt_track.report.wording import typeset

__all__ = ["phases"]

_NOTE = (
    "One liver, scanned several times within minutes: the differences show how steady the "
    "volumes are. About 5 % between phases is usual for the liver; tumours differ by more, for "
    "each phase shows them otherwise. Below a liver or tumour volume: its difference from the "
    "reference phase."
)


def phases(content: ReportContent) -> Sequence[Block]:
    """A row per phase; nothing where no study has several."""
    if not content.course.phases:
        return []
    columns = (
        Column("Date", 20.0),
        Column("Phase", 20.0),
        Column("Series", 42.0),
        Column("Slices (mm)", 14.0, "right"),
        Column("Liver (mL)", 20.0, "right"),
        Column("From mean", 16.0, "right"),
        Column("Tumours (mL)", 20.0, "right"),
        Column("Remarks", TEXT_WIDTH_MM - 152.0),
    )
    return [Text(_NOTE), Table(columns, tuple(_row(phase) for phase in content.course.phases))]


def _row(phase: PhaseVolume) -> tuple[Cell, ...]:
    def volume(text: str, deviation: float | None) -> Cell:
        return Cell((text, "reference" if phase.is_reference else _deviation(deviation)))

    return (
        Cell((phase.date.isoformat(),)),
        Cell((phase.phase.value,)),
        Cell((phase.series,)),
        Cell((f"{phase.slice_thickness_mm:.2f}",)),
        volume(f"{phase.liver_ml:.0f}", phase.deviation_percent),
        Cell((_deviation(phase.deviation_from_mean_percent),)),
        volume(f"{phase.tumors_ml:.2f}", phase.tumors_deviation_percent),
        Cell(("; ".join(phase.warnings),)),
    )


def _deviation(value: float | None) -> str:
    """A difference with its sign; nothing rounds to minus zero."""
    return "–" if value is None else typeset(f"{round(value, 1) + 0.0:+.1f}\u00a0%")
