"""DICOMDIR: a list of files on a disk, by which it shows what was not copied."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom

from lvt_track.io.candidates import LeftOut

__all__ = ["directory_fate"]

_DIRECTORY = "a directory of other files (DICOMDIR)"
_NAMED = 3


def directory_fate(path: Path) -> LeftOut:
    """What is told of a DICOMDIR: a failure where some of the images that it lists are missing.

    One of which no file is there was copied without its disk, and says nothing.
    """
    files = _listed(path)
    missing = [name for name in files if not _is_there(path.parent, name)]
    if not missing or len(missing) == len(files):
        return LeftOut(path, _DIRECTORY)
    names = ", ".join("/".join(name) for name in missing[:_NAMED])
    more = ", …" if len(missing) > _NAMED else ""
    reason = (
        f"{_DIRECTORY}, {len(missing)} of whose {len(files)} images are not here ({names}{more}): "
        "copy the disk again"
    )
    return LeftOut(path, reason, is_failure=True)


def _listed(path: Path) -> list[tuple[str, ...]]:
    """The parts of the path of each image; none where the directory cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            records = pydicom.dcmread(path).get("DirectoryRecordSequence") or ()
            return [
                (name,) if isinstance(name := record.ReferencedFileID, str) else tuple(name)
                for record in records
                if record.get("DirectoryRecordType") == "IMAGE" and record.get("ReferencedFileID")
            ]
    except Exception:  # pydicom raises whatever a damaged file provokes
        return []


def _is_there(folder: Path, parts: tuple[str, ...]) -> bool:
    """Whether a file is there, in whichever case its name was copied, perhaps with a suffix."""
    for part in parts:
        if (folder / part).exists():
            folder = folder / part
            continue
        try:
            names = {path.name.lower(): path for path in folder.iterdir()}
        except OSError:
            return False
        wanted = part.lower()
        options = (wanted, f"{wanted};1", f"{wanted}.dcm")
        match = next((names[name] for name in options if name in names), None)
        if match is None:
            return False
        folder = match
    return True
