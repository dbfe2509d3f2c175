"""MetaImage files (MHA, MHD), with their voxels raw or packed.

Format: https://itk.org/Wiki/ITK/MetaIO/Documentation. Read here rather than by ITK, which takes a
spacing that is not stated for 1 mm and ends the process on some damaged headers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.errors import InputError
from lvt_track.io.images.stated_grid import stated_grid
from lvt_track.io.images.voxels import VoxelPlace, named_beside

__all__ = ["MetaImage", "read_metaimage_header"]

_MOST_HEADER_BYTES = 1 << 16
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_DAMAGED = "Copy the file again from its source"


@dataclass(frozen=True)
class MetaImage:
    """What a MetaImage header says: the grid, where its voxels are, and what is odd about it."""

    geometry: Geometry
    place: VoxelPlace
    warnings: tuple[str, ...]


def read_metaimage_header(path: Path) -> MetaImage:
    """The header of a MetaImage.

    Raises:
        InputError: when it is damaged, not one 3D volume, or states no voxel size.
    """
    fields, length = _fields(path)
    try:
        geometry, warnings = _geometry(fields, path)
        return MetaImage(geometry, _place(fields, geometry, length, path), warnings)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"cannot be read as an image: damaged MetaImage header ({error})",
            path=path,
            remedy=_DAMAGED,
        ) from error


def _fields(path: Path) -> tuple[dict[str, str], int]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_HEADER_BYTES)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error
    fields: dict[str, str] = {}
    start = 0
    while (end := content.find(b"\n", start)) >= 0:
        line = content[start:end].decode("latin-1")
        start = end + 1
        name, _, value = line.partition("=")
        fields[name.strip().lower()] = value.strip()
        if name.strip().lower() == "elementdatafile":
            return fields, start
    raise InputError(
        "cannot be read as an image: no MetaImage, or one that ends within its header",
        path=path,
        remedy=_DAMAGED,
    )


def _numbers(fields: dict[str, str], *names: str) -> list[float]:
    """The numbers of the first of several names of a field."""
    written = next((fields[name] for name in names if fields.get(name)), "")
    return [float(word) for word in written.split()]


def _geometry(fields: dict[str, str], path: Path) -> tuple[Geometry, tuple[str, ...]]:
    sizes = [int(size) for size in _numbers(fields, "dimsize")]
    if int(fields.get("elementnumberofchannels") or 1) > 1:
        raise InputError("a colour or vector image, not CT", path=path)
    count = len(sizes)
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) != 3 or min(sizes) < 1:
        raise InputError(
            f"an image of {len(sizes)} dimensions ({' × '.join(map(str, sizes))}), not one volume",
            path=path,
            remedy="Give each 3D volume in a file of its own",
        )
    spacing = _numbers(fields, "elementspacing", "elementsize")[:3]
    if len(spacing) != 3 or not np.isfinite(spacing).all() or min(spacing) <= 0:
        raise InputError(
            "states no voxel size",
            path=path,
            remedy="Write the scan again with ElementSpacing, or give the DICOM files",
        )
    origin = _numbers(fields, "offset", "origin", "position")[:3] or [0.0, 0.0, 0.0]
    matrix = _numbers(fields, "transformmatrix", "rotation", "orientation")
    warnings: tuple[str, ...] = ()
    direction = np.eye(3)
    if matrix:
        # Each row is the direction of one axis.
        direction = np.array(matrix).reshape(count, count)[:3, :3].T + 0.0
    else:
        warnings = ("the file states no axes: which side is left is a guess",)
    return stated_grid(sizes, spacing, np.array(origin), direction, path), warnings


def _place(fields: dict[str, str], geometry: Geometry, length: int, path: Path) -> VoxelPlace:
    kind = _TYPES.get(fields.get("elementtype", "").upper())
    data = fields["elementdatafile"]
    is_text = fields.get("binarydata", "true").lower() == "false"
    if kind is None or is_text or data.upper().startswith("LIST") or "%" in data:
        what = "text" if is_text else fields.get("elementtype") or "no type"
        raise InputError(
            f"its voxels are of a kind that is not read ({what}, {data})",
            path=path,
            remedy="Save it as one file of binary voxels",
        )
    orders = [fields.get(f"{name}byteordermsb", "") for name in ("binarydata", "element")]
    order = ">" if "true" in (one.lower() for one in orders) else "<"
    packing = "zlib" if fields.get("compresseddata", "").lower() == "true" else "raw"
    is_local = data.upper() == "LOCAL"
    file, start = (path, length) if is_local else (named_beside(path, data), 0)
    dtype = np.dtype(order + kind)
    skip = int(fields.get("headersize") or 0)
    place = VoxelPlace(file, start, 0, packing, dtype, geometry.shape)
    if not is_local and skip:
        try:
            end = file.stat().st_size
        except OSError as error:
            raise InputError("its file of voxels is missing", path=file) from error
        start = end - place.size if skip == -1 else skip
        return VoxelPlace(file, max(start, 0), 0, packing, dtype, geometry.shape)
    return place
