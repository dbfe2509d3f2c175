"""What goes wrong with an archive; nothing here repeats what a user authenticates with."""

from __future__ import annotations

import struct
import zlib

from pydicom.errors import InvalidDicomError

from lvt_track.errors import InputError

__all__ = ["UNDECODABLE", "ArchiveBusyError", "ArchiveError", "InstanceError"]

UNDECODABLE = (
    AttributeError,
    EOFError,
    IndexError,
    InvalidDicomError,
    KeyError,
    NotImplementedError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What the library raises at bytes that are no DICOM, when they are read or first looked at."""


class ArchiveError(InputError):
    """The archive refuses, or answers what cannot be used."""


class ArchiveBusyError(ArchiveError):
    """The archive is not there, too slow, or ended the transfer: another try may help."""


class InstanceError(ArchiveError):
    """An instance is gone, or no DICOM: the others of its series may come all the same."""
