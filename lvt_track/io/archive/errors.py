"""What goes wrong with an archive; nothing here repeats what a user authenticates with."""

from __future__ import annotations

from lvt_track.errors import InputError

__all__ = ["ArchiveBusyError", "ArchiveError"]


class ArchiveError(InputError):
    """The archive refuses, or answers what cannot be used."""


class ArchiveBusyError(ArchiveError):
    """The archive is not there, too slow, or ended the transfer: another try may help."""
