"""Every file below a folder, sorted by what may be done with it; none is passed over in silence."""

from __future__ import annotations

import datetime as dt
import os
import re
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.candidates import LeftOut, named_failures
from lvt_track.io.dates import date_in_name
from lvt_track.io.dicom.directory import directory_fate
from lvt_track.io.dicom.preamble import looks_like_dicom
from lvt_track.io.images.headers import stem_of
from lvt_track.io.layouts.packed import DICOM_SUFFIXES, merged_packed, packed_file
from lvt_track.io.layouts.results import results_folder

__all__ = ["LAYOUTS", "Walk", "days_in_other_formats", "files_below"]

LAYOUTS = "See docs/use/inputs.md for the layouts that are read"

# Pictures and volumes that nothing here reads; a day that has nothing else was meant to be one.
_OTHER_FORMATS = {
    *(".npy", ".npz", ".mat", ".h5", ".hdf5", ".mnc", ".vti", ".vtk", ".gipl", ".nia", ".pic"),
    *(".mgz", ".mgh", ".mif", ".hips", ".inr", ".vff"),
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".avi", ".mp4"),
}
_VOXEL_SUFFIXES = (".img", ".img.gz", ".raw", ".zraw", ".raw.gz")
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


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
        results = None if Path(parent) == folder else results_folder(Path(parent))
        if results is not None:
            walk.left_out.append(results)
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


def days_in_other_formats(paths: Iterable[Path], days: Collection[dt.date]) -> list[LeftOut]:
    """Folders named by a day without a scan that hold files of formats that are not read."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        day = date_in_name(path.parent.name)
        if day is not None and day not in days and path.suffix.lower() in _OTHER_FORMATS:
            folders[path.parent].append(path)
    return [
        LeftOut(
            folder,
            f"{len(files)} files of a format that is not read ({files[0].suffix}): give the DICOM "
            "files of this day, or convert it to NIfTI",
            is_failure=True,
            files=tuple(files),
        )
        for folder, files in folders.items()
    ]


def _sort(path: Path, walk: Walk, others: list[Path]) -> None:
    walk.files.append(path)
    reason, is_failure = _unreadable(path)
    if reason:
        walk.left_out.append(LeftOut(path, reason, is_failure))
    elif path.name.upper() == "DICOMDIR":
        walk.left_out.append(directory_fate(path))
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
    packed_files: list[LeftOut] = []
    for path in others:
        if path in is_dicom:
            continue
        if path.name.lower().endswith(_VOXEL_SUFFIXES):
            walk.voxels.append(path)
        elif (packed := packed_file(path)) is not None:
            packed_files.append(packed)
        elif (
            path.name.lower().endswith(DICOM_SUFFIXES)
            or (path.parent, _pattern(path)) in names
            or (_suffix(path) in suffixes.get(path.parent, ()) and not _is_text(path))
            or (not _suffix(path) and _is_blank(path))
        ):
            lost.append((path, _why_no_dicom(path)))
        else:
            walk.ignored.append(path)
    walk.left_out += [*named_failures(lost), *merged_packed(packed_files)]
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
    if path.name.lower().endswith(DICOM_SUFFIXES):
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
