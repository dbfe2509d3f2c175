"""What pull and push need of an archive, however it is spoken to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydicom.dataset import Dataset

from lvt_track.errors import UsageError
from lvt_track.io.archive.address import WebAddress, parse_address
from lvt_track.io.archive.credentials import Credentials

__all__ = ["FIELDS", "Archive", "Level", "Receive", "SeriesKey", "open_archive"]


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


def open_archive(
    address: str, credentials: Credentials, timeout_s: float, move_port: int | None = None
) -> Archive:
    """An archive by its address; nothing is sent yet.

    Args:
        address: see `parse_address`.
        credentials: what it may ask for.
        timeout_s: after which a silent archive is given up.
        move_port: where it is to send to by C-MOVE, for one that is spoken to by DIMSE; None for
            C-GET.

    Raises:
        UsageError: when the address is none, the extra `pacs` is not installed, or a port is given
            that DICOMweb has no use for.
    """
    where = parse_address(address)
    if isinstance(where, WebAddress):
        if move_port is not None:
            raise UsageError(
                "--move-port is for C-MOVE, and this is an address of DICOMweb",
                remedy="Give dicom://TITLE@host:port, or leave --move-port",
            )
        from lvt_track.io.archive.dicomweb import WebArchive

        return WebArchive(where, credentials, timeout_s)
    from lvt_track.io.archive.dimse import DimseArchive

    return DimseArchive(where, credentials, timeout_s, move_port)
