"""Archives and packed files below a patient's folder: named with what to do, never unpacked here.

Unpacking into memory or a hidden place would read what nobody can look at, and bombs with it.
"""

from __future__ import annotations

import gzip
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from lvt_track.io.candidates import LeftOut
from lvt_track.io.images.headers import stem_of

__all__ = ["DICOM_SUFFIXES", "merged_packed", "packed_file"]

_MANY = 5

DICOM_SUFFIXES = (".dcm", ".ima", ".dicom")
"""Names that say DICOM; most files of it have none."""

_UNPACK_ARCHIVE = {
    ".zip": 'unzip "{name}" -d "{stem}"',
    ".tar": 'mkdir "{stem}" && tar -xf "{name}" -C "{stem}"',
    ".tar.gz": 'mkdir "{stem}" && tar -xzf "{name}" -C "{stem}"',
    ".tgz": 'mkdir "{stem}" && tar -xzf "{name}" -C "{stem}"',
    ".tar.bz2": 'mkdir "{stem}" && tar -xjf "{name}" -C "{stem}"',
    ".tar.xz": 'mkdir "{stem}" && tar -xJf "{name}" -C "{stem}"',
    ".7z": '7z x "{name}" -o"{stem}"',
    ".rar": 'unrar x "{name}" "{stem}/"',
    ".iso": '7z x "{name}" -o"{stem}"',
}
_UNPACK_FILE = {".gz": "gunzip", ".bz2": "bunzip2", ".xz": "unxz", ".zst": "unzstd --rm"}
_STARTS = {
    b"PK\x03\x04": ".zip",
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ": ".xz",
    b"7z\xbc\xaf": ".7z",
    b"Rar!": ".rar",
}


def merged_packed(packed: Iterable[LeftOut]) -> list[LeftOut]:
    """Packed files named one by one, or by folder where there are many of one kind."""
    merged: list[LeftOut] = []
    kinds: dict[tuple[Path, str], list[LeftOut]] = defaultdict(list)
    for item in packed:
        is_single = item.is_failure and item.path.suffix.lower() in _UNPACK_FILE
        key = (item.path.parent, item.path.suffix) if is_single else (item.path, "")
        kinds[key].append(item)
    for (folder, suffix), items in kinds.items():
        if len(items) < _MANY:
            merged += items
            continue
        command = f'{_UNPACK_FILE[suffix.lower()]} "{folder.name}"/*{suffix}'
        reason = f"{len(items)} packed files, which are not read: unpack them with {command}"
        files = tuple(item.path for item in items)
        merged.append(LeftOut(folder, f"{reason}; then run again", is_failure=True, files=files))
    return merged


def packed_file(path: Path) -> LeftOut | None:
    """What a packed file is and what to do with it; None for a file that is not packed.

    Told by its name; where that has no suffix, by its first bytes.
    """
    name = path.name.lower()
    kind = next((k for k in sorted(_UNPACK_ARCHIVE, key=len)[::-1] if name.endswith(k)), "")
    if kind:
        return _archive(path, kind, path.name[: -len(kind)])
    suffix = path.suffix.lower()
    if suffix in _UNPACK_FILE:
        return _file(path, suffix, path.name[: -len(suffix)])
    if suffix and not suffix[1:].isdigit():
        return None
    start = _first_bytes(path)
    kind = next((k for magic, k in _STARTS.items() if start.startswith(magic)), "")
    if kind in _UNPACK_ARCHIVE:
        return _archive(path, kind, f"{path.name}_unpacked")
    if kind and (kind != ".gz" or _holds_dicom(path)):
        command = f'{_UNPACK_FILE[kind].split()[0]} < "{path.name}" > "{path.name}.dcm"'
        return _left(path, f"a file packed as {kind[1:]}", f"{command}, and delete the packed one")
    return None


def _archive(path: Path, kind: str, stem: str) -> LeftOut:
    if kind == ".zip":
        images = _images_of_zip(path)
        if images == []:
            return LeftOut(path, "an archive without scans")
        places = (path.parent, path.with_name(stem))
        if images and any(all((place / one).is_file() for one in images) for place in places):
            return LeftOut(path, "an archive whose files lie beside it")
    elif path.with_name(stem).is_dir():
        return LeftOut(path, "an archive beside a folder of its name: taken for unpacked")
    command = _UNPACK_ARCHIVE[kind].format(name=path.name, stem=stem)
    return _left(path, "an archive", f"{command}, and move the archive out of this folder")


def _file(path: Path, suffix: str, inner: str) -> LeftOut:
    plain = inner.lower()
    is_scan = plain.endswith(DICOM_SUFFIXES) or stem_of(Path(plain)) is not None
    if not is_scan and not (suffix == ".gz" and _holds_dicom(path)):
        return LeftOut(path, "a packed file that holds no scan by its name")
    if path.with_name(inner).is_file():
        return LeftOut(path, "packed, and unpacked beside it")
    return _left(path, "a packed file", f'{_UNPACK_FILE[suffix]} "{path.name}"')


def _left(path: Path, what: str, command: str) -> LeftOut:
    reason = f"{what}, which is not read: unpack it with {command}; then run again"
    return LeftOut(path, reason, is_failure=True)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8)
    except OSError:
        return b""


def _images_of_zip(path: Path) -> list[str] | None:
    """Names in an archive that may be scans; None where they cannot be told."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [item.filename for item in archive.infolist() if not item.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return None  # damaged: it must be named
    return [name for name in names if _may_be_scan(Path(name))]


def _may_be_scan(name: Path) -> bool:
    suffix = name.suffix.lower()
    return (
        not suffix
        or suffix[1:].isdigit()
        or suffix in (*DICOM_SUFFIXES, *_UNPACK_ARCHIVE)
        or stem_of(name) is not None
    )


def _holds_dicom(path: Path) -> bool:
    try:
        with gzip.open(path) as packed:
            return packed.read(132)[128:] == b"DICM"
    except (OSError, EOFError):
        return False
