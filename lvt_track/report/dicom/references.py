"""What a DICOM result says of the scan it was made from: its images, its study, its UIDs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from lvt_track.core.geometry import Geometry
from lvt_track.errors import InputError
from lvt_track.report.dicom.source_header import read_source_header

__all__ = ["Author", "SourceImages", "derived_uid", "set_dates"]

_NEEDED = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
)
# Seconds since then fit the 31 bits of an instance's number until 2088.
_NUMBERED_FROM = dt.datetime(2020, 1, 1)


@dataclass(frozen=True)
class Author:
    """What made a report.

    Attributes:
        version: of this program.
        model: that drew the masks; empty where all were given.
        readers: who signed corrections.
        made: when the run began, which dates the report: the same run gives the same report.
    """

    version: str
    made: dt.datetime
    model: str = ""
    readers: tuple[str, ...] = ()

    @property
    def instance_number(self) -> int:
        """Grows with time: of the instances of a series, viewers show the one numbered highest."""
        made = self.made.astimezone(dt.UTC) if self.made.tzinfo else self.made
        return int((made.replace(tzinfo=None) - _NUMBERED_FROM).total_seconds())


def derived_uid(*words: str) -> str:
    """A UID that follows from words: the same content has the same UID whenever it is made."""
    return str(generate_uid(entropy_srcs=list(words)))


def set_dates(document: Dataset, made: dt.datetime) -> None:
    """Date a result by the run that made it, so that the same run gives the same bytes."""
    for name in ("Content", "InstanceCreation", "Series"):
        setattr(document, f"{name}Date", made.strftime("%Y%m%d"))
        setattr(document, f"{name}Time", made.strftime("%H%M%S"))
    for equipment in document.get("ContributingEquipmentSequence", ()):
        if "ContributionDateTime" in equipment:
            equipment.ContributionDateTime = made.strftime("%Y%m%d%H%M%S")


@dataclass(frozen=True)
class SourceImages:
    """A scan whose voxels a result refers to.

    Attributes:
        files: one per slice in the order of the array, or those that hold its frames.
        geometry: grid of the scan.
        frames: file and number (from 1) of each slice's frame, in the order of the array; empty
            where each slice is a file.
    """

    files: tuple[Path, ...]
    geometry: Geometry
    frames: tuple[tuple[Path, int], ...] = ()

    @property
    def is_multiframe(self) -> bool:
        """Whether the slices are frames."""
        return bool(self.frames)

    @cached_property
    def first(self) -> Dataset:
        """Header of the first image."""
        return read_source_header(self.files[0])

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID of the scan."""
        return str(self.first.get("SeriesInstanceUID", ""))

    @property
    def series_number(self) -> int:
        """SeriesNumber of the scan; 0 where it is none."""
        return int(self.first.SeriesNumber)

    def images(self, slices: Sequence[int]) -> list[Dataset]:
        """Headers of the images that hold these slices, each once, complete enough to refer to.

        Raises:
            InputError: when they have no UIDs of their own, or no frame of reference.
        """
        files = [path for path, _ in self.frames] or self.files
        images = [read_source_header(path) for path in dict.fromkeys(files[k] for k in slices)]
        missing = [name for name in _NEEDED if any(not image.get(name) for image in images)]
        if missing:
            raise InputError(f"its images have no {', '.join(missing)}", path=self.files[0].parent)
        if len({image.SOPInstanceUID for image in images}) < len(images):
            raise InputError(
                "several of its images have the same SOPInstanceUID", path=self.files[0].parent
            )
        return images

    def frame_of(self, slice_index: int) -> int | None:
        """Number of the frame that shows a slice, from 1; None where each slice is an image."""
        return self.frames[slice_index][1] if self.is_multiframe else None
