"""The job of `lvt push`: segmentations and structured reports of a run into an archive."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pydicom

from lvt_track.errors import InputError
from lvt_track.io.archive.archive import Archive, Level
from lvt_track.io.archive.errors import ArchiveBusyError, ArchiveError
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.progress import Progress

__all__ = ["Fate", "PushResult", "Pushed", "push_results"]

_OUTDATED = (
    "it is there already, but so is a later result of its series, which viewers show; remove that "
    "one from the archive"
)
_RESULTS = ("seg.dcm", "seg_tumors.dcm", "sr.dcm")


class Fate(StrEnum):
    """What became of an object."""

    STORED = "stored"
    THERE = "already there"
    WOULD_STORE = "would be stored"
    REFUSED = "not stored"


@dataclass(frozen=True)
class Pushed:
    """One object: its file below the run's folder, what became of it, and why it was refused."""

    file: str
    uid: str
    fate: Fate
    reason: str = ""


@dataclass(frozen=True)
class PushResult:
    """What was pushed."""

    objects: tuple[Pushed, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """What could not be stored."""
        return tuple(f"{o.file}: {o.reason}" for o in self.objects if o.fate is Fate.REFUSED)

    def facts(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "objects": [
                {"file": o.file, "uid": o.uid, "fate": o.fate, "reason": o.reason}
                for o in self.objects
            ]
        }

    def summary(self) -> str:
        """For a terminal."""
        return "\n".join(
            f"{o.file}: {o.fate}" + (f": {o.reason}" if o.reason else "") for o in self.objects
        )


def push_results(archive: Archive, out: Path, is_dry: bool, progress: Progress) -> PushResult:
    """Store what the archive has not yet; the same results have the same UIDs.

    Raises:
        InputError: when the folder holds no DICOM results, or the archive does not answer.
    """
    folder = RunFolder(out)
    if not folder.manifest.is_file():
        raise InputError("no results of a run", path=out, remedy="Give a folder of lvt track")
    files = sorted(path for name in _RESULTS for path in folder.visits.glob(f"*/{name}"))
    if not files:
        raise InputError(
            "no DICOM results: its scans were no DICOM, or could not be referred to", path=out
        )
    progress.stage("push", len(files))
    objects = []
    for path in files:
        pushed = _push(archive, path, path.relative_to(out).as_posix(), is_dry)
        objects.append(pushed)
        progress.step(f"{pushed.file}: {pushed.fate}")
    return PushResult(tuple(objects))


def _push(archive: Archive, path: Path, name: str, is_dry: bool) -> Pushed:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except (OSError, pydicom.errors.InvalidDicomError) as error:
        raise InputError(
            f"cannot be read ({error})", path=path, remedy="lvt report makes it again"
        ) from error
    uid = str(header.SOPInstanceUID)
    numbers = _numbers(archive, header)
    if uid in numbers:
        if numbers[uid] < max(numbers.values()):
            return Pushed(name, uid, Fate.REFUSED, _OUTDATED)
        return Pushed(name, uid, Fate.THERE)
    if is_dry:
        return Pushed(name, uid, Fate.WOULD_STORE)
    try:
        archive.store(path)
    except ArchiveBusyError:
        raise
    except ArchiveError as error:
        return Pushed(name, uid, Fate.REFUSED, error.what)
    return Pushed(name, uid, Fate.STORED)


def _numbers(archive: Archive, header: pydicom.Dataset) -> dict[str, int]:
    """What the archive has of the object's series: instance numbers, which grow with time."""
    keys = {
        keyword: str(header[keyword].value) for keyword in ("StudyInstanceUID", "SeriesInstanceUID")
    }
    return {
        str(one.get("SOPInstanceUID", "")): int(one.get("InstanceNumber") or 0)
        for one in archive.find(Level.IMAGE, keys)
    }
