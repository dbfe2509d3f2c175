"""What is known of a patient's course: series, visits, lesions, edges, tracks, response."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lvt_track.core.caliper import Caliper, Point
from lvt_track.core.doubt import ResponseDoubt
from lvt_track.core.viability import Viability

__all__ = [
    "Caliper",
    "Edge",
    "Event",
    "Lesion",
    "MaskSource",
    "Measurement",
    "Phase",
    "PhaseVolume",
    "Point",
    "Response",
    "Series",
    "Track",
    "TrackState",
    "Visit",
]


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
    """

    path: Path
    labels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if 0 in self.labels:
            raise ValueError("label 0 is the background")

    def __str__(self) -> str:
        if not self.labels:
            return self.path.name
        word = "label" if len(self.labels) == 1 else "labels"
        return f"{word} {', '.join(map(str, self.labels))} of {self.path.name}"


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
class Measurement:
    """Size of one lesion.

    Attributes:
        volume_ml: voxel count times voxel volume.
        long_axis: longest diameter in the acquired plane, over all slices.
        short_axis: longest perpendicular to it in the same slice.
        slice_index: that slice along z.
        mean_hu: mean HU inside; None without a CT.
        long_axis_3d_mm: longest diameter in any direction.
        drawn_long_axis_mm: what the mask says of the long axis, where that is measured between
            the edges in the image, or by a reader; None elsewhere.
    """

    volume_ml: float
    long_axis: Caliper
    short_axis: Caliper
    slice_index: int
    mean_hu: float | None = None
    long_axis_3d_mm: float | None = None
    drawn_long_axis_mm: float | None = None


@dataclass(frozen=True)
class Lesion:
    """One connected component (26-neighbour) of a visit's tumour mask.

    Attributes:
        visit: index of the visit in the course, by date.
        label: its value in the visit's `lesions.nii.gz`, from 1.
        centroid_mm: LPS centre of mass in the visit's own frame.
        measurement: its size.
        voxels: digest of the voxels it consists of, the same in every run that draws it so; empty
            where unknown.
        lumps_mm: long axes of the lumps that it consists of, joined by necks, largest lump first:
            it may be several lesions that touch; empty where it is one lump.
        is_cut: whether the scan ends in it, so that a part of it may not be shown.
        segments: Couinaud's, 1 to 8, that it lies in, most first; empty where not told.
        viability: what of it enhances in the arterial phase; None where that was not looked at.
    """

    visit: int
    label: int
    centroid_mm: Point
    measurement: Measurement
    voxels: str = ""
    lumps_mm: tuple[float, ...] = ()
    is_cut: bool = False
    segments: tuple[int, ...] = ()
    viability: Viability | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Visit index and label: unique in the patient."""
        return self.visit, self.label


class Event(StrEnum):
    """What an edge says of the two lesions it joins."""

    SAME = "same"
    SPLIT = "split"
    MERGE = "merge"


@dataclass(frozen=True)
class Edge:
    """ "This lesion became that one."

    Attributes:
        earlier: (visit, label) of the lesion at the earlier visit.
        later: (visit, label) at the later visit; visits between may have missed it.
        event: same, split or merge.
        cost: what matching paid for it; 0 is a perfect fit.
        source: `auto` or `reader`.
        confidence: 0 to 1; None where it was not estimated.
    """

    earlier: tuple[int, int]
    later: tuple[int, int]
    event: Event
    cost: float
    source: str = "auto"
    confidence: float | None = None

    def __post_init__(self) -> None:
        if self.earlier[0] >= self.later[0]:
            raise ValueError(f"an edge goes forward in time, got {self.earlier} -> {self.later}")


class TrackState(StrEnum):
    """What became of a tumour by the last visit."""

    PERSISTENT = "persistent"
    NEW = "new"
    DISAPPEARED = "disappeared"
    REAPPEARED = "reappeared"
    SPLIT = "split"
    MERGED = "merged"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Track:
    """One tumour through time: a connected piece of the lesion graph.

    Attributes:
        number: from 1, ordered by first visit, then by size there; a tumour that an earlier run
            of the same folder knew keeps the number it had.
        lesions: keys (visit, label) of its lesions, sorted.
        state: what became of it.
        events: in words, one per event, in order of time.
        reason: why the state is uncertain, or was until it was confirmed; empty otherwise.
        confirmed: index of the visit at which a tumour that was uncertain at first proved to be
            new; None where there was no such doubt, or where it stands.
        uid: DICOM UID of the tumour, the same in all scans and after every correction; empty
            where none was given.
        role: `target` or `non-target` where a reader says so; empty elsewhere.
        is_new_by_reader: whether a reader calls it new, so that no doubt of the program stands.
        note: what a reader remarks of its lesions; empty where nothing.
    """

    number: int
    lesions: tuple[tuple[int, int], ...]
    state: TrackState
    events: tuple[str, ...] = ()
    reason: str = ""
    confirmed: int | None = None
    uid: str = ""
    role: str = ""
    is_new_by_reader: bool = False
    note: str = ""


@dataclass(frozen=True)
class Response:
    """Response of one visit by one criterion.

    Attributes:
        date: of the visit.
        criterion: for example `RECIST 1.1`.
        unit: of the sum: `mm`, `mL`, or `mm²` for products of two diameters.
        total: sum over the target lesions in that unit; None when it cannot be formed.
        nadir: smallest sum before this visit, baseline included.
        change_from_baseline_percent, change_from_nadir_percent: None where undefined.
        target, non_target: response of target and of non-target lesions.
        new_lesion: whether new lesions were found.
        category, reason: overall response, and why, in words.
        new_lesions: names of the new lesions that count.
        lone_find: the one new lesion on which the category rests, where a model alone drew it.
        doubt: how sure the category is; None for the baseline, and where that was not asked for.
    """

    date: dt.date
    criterion: str
    unit: str
    total: float | None
    nadir: float | None
    change_from_baseline_percent: float | None
    change_from_nadir_percent: float | None
    target: str
    non_target: str
    new_lesion: bool
    category: str
    reason: str
    new_lesions: tuple[str, ...] = ()
    lone_find: str = ""
    doubt: ResponseDoubt | None = None

    @property
    def sum_mm(self) -> float | None:
        """The sum of diameters; None for criteria that add up no diameters."""
        return self.total if self.unit == "mm" else None

    @property
    def nadir_mm(self) -> float | None:
        """The smallest sum of diameters; None for criteria that add up no diameters."""
        return self.nadir if self.unit == "mm" else None

    @property
    def sum_ml(self) -> float | None:
        """The sum of volumes; None for criteria that add up no volumes."""
        return self.total if self.unit == "mL" else None

    @property
    def nadir_ml(self) -> float | None:
        """The smallest sum of volumes; None for criteria that add up no volumes."""
        return self.nadir if self.unit == "mL" else None

    @property
    def sum_mm2(self) -> float | None:
        """The sum of products of diameters; None for criteria that add up no products."""
        return self.total if self.unit == "mm²" else None

    @property
    def nadir_mm2(self) -> float | None:
        """The smallest sum of products; None for criteria that add up no products."""
        return self.nadir if self.unit == "mm²" else None


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
