"""What pull and push need of an archive, however it is spoken to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydicom.dataset import Dataset

__all__ = ["FIELDS", "Archive", "Level", "Receive", "SeriesKey"]


class Level(StrEnum):
    """What is looked for."""

    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


@dataclass(frozen=True)
class SeriesKey:
    """A series in an archive, by its UIDs."""

    study_uid: str
    series_uid: str


FIELDS: dict[Level, tuple[str, ...]] = {
    Level.STUDY: (
        "StudyInstanceUID",
        "StudyDate",
        "StudyDescription",
        "AccessionNumber",
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "PatientSex",
    ),
    Level.SERIES: (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
    ),
    Level.IMAGE: (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "SOPClassUID",
        "InstanceNumber",
        "ImageType",
        "AcquisitionDate",
        "AcquisitionTime",
        "ContrastBolusAgent",
        "ContrastBolusStartTime",
        "ProtocolName",
        "ConvolutionKernel",
        "SliceThickness",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "Rows",
        "Columns",
        "NumberOfFrames",
        "RescaleType",
    ),
}
"""What is asked of each level; archives leave out what they do not index."""

Receive = Callable[[Dataset], None]
"""Takes one instance, with its file meta information."""


class Archive(Protocol):
    """An archive; all methods raise `ArchiveError`, or `ArchiveBusyError` where it may recover."""

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Dataset]:
        """What matches the keys, with the fields of the level."""

    def fetch(self, series: SeriesKey, instances: Sequence[str], receive: Receive) -> None:
        """Hand over instances of a series as they arrive; all of it where none are named."""

    def store(self, path: Path) -> None:
        """Store the DICOM object of a file."""

    def close(self) -> None:
        """Let go of its connections."""
