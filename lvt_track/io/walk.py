"""Every file below a folder, sorted by what may be done with it; none is passed over in silence."""

from __future__ import annotations

import gzip
import json
import os
import re
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.candidates import LeftOut, named_failures
from lvt_track.io.dicom.header import looks_like_dicom
from lvt_track.io.images.headers import stem_of

__all__ = ["LAYOUTS", "Walk", "files_below"]

LAYOUTS = "See docs/use/inputs.md for the layouts that are read"

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".iso")
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_DICOM_SUFFIXES = (".dcm", ".ima", ".dicom")
_VOXEL_SUFFIXES = (".img", ".img.gz", ".raw", ".zraw", ".raw.gz")
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_UNPACK = "unpack it into a folder of its own here, and run again"
_RESULT_KEYS = {"visits", "inputs", "settings"}
_MOST_MANIFEST_BYTES = 1 << 26


@dataclass
class Walk:
    """The files below a folder.

    Attributes:
        images: image files by their names.
        dicom: files that begin as DICOM does.
        voxels: files that belong to a header beside them.
        ignored: what is neither DICOM nor an image, such as letters and tables.
        left_out: what is not looked at further, and why.
        files: every file that was met, hidden ones aside.
        lost: those that should be slices by their names and places, and are not.
    """

    images: list[Path] = field(default_factory=list)
    dicom: list[Path] = field(default_factory=list)
    voxels: list[Path] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    lost: list[Path] = field(default_factory=list)


def files_below(folder: Path) -> Walk:
    """Sort the files below a folder; links are followed, circles of them once.

    Raises:
        InputError: when there is no such folder, or nothing in it.
    """
    try:
        is_folder, exists = folder.is_dir(), folder.exists()
    except OSError as error:
        raise InputError(f"cannot be looked into ({error.strerror})", path=folder) from error
    if not is_folder:
        what = "is a file, not a folder" if exists else "there is no such folder"
        raise InputError(what, path=folder, remedy="Give the folder with the patient's scans")
    walk = Walk()
    others: list[Path] = []
    visited: set[str] = set()

    def note(error: OSError) -> None:
        reason = f"cannot be opened ({error.strerror})"
        walk.left_out.append(LeftOut(Path(error.filename), reason, is_failure=True))

    for parent, folders, names in os.walk(folder, onerror=note, followlinks=True):
        # Links may lead back to a folder above.
        real = os.path.realpath(parent)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        if Path(parent) != folder and _is_result(Path(parent)):
            walk.left_out.append(LeftOut(Path(parent), "results of an earlier run of lvt"))
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                _sort(Path(parent, name), walk, others)
    if not walk.files and not walk.left_out:
        raise InputError("the folder is empty", path=folder, remedy=LAYOUTS)
    _sort_others(others, walk)
    return walk


def _sort(path: Path, walk: Walk, others: list[Path]) -> None:
    walk.files.append(path)
    reason, is_failure = _unreadable(path)
    if reason:
        walk.left_out.append(LeftOut(path, reason, is_failure))
    elif path.name.upper() == "DICOMDIR":
        walk.left_out.append(LeftOut(path, "a directory of other files (DICOMDIR)"))
    elif stem_of(path) is not None:
        walk.images.append(path)
    else:
        others.append(path)


