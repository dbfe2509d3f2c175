"""Where an archive is: `https://host/dicom-web`, or `dicom://TITLE@host:port/OWNTITLE`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from lvt_track.errors import UsageError

__all__ = ["DimseAddress", "WebAddress", "parse_address"]

_FORMS = (
    "Give https://host/dicom-web, or dicom://TITLE@host:port (dicoms:// with TLS), with /OWNTITLE "
    "behind it where the archive expects a title other than LVT"
)
_CALLING_TITLE = "LVT"
_LONGEST_TITLE = 16  # PS3.5 6.2, AE


@dataclass(frozen=True)
class WebAddress:
    """Root of a DICOMweb service."""

    url: str
    host: str

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        return _is_loopback(self.host)

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class DimseAddress:
    """An application entity.

    Attributes:
        host, port: where it listens.
        title: its title.
        calling_title: the title by which it knows us.
        tls: whether the connection is encrypted.
    """

    host: str
    port: int
    title: str
    calling_title: str = _CALLING_TITLE
    tls: bool = False

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        return _is_loopback(self.host)

    def __str__(self) -> str:
        return f"{'dicoms' if self.tls else 'dicom'}://{self.title}@{self.host}:{self.port}"


def parse_address(text: str) -> WebAddress | DimseAddress:
    """Read an address.

    Raises:
        UsageError: when it is none, when it carries a password, or when it would send patients'
            data in the clear over HTTP to another machine.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UsageError("this is no address of an archive", remedy=_FORMS) from None
    if parts.password is not None or parts.query or parts.fragment:
        raise UsageError(
            "an address carries no password, token or query: it would stand in logs and lists of "
            "processes",
            remedy="Give them by --auth-file or LVT_ARCHIVE_TOKEN, _USER and _PASSWORD",
        )
    if parts.scheme in ("http", "https") and parts.hostname:
        return _web(text, parts)
    if parts.scheme in ("dicom", "dicoms") and parts.hostname and port and parts.username:
        return _dimse(parts, parts.hostname, port, parts.username)
    raise UsageError(f"“{text}” is no address of an archive", remedy=_FORMS)


def _web(text: str, parts: SplitResult) -> WebAddress:
    host = parts.hostname or ""
    if parts.username is not None:
        raise UsageError(
            "a user's name has no place in the address of an archive",
            remedy="Give it by --auth-file or LVT_ARCHIVE_USER",
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError(
            f"http:// would send patients' data in the clear to {host}", remedy="Use https://"
        )
    return WebAddress(text.rstrip("/"), host)


def _dimse(parts: SplitResult, host: str, port: int, title: str) -> DimseAddress:
    calling_title = parts.path.strip("/") or _CALLING_TITLE
    for name in (title, calling_title):
        if len(name) > _LONGEST_TITLE or "/" in name or not name.isascii():
            raise UsageError(f"“{name}” is no application entity title", remedy=_FORMS)
    return DimseAddress(host, port, title, calling_title, parts.scheme == "dicoms")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
