"""NRRD files: attached or detached, with their voxels raw, gzip or bzip2.

Format: https://teem.sourceforge.net/nrrd/format.html. Read here rather than by ITK, which takes a
spacing that is not stated for 1 mm.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import LAYER
from lvt_track.errors import InputError
from lvt_track.io.images.stated_grid import stated_grid
from lvt_track.io.images.voxels import VoxelPlace, named_beside

__all__ = ["NrrdImage", "read_nrrd_header"]

_MOST_HEADER_BYTES = 1 << 20
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16"), "i2"),
    **dict.fromkeys(("int16_t",), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
_SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
_PACKINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_UNITS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}
_SEGMENT = re.compile(r"segment(\d+)_(name|labelvalue|layer)")
_CONVERT = "Write the scan again with its voxel size, or give the DICOM files"


@dataclass(frozen=True)
class NrrdImage:
    """What an NRRD header says.

    Attributes:
        geometry: the grid.
        place: where its voxels are.
        warnings: what is odd about it.
        segments: label values by lower-case name, as 3D Slicer writes them: names may repeat. In
            a layer behind the first they begin with `LAYER` times its number.
    """

    geometry: Geometry
    place: VoxelPlace
    warnings: tuple[str, ...]
    segments: dict[str, tuple[int, ...]]


def read_nrrd_header(path: Path) -> NrrdImage:
    """The header of an NRRD file.

    Raises:
        InputError: when it is damaged, not one 3D volume, or states no voxel size.
    """
    fields, pairs, length = _fields(path)
    try:
        sizes = [int(word) for word in fields.get("sizes", "").split()]
        kinds = fields.get("kinds", "").lower().split()
        segments = _segments(pairs)
        layers = 1
        if segments and kinds[:1] == ["list"] and len(sizes) == 4:
            layers, sizes, kinds = sizes[0], sizes[1:], kinds[1:]
            words = fields.get("space directions", "").removeprefix("none").strip()
            fields = fields | {"space directions": words}
        geometry, warnings = _geometry(fields, sizes, kinds, path)
        place = _place(fields, geometry, length, path)
        place = replace(place, layers=layers)
    except (ValueError, IndexError, OverflowError) as error:
        raise InputError(
            f"cannot be read as an image: damaged NRRD header ({error})", path=path
        ) from error
    return NrrdImage(geometry, place, warnings, segments)


def _fields(path: Path) -> tuple[dict[str, str], dict[str, str], int]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_HEADER_BYTES)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error
    if not content.startswith(b"NRRD"):
        raise InputError(
            "cannot be read as an image: no NRRD file, whatever its name says",
            path=path,
            remedy="Copy the file again from its source",
        )
    end = re.search(rb"\r?\n\r?\n", content)
    head, length = (content, len(content)) if end is None else (content[: end.start()], end.end())
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for line in head.decode("utf-8", errors="replace").splitlines()[1:]:
        if line.startswith("#"):
            continue
        if ":=" in line:
            name, _, value = line.partition(":=")
            pairs[name.strip().lower()] = value.strip()
        else:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
    return fields, pairs, length


def _geometry(
    fields: dict[str, str], sizes: list[int], kinds: list[str], path: Path
) -> tuple[Geometry, tuple[str, ...]]:
    words = fields.get("space directions", "").lower().split()
    while len(sizes) > 3 and sizes[-1] == 1:  # a time that is one moment
        sizes, kinds = sizes[:-1], kinds[:3]
        words = words[:-1] if words and words[-1] == "none" else words
    if any(kind in ("vector", "rgb-color", "rgba-color", "list") for kind in kinds) or any(
        word == "none" for word in words
    ):
        raise InputError("a colour or vector image, not CT", path=path)
    if len(sizes) == 4 and sizes[0] in (2, 3, 4) and not kinds:
        raise InputError("a colour or vector image, not CT", path=path)
    if len(sizes) != 3 or min(sizes) < 1:
        raise InputError(
            f"an image of {len(sizes)} dimensions ({' × '.join(map(str, sizes))}), not one volume",
            path=path,
            remedy="Give each 3D volume in a file of its own",
        )
    vectors = _vectors(fields.get("space directions", ""))
    signs = _SPACES.get(fields.get("space", "").lower())
    warnings: tuple[str, ...] = ()
    if len(vectors) == 3:
        columns = np.array(vectors).T
    else:
        spacings = [float(word) for word in fields.get("spacings", "").split()]
        if len(spacings) != 3 or not np.isfinite(spacings).all() or min(spacings) <= 0:
            raise InputError("states no voxel size", path=path, remedy=_CONVERT)
        columns, signs = np.diag(spacings), None
    origins = _vectors(fields.get("space origin", ""))
    origin = np.array(origins[0]) if origins else np.zeros(3)
    if signs is None:
        stated = fields.get("space", "")
        what = f"a space that is not known ({stated[:40]})" if stated and vectors else "no space"
        warnings = (f"the file states {what}: which side is left is a guess",)
        signs = (1, 1, 1)
    if not (np.isfinite(columns).all() and np.isfinite(origin).all()):
        raise InputError("its axes or origin are no numbers", path=path, remedy=_CONVERT)
    scale = _unit_mm(fields.get("space units", ""), path)
    columns, origin = scale * np.diag(signs) @ columns, scale * np.array(signs) * origin
    spacing = np.linalg.norm(columns, axis=0)
    if not spacing.min() > 0:
        raise InputError("states no voxel size", path=path, remedy=_CONVERT)
    return stated_grid(sizes, spacing, origin + 0.0, columns / spacing + 0.0, path), warnings


def _unit_mm(text: str, path: Path) -> float:
    """Millimetres of the unit that all axes share."""
    units = {word.strip('"').lower() for word in text.split()} - {"", "???"}
    if len(units) > 1 or units - set(_UNITS_MM):
        raise InputError(f"lengths in {', '.join(sorted(units))}", path=path, remedy=_CONVERT)
    return _UNITS_MM[units.pop()] if units else 1.0


def _vectors(text: str) -> list[list[float]]:
    vectors = [[float(n) for n in group.split(",")] for group in re.findall(r"\(([^)]*)\)", text)]
    if any(len(vector) != 3 for vector in vectors):
        raise ValueError(f"axes of other than three numbers: {text}")
    return vectors


def _place(fields: dict[str, str], geometry: Geometry, length: int, path: Path) -> VoxelPlace:
    kind = _TYPES.get(fields.get("type", "").lower())
    packing = _PACKINGS.get(fields.get("encoding", "").lower())
    if kind is None or packing is None:
        what = f"voxels of type {fields.get('type')}, packed as {fields.get('encoding')}"
        raise InputError(f"{what}, are not read", path=path, remedy="Save it again with gzip")
    order = ">" if fields.get("endian", "little").lower() == "big" else "<"
    data = fields.get("data file") or fields.get("datafile") or ""
    if data.upper().startswith("LIST") or "%" in data:
        raise InputError(
            "its voxels lie in many files", path=path, remedy="Save it as one file, or give those"
        )
    skip = int(fields.get("byte skip") or fields.get("byteskip") or 0)
    lines = int(fields.get("line skip") or fields.get("lineskip") or 0)
    if lines or (skip < -1):
        raise InputError("skips lines before its voxels", path=path, remedy="Save it again")
    file, start = (named_beside(path, data), 0) if data else (path, length)
    place = VoxelPlace(file, start, max(skip, 0), packing, np.dtype(order + kind), geometry.shape)
    if skip == -1 and packing == "raw":
        try:
            end = file.stat().st_size
        except OSError as error:
            raise InputError("its file of voxels is missing", path=file) from error
        return VoxelPlace(
            file, max(start, end - place.size), 0, packing, place.dtype, geometry.shape
        )
    return place


def _segments(pairs: dict[str, str]) -> dict[str, tuple[int, ...]]:
    """Labels by name of the segments, in whatever layer."""
    parts: dict[str, dict[str, str]] = defaultdict(dict)
    for key, value in pairs.items():
        match = _SEGMENT.fullmatch(key)
        if match:
            parts[match[1]][match[2]] = value
    labels: dict[str, tuple[int, ...]] = defaultdict(tuple)
    for part in parts.values():
        name, value = part.get("name", "").strip().lower(), part.get("labelvalue", "")
        layer = part.get("layer", "0")
        if name and value.isdigit() and layer.isdigit():
            if int(layer) and int(value) >= LAYER:
                raise ValueError(f"label {value} in one of several layers")
            labels[name] += (int(layer) * LAYER + int(value),)
    return dict(labels)
