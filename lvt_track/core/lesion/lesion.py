"""What is known of tumours: sizes, lesions, the edges between them, tracks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lvt_track.core.lesion.caliper import Caliper, Point
from lvt_track.core.lesion.viability import Viability

__all__ = ["Edge", "Event", "Lesion", "Measurement", "Track", "TrackState"]


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
        doubt: what its own scan says against it, where a model drew it; empty where nothing.
        tumor_probability: that it is a tumour, 0 to 1, where the embedded model drew it; None where
            that is not known.
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
    doubt: str = ""
    tumor_probability: float | None = None

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
        progressed, not_progressed: keys of its lesions by which a reader says that it has, as a
            non-target, progressed unequivocally, or has not though it grew.
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
    progressed: frozenset[tuple[int, int]] = frozenset()
    not_progressed: frozenset[tuple[int, int]] = frozenset()
    note: str = ""
