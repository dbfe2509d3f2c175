"""What a search below a folder turns up, before it is sorted into visits."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Series
from lvt_track.io.dates import date_in_name

__all__ = [
    "LEAST_SLICES",
    "FoundSeries",
    "LeftOut",
    "named_failures",
    "too_short",
]

LEAST_SLICES = 5
"""Fewer are no volume to follow tumours in."""

_LEAST_EXTENT_MM = 20.0
# Files with one fault are named one by one up to here, and by folder with their names beyond.
_MANY, _NAMED = 5, 24


@dataclass(frozen=True)
class LeftOut:
    """Something found that is not used.

    Attributes:
        path: file or folder.
        reason: why.
        is_failure: whether it should have been used but could not be.
        files: the files meant; empty where `path` is the only one.
    """

    path: Path
    reason: str
    is_failure: bool = False
    files: tuple[Path, ...] = ()


def named_failures(faults: Iterable[tuple[Path, str]]) -> list[LeftOut]:
    """Files that should have been used, each by itself, or by folder where many have one fault."""
    by_folder: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for path, reason in faults:
        by_folder[path.parent, reason].append(path)
    failures: list[LeftOut] = []
    for (folder, reason), paths in by_folder.items():
        if len(paths) < _MANY:
            failures += [LeftOut(path, reason, is_failure=True) for path in paths]
            continue
        names = ", ".join(path.name for path in paths[:_NAMED])
        more = ", …" if len(paths) > _NAMED else ""
        text = f"{len(paths)} files ({names}{more}): {reason}"
        failures.append(LeftOut(folder, text, is_failure=True, files=tuple(paths)))
    return failures


@dataclass(frozen=True)
class FoundSeries:
    """A usable CT series, with what is needed to place it in a patient's course.

    Attributes:
        series: the series.
        geometry: its grid.
        date: day of the scan by its header; None where that does not tell it.
        dated_path: the file or the folder above it whose name holds a date, if any.
        study: StudyInstanceUID, or the folder's name.
        patient: identity as far as it is known; empty where it is not.
        patient_name: as the header has it.
        patient_id: how reports call the patient; empty where nothing but a name is known.
        birth_date, sex: as the header has them; empty where it does not.
        acquisition_date: day of the acquisition, where the header tells it besides the date.
        impossible_date: a date in the header that no CT can have.
        image_uids: SOPInstanceUIDs of its DICOM images.
    """

    series: Series
    geometry: Geometry
    date: dt.date | None
    dated_path: Path | None
    study: str
    patient: str
    patient_id: str
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    acquisition_date: dt.date | None = None
    impossible_date: str = ""
    image_uids: frozenset[str] = frozenset()

    @property
    def path(self) -> Path:
        """The file, or the folder of a DICOM series."""
        first = self.series.files[0]
        return first.parent if self.series.is_dicom else first

    @property
    def folder_date(self) -> dt.date | None:
        """The date in its name or in a folder's, unless it is that of the patient's birth."""
        if self.dated_path is None:
            return None
        date = date_in_name(self.dated_path.resolve().name)
        return None if date is None or f"{date:%Y%m%d}" == self.birth_date else date


def too_short(geometry: Geometry) -> str:
    """Why a volume has too few slices to follow tumours in; empty when it has enough."""
    slices = geometry.shape[0]
    extent_mm = geometry.size_mm[0]
    if slices >= LEAST_SLICES and extent_mm >= _LEAST_EXTENT_MM:
        return ""
    return f"too short: {slices} slices, {extent_mm:.0f} mm"
