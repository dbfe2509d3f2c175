"""One run at a time in an output folder."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from lvt_track.errors import OutputError, UsageError

if sys.platform != "win32":
    import fcntl

__all__ = ["LOCK", "locked"]

LOCK = ".lvt-lock"


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
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written to ({error.strerror})", path=folder) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UsageError(
                f"another run is writing here ({file.read().strip() or 'unknown'})",
                path=folder,
                remedy="Wait for it, or choose another -o",
            ) from None
        except OSError:
            pass  # a disk that knows no locks
        file.truncate(0)
        file.write(f"{socket.gethostname()}, process {os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
