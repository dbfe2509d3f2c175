"""What is known of scans: phases, series, given masks, visits, volumes by phase."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

__all__ = ["LAYER", "MaskSource", "Phase", "PhaseVolume", "Series", "Visit"]

LAYER = 1000
"""What the labels of a map's second layer begin with, where its segments overlap in layers."""


class Phase(StrEnum):
    """Contrast phase of a series."""

    NATIVE = "native"
    ARTERIAL = "arterial"
    PORTAL = "portal"
    DELAYED = "delayed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class MaskSource:
    """Where the mask of a class is given.

    Attributes:
        path: the file.
        labels: the values in it that are the class; empty where all but 0 are.
        is_dicom: whether it is a DICOM segmentation, whose segments `labels` numbers.
        others: further files that hold the rest of the class, a lesion or more each.
    """

    path: Path
    labels: tuple[int, ...] = ()
    is_dicom: bool = False
    others: tuple[MaskSource, ...] = ()

    def __post_init__(self) -> None:
        if 0 in self.labels:
            raise ValueError("label 0 is the background")
        if self.is_dicom and not self.labels:
            raise ValueError("a DICOM segmentation is given by its segments")

    @classmethod
    def joined(cls, sources: Sequence[MaskSource]) -> MaskSource:
        """One mask of several files; at least one."""
        first, *others = sources
        return replace(first, others=tuple(others))

    @property
    def parts(self) -> tuple[MaskSource, ...]:
        """Each file by itself, in order."""
        return (replace(self, others=()), *self.others)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return tuple(part.path for part in self.parts)

    def __str__(self) -> str:
        if self.others:
            return ", ".join(map(str, self.parts))
        if not self.labels:
            return self.path.name
        word = "segment" if self.is_dicom else "label"
        word += "s" if len(self.labels) > 1 else ""
        labels = (
            f"{label % LAYER} in layer {label // LAYER + 1}" if label > LAYER else str(label)
            for label in self.labels
        )
        return f"{word} {', '.join(labels)} of {self.path.name}"


@dataclass(frozen=True)
class Series:
    """One CT volume on disk, not yet read.

    Attributes:
        files: its files; for DICOM one per slice, sorted by position along the slice normal.
        uid: DICOM SeriesInstanceUID, or a name made from the path where there is none.
        description: what the header or the file name says.
        phase: contrast phase.
        shape: voxels along z, y, x.
        spacing_mm: voxel spacing along z, y, x.
        slice_thickness_mm: as stated by the header, else the spacing along z.
        is_dicom: whether the files are DICOM slices.
        masks: masks given beside the scan, by class name (`liver`, `vessels`, `tumors`).
        warnings: what a reader should know of it.
        frames: for DICOM with several frames a file, file and number (from 1) of each slice in
            order; empty where every file is one slice or one image.
        phase_confidence: of a phase that was told from pixels, 0 to 1; None where header or name
            says it, or nothing does.
    """

    files: tuple[Path, ...]
    uid: str
    description: str
    phase: Phase
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    slice_thickness_mm: float
    is_dicom: bool
    masks: dict[str, MaskSource] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    frames: tuple[tuple[Path, int], ...] = ()
    phase_confidence: float | None = None

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("a series needs at least one file")

    @property
    def phase_source(self) -> str:
        """Where the phase is known from: `header` (or name), `pixels`, or empty."""
        if self.phase is Phase.UNKNOWN:
            return ""
        return "header" if self.phase_confidence is None else "pixels"

    @property
    def stated_phase(self) -> str:
        """The phase in words, with its confidence where pixels told it."""
        if self.phase_confidence is None:
            return self.phase.value
        return f"{self.phase.value} (by pixels, {100 * self.phase_confidence:.0f} %)"


@dataclass(frozen=True)
class Visit:
    """The study of one date.

    Attributes:
        date: the day of the scan.
        study: DICOM StudyInstanceUID, or a name made from the path.
        series: all usable CT series of the study; at least one.
        tracked: index in `series` of the one that is followed through time.
    """

    date: dt.date
    study: str
    series: tuple[Series, ...]
    tracked: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.tracked < len(self.series):
            raise ValueError(f"tracked is {self.tracked}, there are {len(self.series)} series")

    @property
    def name(self) -> str:
        """The visit's name in tables and folders: its ISO date."""
        return self.date.isoformat()

    @property
    def tracked_series(self) -> Series:
        """The series followed through time."""
        return self.series[self.tracked]


@dataclass(frozen=True)
class PhaseVolume:
    """Volume of liver and tumours in one contrast phase of a study with several.

    Attributes:
        date: of the study.
        phase: contrast phase of the series.
        series: its description.
        liver_ml, tumors_ml: volumes, after the same cut of field of view as the other phases.
        deviation_percent: of the liver volume from that of the reference phase.
        deviation_from_mean_percent: from the mean over the study's phases.
        slice_thickness_mm: of the series.
        is_reference: whether this is the phase the others are compared with.
        warnings: what limits the comparison.
        tumors_deviation_percent: of the tumours' volume from that of the reference phase; None
            where that shows no tumour.
        tumors_deviation_from_mean_percent: from the mean over the study's phases.
    """

    date: dt.date
    phase: Phase
    series: str
    liver_ml: float
    tumors_ml: float
    deviation_percent: float | None
    deviation_from_mean_percent: float | None
    slice_thickness_mm: float
    is_reference: bool
    warnings: tuple[str, ...] = ()
    tumors_deviation_percent: float | None = None
    tumors_deviation_from_mean_percent: float | None = None
