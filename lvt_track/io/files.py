"""Files written whole or not at all, their digests, and tables of settings."""

from __future__ import annotations

import errno
import hashlib
import secrets
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lvt_track.errors import InputError, OutputError

__all__ = ["output_error", "read_toml", "sha256_of", "write_whole"]

_FULL = "Free some space, or choose another output folder"
_FORBIDDEN = "Change the permissions, or choose another output folder"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "Raise the limit on the size of files (`ulimit -f`)",
    errno.EROFS: "Choose another output folder",
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOENT: "Make the folder first",
    errno.ENAMETOOLONG: "Choose a shorter name",
}
_LITTLE_BYTES = 1 << 20


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there becomes `path` at the end.

    The temporary file keeps the suffixes of `path`, because many writers choose their format by
    it. It is moved into place when the block ends well and removed when it raises, so that `path`
    is either whole or untouched.

    Raises:
        OutputError: when the file cannot be written, with what to do about it.
    """
    path = Path(path)
    suffixes = "".join(path.suffixes[-2:])
    temporary = path.with_name(f".writing-{secrets.token_hex(8)}{suffixes}")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise output_error(error, path) from error
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        failure = output_error(error, path)
        temporary.unlink(missing_ok=True)
        raise failure from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 digest of a file.

    Raises:
        InputError: when the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error


def output_error(error: OSError, path: Path) -> OutputError:
    """What went wrong with a file or folder that was to be written, and what to do about it."""
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None:
        # Libraries of C++ do not say why; what they wrote so far is still there.
        remedy = _FULL if _is_full(path.parent) else "Choose another output folder"
    return OutputError(f"cannot be written ({error.strerror or error})", path=path, remedy=remedy)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LITTLE_BYTES
    except OSError:
        return False


def read_toml(path: Path) -> dict[str, Any]:
    """The keys and values of a TOML file.

    Raises:
        InputError: when it cannot be read, or is no TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path=path) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML ({error})", path=path) from error
