"""The NIfTI file format itself: headers and voxels, with nothing rounded or reoriented.

SimpleITK reads damaged files without complaint and rewrites orientation through its own matrices.
Here a damaged file is found, and the orientation of one file can be given to another byte for byte.
Format: https://nifti.nimh.nih.gov/nifti-1 (nifti1.h).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.errors import InputError
from lvt_track.io.files import write_whole
from lvt_track.io.images.voxels import VoxelPlace, unpacked

__all__ = [
    "ORIENTATION_FIELDS",
    "Header",
    "is_nifti",
    "new_header",
    "pair_of",
    "read_header",
    "voxels_of",
    "write_nifti",
]

Header = NDArray[np.void]
"""A NIfTI header: a structured array without axes, fields named as in nifti1.h."""

ORIENTATION_FIELDS = (
    "pixdim",
    "xyzt_units",
    "qform_code",
    "sform_code",
    "quatern_b",
    "quatern_c",
    "quatern_d",
    "qoffset_x",
    "qoffset_y",
    "qoffset_z",
    "srow_x",
    "srow_y",
    "srow_z",
)
"""The header fields that say where the voxels lie."""

_NIFTI1 = np.dtype(
    [
        ("sizeof_hdr", "<i4"),
        ("data_type", "S10"),
        ("db_name", "S18"),
        ("extents", "<i4"),
        ("session_error", "<i2"),
        ("regular", "S1"),
        ("dim_info", "u1"),
        ("dim", "<i2", 8),
        ("intent_p", "<f4", 3),
        ("intent_code", "<i2"),
        ("datatype", "<i2"),
        ("bitpix", "<i2"),
        ("slice_start", "<i2"),
        ("pixdim", "<f4", 8),
        ("vox_offset", "<f4"),
        ("scl_slope", "<f4"),
        ("scl_inter", "<f4"),
        ("slice_end", "<i2"),
        ("slice_code", "u1"),
        ("xyzt_units", "u1"),
        ("cal_max", "<f4"),
        ("cal_min", "<f4"),
        ("slice_duration", "<f4"),
        ("toffset", "<f4"),
        ("glmax", "<i4"),
        ("glmin", "<i4"),
        ("descrip", "S80"),
        ("aux_file", "S24"),
        ("qform_code", "<i2"),
        ("sform_code", "<i2"),
        ("quatern_b", "<f4"),
        ("quatern_c", "<f4"),
        ("quatern_d", "<f4"),
        ("qoffset_x", "<f4"),
        ("qoffset_y", "<f4"),
        ("qoffset_z", "<f4"),
        ("srow_x", "<f4", 4),
        ("srow_y", "<f4", 4),
        ("srow_z", "<f4", 4),
        ("intent_name", "S16"),
        ("magic", "S4"),
    ]
)
_NIFTI2_SIZE = 540
_DATATYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_CODES = {np.dtype(name): code for code, name in _DATATYPES.items()}
_EXTENSION_FLAG = b"\0\0\0\0"
_MILLIMETRES = 2
_SCANNER = 1
_DAMAGED = "Copy the file again from its source"
_COMPRESSION = 2
_MOST_OFFSET = 1 << 30


def is_nifti(path: Path) -> bool:
    """Whether the name says NIfTI, in one file or as a header beside its voxels."""
    return path.name.lower().endswith((".nii", ".nii.gz", ".hdr"))


def read_header(path: Path) -> Header:
    """The header of a NIfTI-1 file, in the file's own byte order.

    Raises:
        InputError: when there is none.
    """
    return _parse_header(_first_bytes(path, _NIFTI1.itemsize), path)


def voxels_of(header: Header, shape: tuple[int, int, int], path: Path) -> VoxelPlace:
    """Where the voxels of a file are, and how they are scaled.

    Raises:
        InputError: for a type that is no grey value, or numbers that are none.
    """
    code = int(header["datatype"])
    if code not in _DATATYPES:
        raise InputError(f"voxels of NIfTI type {code} are not grey values", path=path)
    dtype = np.dtype(_DATATYPES[code]).newbyteorder(header["dim"].dtype.byteorder)
    offset = float(header["vox_offset"])
    is_pair = header["magic"].item() == b"ni1"
    least = 0 if is_pair else _NIFTI1.itemsize
    if not np.isfinite(offset) or offset < 0 or offset > _MOST_OFFSET:
        raise InputError(
            f"its voxels begin at {offset:g}, which cannot be", path=path, remedy=_DAMAGED
        )
    if 0 < offset < least:
        raise InputError(
            f"its voxels begin within the header (at {offset:g})", path=path, remedy=_DAMAGED
        )
    # Readers of the format take 0 in a single file for "right behind the header".
    start = int(offset) or (0 if is_pair else _NIFTI1.itemsize + len(_EXTENSION_FLAG))
    slope, intercept = _scaling(header, path)
    data = pair_of(path) if is_pair else path
    packing = "gzip" if data.name.lower().endswith(".gz") else "raw"
    return VoxelPlace(data, 0, start, packing, dtype, shape, slope, intercept)


def pair_of(path: Path) -> Path:
    """The file of voxels beside a header `.hdr`."""
    for suffix in (".img", ".img.gz", ".IMG"):
        data = path.with_name(path.name[: -len(".hdr")] + suffix)
        if data.exists():
            return data
    return path.with_suffix(".img")


def _scaling(header: Header, path: Path) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    # A slope of zero means "not scaled" by the standard; nibabel puts NaN into both.
    if slope == 0 or (np.isnan(slope) and (np.isnan(intercept) or intercept == 0)):
        return 1.0, 0.0
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise InputError(
            f"its slope and intercept are no numbers ({slope:g}, {intercept:g})",
            path=path,
            remedy=_DAMAGED,
        )
    return slope, intercept


def new_header(geometry: Geometry) -> Header:
    """A NIfTI-1 header whose qform and sform both say `geometry`."""
    header = np.zeros((), _NIFTI1)
    flip = np.diag([-1.0, -1.0, 1.0])
    direction = flip @ geometry.direction
    origin = flip @ np.array(geometry.origin_mm)
    spacing = np.array(geometry.spacing_mm[::-1])
    handedness = 1.0 if np.linalg.det(direction) > 0 else -1.0
    rotation = direction * np.array([1.0, 1.0, handedness])
    header["pixdim"] = [handedness, *spacing, 0, 0, 0, 0]
    header["xyzt_units"] = _MILLIMETRES
    header["qform_code"] = header["sform_code"] = _SCANNER
    header["quatern_b"], header["quatern_c"], header["quatern_d"] = _quaternion(rotation)
    header["qoffset_x"], header["qoffset_y"], header["qoffset_z"] = origin
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        header[name] = [*(direction[row] * spacing), origin[row]]
    return header


def write_nifti(array: NDArray[Any], path: Path, orientation: Header, slope: float = 1.0) -> None:
    """Write voxels (z, y, x) with the orientation of another header, byte for byte.

    The file has the byte order of that header, and nothing else of it. Equal arguments give equal
    bytes. Readers multiply the voxels by `slope`.

    Raises:
        OutputError: when the file cannot be written.
    """
    header = np.zeros((), orientation.dtype)
    for name in ORIENTATION_FIELDS:
        header[name] = orientation[name]
    dtype = array.dtype.newbyteorder(orientation["dim"].dtype.byteorder)
    header["sizeof_hdr"] = header.dtype.itemsize
    header["dim"] = [array.ndim, *array.shape[::-1], *[1] * (7 - array.ndim)]
    header["datatype"] = _CODES[array.dtype]
    header["bitpix"] = 8 * array.dtype.itemsize
    header["vox_offset"] = header.dtype.itemsize + len(_EXTENSION_FLAG)
    header["scl_slope"] = slope
    header["magic"] = b"n+1"
    parts = (header.tobytes(), _EXTENSION_FLAG, np.ascontiguousarray(array, dtype).data)
    with write_whole(path) as temporary, temporary.open("wb") as file:
        if path.name.lower().endswith(".gz"):
            with igzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as packed:
                for part in parts:
                    packed.write(part)
        else:
            for part in parts:
                file.write(part)


def _first_bytes(path: Path, count: int) -> bytes:
    """The first bytes, unpacked."""
    content = b""
    packing = "gzip" if path.name.lower().endswith(".gz") else "raw"
    for piece in unpacked(path, 0, packing):
        content += piece
        if len(content) >= count:
            break
    return content[:count]


def _parse_header(content: bytes, path: Path) -> Header:
    for order in ("<", ">"):
        size = int(np.frombuffer(content[:4].ljust(4, b"\0"), f"{order}i4")[0])
        if size == _NIFTI2_SIZE:
            raise InputError(
                "NIfTI-2, which is not read", path=path, remedy="Convert the file to NIfTI-1"
            )
        if size == _NIFTI1.itemsize and len(content) >= size:
            header: Header = np.ndarray((), _NIFTI1.newbyteorder(order), content)
            magic = header["magic"].item()
            if magic == (b"ni1" if path.name.lower().endswith(".hdr") else b"n+1"):
                return header
            if path.name.lower().endswith(".hdr") and magic == b"":
                raise InputError(
                    "ANALYZE 7.5, which does not say which side is left",
                    path=path,
                    remedy="Convert the scan again from DICOM, for example with dcm2niix",
                )
    raise InputError(
        "not a NIfTI file, whatever its name says",
        path=path,
        remedy="Convert the scan again, for example with dcm2niix",
    )


def _quaternion(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """b, c, d of the unit quaternion with a >= 0 (a is implied by NIfTI)."""
    # Bar-Itzhack (2000): the quaternion is the eigenvector of the largest eigenvalue of K, which
    # is well conditioned for every rotation, half turns included.
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    k = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    b, c, d, a = np.linalg.eigh(k)[1][:, -1]
    sign = -1.0 if a < 0 else 1.0
    return sign * b, sign * c, sign * d
