"""What an archive asks of a user, from a file or from the environment, never from arguments."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lvt_track.errors import InputError

__all__ = ["Credentials", "read_credentials"]

_SECRETS, _FILES = ("token", "user", "password"), ("client_cert", "client_key", "ca")
_KEYS = _SECRETS + _FILES
_EXAMPLE = 'Lines such as: token = "…", or user = "…" and password = "…"'


@dataclass(frozen=True)
class Credentials:
    """How a user is known to an archive; none of it is shown when this is printed.

    Attributes:
        token: bearer token; empty for none.
        user, password: of basic authentication, or of a DIMSE association; empty for none.
        client_cert, client_key: PEM files of the certificate that the archive asks for.
        ca: PEM file of who signed the archive's certificate, where this machine does not know it.
    """

    token: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    client_cert: Path | None = None
    client_key: Path | None = None
    ca: Path | None = None

    def __post_init__(self) -> None:
        for path in (self.client_cert, self.client_key, self.ca):
            if path is not None and not path.is_file():
                raise InputError("no such certificate or key", path=path)


def read_credentials(file: Path | None, environment: Mapping[str, str] = os.environ) -> Credentials:
    """Credentials by `LVT_ARCHIVE_TOKEN`, `_USER`, …, and above them by a TOML file.

    Args:
        file: with any of token, user, password, client_cert, client_key, ca; where there is one,
            relative paths are taken from its folder. It must not be readable by others.
        environment: variables.

    Raises:
        InputError: when the file cannot be used.
    """
    values = {
        key: environment[f"LVT_ARCHIVE_{key.upper()}"]
        for key in _KEYS
        if environment.get(f"LVT_ARCHIVE_{key.upper()}")
    }
    folder = Path()
    if file is not None:
        in_file = _read(file)
        if (
            "token" in in_file or "user" in in_file
        ):  # never the name of one with the password of another
            values = {key: value for key, value in values.items() if key in _FILES}
        values |= in_file
        folder = file.parent
    cert, key, ca = (folder / values[name] if name in values else None for name in _FILES)
    token, user, password = (values.get(name, "") for name in _SECRETS)
    return Credentials(token, user, password, cert, key, ca)


def _read(file: Path) -> dict[str, str]:
    try:
        mode = file.stat().st_mode
        text = file.read_text()
        values = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path=file) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # What the parser says may repeat the line.
        raise InputError("is no TOML", path=file, remedy=_EXAMPLE) from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError("others may read it", path=file, remedy="chmod 600 it")
    if not set(values) <= set(_KEYS) or not all(isinstance(v, str) for v in values.values()):
        raise InputError(f"knows {', '.join(_KEYS)} alone, each a text", path=file, remedy=_EXAMPLE)
    return values
