"""What was said of one lesion at one visit: the row from which response is judged."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from lvt_track.core.lesion.caliper import Point
from lvt_track.core.response.sites import NODE, organ_of
from lvt_track.core.series import Phase

__all__ = ["LIVER", "NODE", "Assessment", "Role", "Status"]


LIVER = "liver"
"""The organ of lesions of which nothing else is said."""


class Role(StrEnum):
    """What a lesion counts as."""

    TARGET = "target"
    NON_TARGET = "non-target"
    NEW = "new"


class Status(StrEnum):
    """What was found of a lesion at a visit.

    `MEASURED` also stands for a lesion that is there but has no size, as non-target and new
    lesions often do. `PROGRESSION` is a reader's word: unequivocal progression of a non-target.
    `EQUIVOCAL` is a finding that may or may not be a new lesion.
    """

    MEASURED = "measured"
    ABSENT = "absent"
    TOO_SMALL = "too small"
    NOT_DONE = "not done"
    PROGRESSION = "progression"
    EQUIVOCAL = "equivocal"


@dataclass(frozen=True)
class Assessment:
    """One lesion at one visit.

    Attributes:
        date: of the visit.
        lesion: its name, the same at every visit.
        patient: name of the patient; may be empty where there is only one.
        role: None where it is not said; it then follows from the baseline.
        site: organ, as written; a site that names a node is nodal.
        long_axis_mm, short_axis_mm, volume_ml: None where not measured.
        enhancing_mm: longest diameter of the part that enhances in the arterial phase, for
            mRECIST; 0 where nothing enhances any more.
        enhancing_short_mm: longest diameter of that part perpendicular to it, for EASL.
        enhancing_phase: contrast phase in which that was measured, where it is another one than
            `phase`; None where it is the same.
        enhancing_reason: why it was not measured; empty where it was, or nothing is known.
        mean_hu: mean attenuation of the whole lesion, for Choi.
        status: what was found.
        position_mm: LPS place, None where not given.
        height_mm: LPS z of the slice, where the slice is known but not the place in it.
        derived_from: the baseline lesions it came from. One name: it is a piece of that lesion,
            which split. Several: these have merged into it.
        phase: contrast phase in which it was measured.
        slice_thickness_mm: of the scan; None where not known.
        line: where it stands in the file it was read from.
        is_no_progression: whether a reader says that its growth, as a non-target, is no unequivocal
            progression.
        remark: why it was not measured, or why it is not certain; for example that the scan ends
            in it.

    Raises:
        ValueError: for sizes that are not positive, or a lesion without a name.
    """

    date: dt.date
    lesion: str
    patient: str = ""
    role: Role | None = None
    site: str = LIVER
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    volume_ml: float | None = None
    enhancing_mm: float | None = None
    enhancing_short_mm: float | None = None
    enhancing_phase: Phase | None = None
    enhancing_reason: str = ""
    mean_hu: float | None = None
    status: Status = Status.MEASURED
    position_mm: Point | None = None
    height_mm: float | None = None
    derived_from: tuple[str, ...] = ()
    phase: Phase = Phase.UNKNOWN
    slice_thickness_mm: float | None = None
    line: int | None = None
    is_no_progression: bool = False
    remark: str = ""

    def __post_init__(self) -> None:
        if not self.lesion:
            raise ValueError("a lesion needs a name")
        for name in ("long_axis_mm", "short_axis_mm", "volume_ml"):
            size = getattr(self, name)
            if size is not None and not 0 < size < float("inf"):
                raise ValueError(f"{name} must be positive, got {size}")
        for name in ("enhancing_mm", "enhancing_short_mm"):
            size = getattr(self, name)
            if size is not None and not 0 <= size < float("inf"):
                raise ValueError(f"{name} must not be negative, got {size}")

    @property
    def is_nodal(self) -> bool:
        """Whether the site is a lymph node."""
        return self.organ == NODE

    @property
    def organ(self) -> str:
        """The organ of the site; lobes, segments and sides are parts, all lymph nodes one."""
        return organ_of(self.site)
