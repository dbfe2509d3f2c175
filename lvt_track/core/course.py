"""The whole course of one patient, as the report tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.lesion.lesion import Edge, Lesion, Track
from lvt_track.core.response.response import Response
from lvt_track.core.series import PhaseVolume, Visit
from lvt_track.core.volume import BoolArray

__all__ = [
    "CHANGED_RATE",
    "EDITED",
    "GIVEN",
    "Course",
    "KeyImage",
    "LookBack",
    "RegistrationQuality",
    "Segment",
    "Visibility",
    "VisitFindings",
]

GIVEN = "given"
"""Source of a mask that was given beside the scan, where others have the name of a model."""

EDITED = "edited"
"""Source of a mask that a reader has changed since lvt wrote it."""


@dataclass(frozen=True)
class RegistrationQuality:
    """How well one visit lies on the reference visit.

    Attributes:
        reference: index of the visit it was brought onto.
        method: the step that was kept: `identity`, `moments`, `rigid`, `affine`, `deformable`.
        liver_dice: overlap of the two livers after it, 0 to 1.
        surface_distance_mm: mean distance of the liver surfaces after it.
        folding_fraction: share of liver voxels where the Jacobian is not positive.
        inverse_error_mm: mean error of going there and back, inside the liver.
        is_reliable: whether matching may trust it.
        reason: why not, in words; empty when reliable.
    """

    reference: int
    method: str
    liver_dice: float
    surface_distance_mm: float
    folding_fraction: float
    inverse_error_mm: float
    is_reliable: bool
    reason: str = ""


FAINT_SHARE = 0.2
"""Of the contrast of a tumour: a spot of less is not the tumour of some visits before."""

CHANGED_RATE = 0.1
"""A place has changed where at most this share of the control places changed as much."""

MOST_SHARE = 0.5
"""Of the contrast of a tumour: where less of it has come since, most of it was there before."""

_SEEN_HU = 5.0
# Of a fainter tumour the share of what has come is noise.

Segment = tuple[tuple[float, float], tuple[float, float]]
"""A line in a picture: its ends as (y, x) pixel positions."""


@dataclass(frozen=True, eq=False)
class KeyImage:
    """One axial picture of a tumour's place at one visit.

    Attributes:
        track: number of the track.
        visit: index of the visit.
        hu: 2D crop (y, x) of the axial slice, patient right on the left side, front on top.
        pixel_mm: size of a pixel along y, x.
        outline: mask (y, x) of this track's lesions in the slice; all False where none is seen.
        others: mask (y, x) of all other tumours in the slice.
        long_axis: ends of the caliper as (y, x) pixel positions, or None.
        short_axis: likewise.
        caption: for example `38.2 × 25.0 mm`, one size for each piece of the tumour.
        pieces: calipers, long and short, of further pieces of the tumour measured in this slice.
        slice_index: the slice along z in the scan; None where no lesion was measured.
    """

    track: int
    visit: int
    hu: NDArray[np.float32]
    pixel_mm: tuple[float, float]
    outline: BoolArray
    others: BoolArray
    long_axis: Segment | None
    short_axis: Segment | None
    caption: str
    pieces: tuple[tuple[Segment, Segment], ...] = ()
    slice_index: int | None = None

    def __post_init__(self) -> None:
        if self.hu.ndim != 2 or self.outline.shape != self.hu.shape:
            raise ValueError(f"outline {self.outline.shape} does not fit hu {self.hu.shape}")
        if self.others.shape != self.hu.shape:
            raise ValueError(f"others {self.others.shape} does not fit hu {self.hu.shape}")


@dataclass(frozen=True)
class VisitFindings:
    """What was found at one visit.

    Attributes:
        visit: the visit.
        geometry: grid of its tracked series.
        liver_ml, vessels_ml, tumors_ml: volumes of the masks.
        lesions: its lesions, by label.
        sources: for each class, the model's name or GIVEN.
        registration: how it lies on the reference; None for the reference itself.
        warnings: what a reader must know of this visit.
    """

    visit: Visit
    geometry: Geometry
    liver_ml: float
    vessels_ml: float
    tumors_ml: float
    lesions: tuple[Lesion, ...]
    sources: dict[str, str] = field(default_factory=dict)
    registration: RegistrationQuality | None = None
    warnings: tuple[str, ...] = ()

    @property
    def burden_percent(self) -> float | None:
        """Tumour volume as a share of liver volume (tumours included); None without a liver."""
        return 100.0 * self.tumors_ml / self.liver_ml if self.liver_ml > 0 else None


class Visibility(StrEnum):
    """Whether an earlier scan shows a tumour that was found later."""

    VISIBLE = "visible"
    DOUBTFUL = "doubtful"
    NOT_VISIBLE = "not visible"
    NOT_COVERED = "not covered"


@dataclass(frozen=True)
class LookBack:
    """The place of a tumour in a scan taken before it was first detected.

    Attributes:
        track: number of the track.
        lesion: key (visit, label) of the lesion with which it was first detected.
        visit: index of the earlier visit.
        days_earlier: from the earlier visit to the detection.
        verdict: whether the scan shows it.
        reason: why, in words.
        place_mm: where it should lie, in the earlier visit's own frame.
        search_mm: how far around that place it was looked for.
        contrast_hu: of the most lesion-like spot there against the liver around it; negative is
            darker. This and all that follows is None where the place is not covered.
        cnr: that contrast in units of noise, which is the contrast that control places have.
        size_mm: diameter of the ball that fits the spot best.
        probability: highest tumour probability of the model there, 0 to 1; None without a model.
        false_alarm_rate: share of the control places that look as much like the lesion.
        controls: how many control places there were.
        change_hu: how much darker (negative) or brighter the tumour's extent has become since,
            against the liver around it; None but for the look that this is told of, and where it
            cannot be.
        change_rate: share of the control places, this one among them, that changed as much.
        found_contrast_hu: how much darker (negative) or brighter that extent is when it is found,
            against the liver around it; told where the change is.
        is_hidden: whether too little of the tumour's extent, or of what is around it, is plain
            liver in both scans, so that a change says nothing; told of the same look.
        found_rate: share of the control places, this one among them, that stand out as much when it
            is found, by their mean or by what is within them; told where the change is.
    """

    track: int
    lesion: tuple[int, int]
    visit: int
    days_earlier: int
    verdict: Visibility
    reason: str
    place_mm: Point
    search_mm: float
    contrast_hu: float | None = None
    cnr: float | None = None
    size_mm: float | None = None
    probability: float | None = None
    false_alarm_rate: float | None = None
    controls: int = 0
    change_hu: float | None = None
    change_rate: float | None = None
    found_contrast_hu: float | None = None
    is_hidden: bool = False
    found_rate: float | None = None

    def __post_init__(self) -> None:
        if self.visit >= self.lesion[0]:
            raise ValueError(f"visit {self.visit} is not before that of lesion {self.lesion}")

    @property
    def has_changed(self) -> bool | None:
        """Whether the place has changed since to what the tumour is; None where not told.

        Where it became brighter and the tumour is darker than its liver, something has gone; where
        less than half of the tumour's contrast has come since, the tumour was there.
        """
        if self.change_rate is None:
            return None
        is_gone = (self.change_hu or 0.0) * (self.found_contrast_hu or 0.0) < 0
        return self.change_rate <= CHANGED_RATE and not is_gone and not self.was_there

    @property
    def stands_out(self) -> bool | None:
        """Whether the tumour differs from its liver where it is found; None where not told.

        Either by what an eye sees, or by a rim or middle that control places do not have.
        """
        if self.found_contrast_hu is None or self.found_rate is None:
            return None
        return abs(self.found_contrast_hu) >= _SEEN_HU or self.found_rate <= CHANGED_RATE

    @property
    def was_there(self) -> bool:
        """Whether less than half of the tumour's contrast has come since; False where not told."""
        change_hu, found_hu = self.change_hu, self.found_contrast_hu
        if change_hu is None or found_hu is None or abs(found_hu) < _SEEN_HU:
            return False
        return 0.0 <= change_hu / found_hu < MOST_SHARE

    @property
    def is_fainter(self) -> bool:
        """Whether the place has changed, and the spot there is less than a fifth of the tumour."""
        if not self.has_changed or self.found_contrast_hu is None or self.contrast_hu is None:
            return False
        return abs(self.contrast_hu) < FAINT_SHARE * abs(self.found_contrast_hu)