def _unreadable(path: Path) -> tuple[str, bool]:
    """Why a path is no file to open, and whether that loses something."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if path.is_symlink():
            return f"a link to nothing ({path.readlink()})", True
        return f"cannot be opened ({error.strerror})", True
    for is_kind, what in _KINDS:
        if is_kind(mode):
            return f"not a file but {what}", False
    return "", False


def _is_result(folder: Path) -> bool:
    manifest = folder / "run.json"
    try:
        if not manifest.is_file() or manifest.stat().st_size > _MOST_MANIFEST_BYTES:
            return False
        return set(json.loads(manifest.read_text(encoding="utf-8"))) >= _RESULT_KEYS
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _sort_others(others: list[Path], walk: Walk) -> None:
    """Files without an image's name: DICOM, archives, voxels of a header, and what is neither."""
    walk.dicom += [path for path in others if looks_like_dicom(path)]
    is_dicom = set(walk.dicom)
    suffixes: dict[Path, set[str]] = {}
    names: set[tuple[Path, str]] = set()
    for path in walk.dicom:
        suffixes.setdefault(path.parent, set()).add(_suffix(path))
        names.add((path.parent, _pattern(path)))
    lost: list[tuple[Path, str]] = []
    for path in others:
        if path in is_dicom:
            continue
        archive = _archive_reason(path)
        if archive:
            walk.left_out.append(archive)
        elif path.name.lower().endswith(_VOXEL_SUFFIXES):
            walk.voxels.append(path)
        elif (
            path.name.lower().endswith(_DICOM_SUFFIXES)
            or (path.parent, _pattern(path)) in names
            or (_suffix(path) in suffixes.get(path.parent, ()) and not _is_text(path))
            or (not _suffix(path) and _is_blank(path))
        ):
            lost.append((path, _why_no_dicom(path)))
        else:
            walk.ignored.append(path)
    walk.left_out += named_failures(lost)
    walk.lost = [path for path, _ in lost]


def _suffix(path: Path) -> str:
    """The suffix; numbers at the end of a name made of UIDs are none."""
    suffix = path.suffix.lower()
    return "" if suffix[1:].isdigit() else suffix


def _pattern(path: Path) -> str:
    """The name without its numbers, as the slices of a series share it; the name without any."""
    return re.sub(r"\d+", "#", path.name)


def _is_blank(path: Path) -> bool:
    """Whether a file is empty or begins with zeros alone, as what a copy left undone."""
    try:
        with path.open("rb") as file:
            return not file.read(512).strip(b"\0")
    except OSError:
        return False


def _why_no_dicom(path: Path) -> str:
    if path.stat().st_size == 0:
        return "an empty file (0 bytes), not DICOM: copy it again"
    if path.name.lower().endswith(_DICOM_SUFFIXES):
        return "not DICOM, whatever its name says"
    if _is_blank(path):
        return "holds zeros where DICOM begins: damaged, copy it again"
    return "not DICOM, though the files beside it are: damaged, copy it again"


def _is_text(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError:
        return False
    return bool(start) and all(32 <= byte < 127 or byte in b"\t\r\n\f" for byte in start)


def _archive_reason(path: Path) -> LeftOut | None:
    """What to do with packed files; None for others."""
    name = path.name.lower()
    if name.endswith(_VOXEL_SUFFIXES):
        return None
    if name.endswith(_ARCHIVES):
        if name.endswith(".zip") and not _zip_has_images(path):
            return LeftOut(path, "an archive without scans")
        return LeftOut(path, f"an archive, which is not read: {_UNPACK}", is_failure=True)
    if not name.endswith(_PACKED):
        return None
    inner = path.with_suffix("").name.lower()
    is_scan = inner.endswith(_DICOM_SUFFIXES) or stem_of(Path(inner)) is not None
    if is_scan or (name.endswith(".gz") and _holds_dicom(path)):
        return LeftOut(path, "a packed file, which is not read: unpack it and run again", True)
    return LeftOut(path, "a packed file that holds no scan by its name")


def _zip_has_images(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [Path(item.filename) for item in archive.infolist() if not item.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return True  # damaged: it must be named
    return any(
        not name.suffix
        or name.suffix[1:].isdigit()
        or name.suffix.lower() in (*_DICOM_SUFFIXES, *_ARCHIVES)
        or stem_of(name) is not None
        for name in names
    )


def _holds_dicom(path: Path) -> bool:
    try:
        with gzip.open(path) as packed:
            return packed.read(132)[128:] == b"DICM"
    except (OSError, EOFError):
        return False
