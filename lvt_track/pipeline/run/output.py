"""The output folder: never overwritten unasked, never left half-written."""

from __future__ import annotations

import contextlib
import tempfile
from enum import StrEnum
from pathlib import Path

from lvt_track.errors import UsageError
from lvt_track.io.files import output_error
from lvt_track.pipeline.run.lock import LOCK

__all__ = ["Existing", "check_apart", "claim_file", "claim_folder", "drop_if_empty", "make_folder"]


class Existing(StrEnum):
    """What to do with results that are already there."""

    REFUSE = "refuse"
    FORCE = "force"
    RESUME = "resume"


def claim_folder(folder: Path, existing: Existing) -> None:
    """Make `folder` ready to be written to.

    Raises:
        UsageError: when it holds anything and `existing` is REFUSE.
        OutputError: when it cannot be made or written to.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError("the output is a file, not a folder", path=folder)
        occupied = folder.is_dir() and any(path.name != LOCK for path in folder.iterdir())
    except OSError as error:
        raise output_error(error, folder) from error
    if occupied and existing is Existing.REFUSE:
        raise UsageError(
            "the output folder already holds files",
            path=folder,
            remedy="Choose another -o, or give --resume to go on or --force to write over them",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # access() lies for root and on network shares; only writing tells.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise output_error(error, folder) from error


def check_apart(source: Path, out: Path) -> None:
    """Refuse an output folder in which what is read could be taken for results, and written over.

    Args:
        source: the scans.
        out: the output folder; below the scans it does no harm, as results are not read as scans.

    Raises:
        UsageError: when the scans lie in the output folder, or are it.
    """
    scans, results = source.resolve(), out.resolve()
    if scans.is_relative_to(results):
        where = "is the folder of the scans" if scans == results else "holds the scans"
        raise UsageError(
            f"the output folder {where}, which a run could write over",
            path=out,
            remedy="Choose another -o, best one that does not exist yet",
        )
    if _is_link(out / "visits"):
        raise UsageError(
            "`visits` in the output folder is a link, so results would land elsewhere",
            path=out,
            remedy="Choose another -o",
        )


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # a name that is too long; making it says so
        return False


def drop_if_empty(folder: Path) -> None:
    """Remove an output folder that nothing was written to."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def make_folder(folder: Path) -> Path:
    """Make a folder below an output folder that was claimed, and return it.

    Raises:
        OutputError: when it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, folder) from error
    return folder


def claim_file(path: Path, existing: Existing) -> None:
    """Make sure the file `path` may be written.

    Raises:
        UsageError: when it exists and `existing` is REFUSE, or is a folder.
        OutputError: when its folder cannot be made.
    """
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:  # a name that is too long
        raise output_error(error, path) from error
    if is_folder:
        raise UsageError("the output is a folder, a file is needed", path=path)
    if exists and existing is Existing.REFUSE:
        raise UsageError(
            "the output file already exists",
            path=path,
            remedy="Choose another -o, or give --force to write over it",
        )
    make_folder(path.parent)
