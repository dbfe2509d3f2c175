"""What a search below a folder turns up, before it is sorted into visits."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

from lvt_track.core.geometry import Geometry
from lvt_track.core.records import Series

__all__ = ["FoundSeries", "LeftOut", "date_below", "date_in_name", "too_short"]

_DATE = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})(?!\d)")

_LEAST_SLICES = 5
_LEAST_EXTENT_MM = 20.0


@dataclass(frozen=True)
class LeftOut:
    """Something found that is not used.

    Attributes:
        path: file or folder.
        reason: why.
        is_failure: whether it should have been used but could not be read.
    """

    path: Path
    reason: str
    is_failure: bool = False


@dataclass(frozen=True)
class FoundSeries:
    """A usable CT series, with what is needed to place it in a patient's course.

    Attributes:
        series: the series.
        geometry: its grid.
        date: day of the scan; None where nothing tells it.
        study: StudyInstanceUID, or the folder's name.
        patient: identity as far as it is known; empty where it is not.
        patient_id: how reports call the patient; empty where nothing but a name is known.
    """

    series: Series
    geometry: Geometry
    date: dt.date | None
    study: str
    patient: str
    patient_id: str

    @property
    def path(self) -> Path:
        """The file, or the folder of a DICOM series."""
        first = self.series.files[0]
        return first.parent if self.series.is_dicom else first


def date_in_name(name: str) -> dt.date | None:
    """A date written YYYY-MM-DD or YYYYMMDD inside a name."""
    for year, _, month, day in _DATE.findall(name):
        try:
            date = dt.date(int(year), int(month), int(day))
        except ValueError:
            continue
        if 1970 <= date.year <= 2100:
            return date
    return None


def date_below(path: Path, root: Path) -> dt.date | None:
    """The date in the name of the path or its nearest parent, up to and with `root`."""
    for part in reversed((root.resolve().name, *path.relative_to(root).parts)):
        date = date_in_name(part)
        if date is not None:
            return date
    return None


def too_short(geometry: Geometry) -> str:
    """Why a volume has too few slices to follow tumours in; empty when it has enough."""
    slices = geometry.shape[0]
    extent_mm = geometry.size_mm[0]
    if slices >= _LEAST_SLICES and extent_mm >= _LEAST_EXTENT_MM:
        return ""
    return f"too short: {slices} slices, {extent_mm:.0f} mm"
