"""An archive by its address, spoken to by DICOMweb or by DIMSE."""

from __future__ import annotations

from lvt_track.errors import UsageError
from lvt_track.io.archive.address import WebAddress, parse_address
from lvt_track.io.archive.archive import Archive
from lvt_track.io.archive.credentials import Credentials

__all__ = ["open_archive"]


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