@dataclass(frozen=True)
class Course:
    """A patient's course.

    Attributes:
        patient: the patient's name in the report.
        visits: by date; lesions, edges and tracks refer to them by index.
        edges: which lesion became which.
        tracks: tumours through time.
        responses: one per visit and criterion.
        phases: liver volume per contrast phase, for visits with several.
        warnings: what a reader must know of the whole.
        unshown: (track, visit) where a track is not found and nothing follows from that: its
            place lies outside the scan, no liver was found there, or the visit could not be
            aligned.
        lookbacks: by track and visit, the places of tumours in the scans before they were found.
    """

    patient: str
    visits: tuple[VisitFindings, ...]
    edges: tuple[Edge, ...] = ()
    tracks: tuple[Track, ...] = ()
    responses: tuple[Response, ...] = ()
    phases: tuple[PhaseVolume, ...] = ()
    warnings: tuple[str, ...] = ()
    unshown: frozenset[tuple[int, int]] = frozenset()
    lookbacks: tuple[LookBack, ...] = ()

    def __post_init__(self) -> None:
        dates = [findings.visit.date for findings in self.visits]
        if not dates or dates != sorted(dates):
            raise ValueError(f"a course needs visits in order of date, got {dates}")

    def lesion(self, key: tuple[int, int]) -> Lesion:
        """The lesion with this (visit, label).

        Raises:
            KeyError: when there is none.
        """
        visit, label = key
        for lesion in self.visits[visit].lesions:
            if lesion.label == label:
                return lesion
        raise KeyError(f"no lesion {label} at visit {visit}")

    def track_of(self, key: tuple[int, int]) -> Track:
        """The track that holds the lesion (visit, label).

        Raises:
            KeyError: when there is none.
        """
        for track in self.tracks:
            if key in track.lesions:
                return track
        raise KeyError(f"no track holds lesion {key}")

    def first_visible(self, track: int) -> LookBack | None:
        """The earliest look at a tumour from which on all scans that cover its place show it.

        Returns:
            None where the scan before its detection does not show it, or does not cover it.
        """
        first = None
        for look in sorted(
            (look for look in self.lookbacks if look.track == track), key=lambda look: -look.visit
        ):
            if look.verdict is Visibility.VISIBLE:
                first = look
            elif look.verdict is not Visibility.NOT_COVERED:
                break
        return first
