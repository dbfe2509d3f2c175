"""One run at a time in an output folder."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from lvt_track.errors import UsageError
from lvt_track.io.files import output_error

if sys.platform != "win32":
    import fcntl

__all__ = ["LOCK", "locked"]

LOCK = ".lvt-lock"
_MOST_BYTES = 1000


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder against other runs, on this machine or on one that shares the disk.

    The lock is the system's, and ends with the process that holds it, however that ends.

    Raises:
        UsageError: when another run holds it, with where that runs.
        OutputError: when the folder cannot be written to.
    """
    if sys.platform == "win32":
        yield
        return
    path = folder / LOCK
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise output_error(error, path) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, _MOST_BYTES).decode(errors="replace").strip()
            raise UsageError(
                f"another run is writing here ({holder or 'unknown'})",
                path=folder,
                remedy="Wait for it, or choose another -o",
            ) from None
        except OSError:
            pass  # a disk that knows no locks
        with contextlib.suppress(OSError):  # a full disk: who holds the lock is a courtesy
            os.ftruncate(file, 0)
            os.write(file, f"{socket.gethostname()}, process {os.getpid()}\n".encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(file)
