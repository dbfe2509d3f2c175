"""Where the voxels of a NIfTI file lie, by the rule of its standard and of nibabel.

The sform counts where its code is above zero, else the qform, else nothing but the voxel sizes.
Scans and masks follow the same rule, so that a mask lies on its scan whatever its header says.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.errors import InputError
from lvt_track.io.images.nifti import Header

__all__ = ["nifti_geometry", "sizes_of"]

_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_UNITS_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_RIGHT_ANGLE_TOLERANCE = 1e-3
_CONVERT = "Convert the scan again from DICOM, for example with dcm2niix"
# qform and sform are written by different steps of programs; a tenth of a voxel is rounding.
_DISAGREEMENT_VOXELS = 0.5


def sizes_of(header: Header, path: Path) -> tuple[int, int, int]:
    """Voxels along x, y, z.

    Raises:
        InputError: when it is not one volume.
    """
    count = int(header["dim"][0])
    if not 1 <= count <= 7:
        raise InputError(f"the header gives {count} dimensions", path=path, remedy=_CONVERT)
    sizes = [int(n) for n in header["dim"][1 : 1 + count]]
    if min(sizes) < 1:
        raise InputError(f"the header gives impossible sizes {sizes}", path=path, remedy=_CONVERT)
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) != 3:
        raise InputError(
            f"an image of {len(sizes)} dimensions ({' × '.join(map(str, sizes))}), not one volume",
            path=path,
            remedy="Give each 3D volume in a file of its own",
        )
    return sizes[0], sizes[1], sizes[2]


def nifti_geometry(header: Header, path: Path) -> tuple[Geometry, tuple[str, ...]]:
    """The grid, and what is odd about how the header states it.

    Raises:
        InputError: when it states none, or one that cannot be.
    """
    x, y, z = sizes_of(header, path)
    unit = _UNITS_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    sform = _sform(header, path) if int(header["sform_code"]) > 0 else None
    pixdim = _widened(header["pixdim"][1:4])
    qform = None
    if int(header["qform_code"]) > 0 or sform is None:
        if sform is None and not (np.isfinite(pixdim).all() and pixdim.min() > 0):
            raise InputError("states no voxel size", path=path, remedy=_CONVERT)
        if int(header["qform_code"]) > 0:
            qform = _qform(header, pixdim, path, is_needed=sform is None)
    if sform is not None and pixdim.min() < 0:
        raise InputError("the header gives negative voxel sizes", path=path, remedy=_CONVERT)
    affine = sform if sform is not None else qform
    warnings: tuple[str, ...] = ()
    if affine is None:
        affine = np.diag([-pixdim[0], -pixdim[1], pixdim[2], 1.0])
        warnings = ("neither qform nor sform: which side is left is a guess",)
    elif sform is not None and qform is not None:
        warnings = _disagreement(sform, qform, (x, y, z))
    columns = _TO_LPS @ affine[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    if not spacing.min() > 0:
        raise InputError("states no voxel size", path=path, remedy=_CONVERT)
    # pixdim says in few digits what the affine says in many.
    spacing_mm = np.where(np.abs(spacing - pixdim) <= 1e-5 * spacing, pixdim, spacing) * unit
    direction = columns / spacing + 0.0
    if not np.allclose(direction.T @ direction, np.eye(3), atol=_RIGHT_ANGLE_TOLERANCE):
        raise InputError(
            "its axes are not at right angles (a sheared affine)",
            path=path,
            remedy="Resample the scan to a regular grid, or give the DICOM files",
        )
    origin = _TO_LPS @ affine[:3, 3] * unit + 0.0
    try:
        geometry = Geometry(
            (z, y, x),
            (float(spacing_mm[2]), float(spacing_mm[1]), float(spacing_mm[0])),
            (float(origin[0]), float(origin[1]), float(origin[2])),
            direction,
        )
    except ValueError as error:
        raise InputError(f"impossible geometry: {error}", path=path) from error
    return geometry, warnings


def _widened(values: ArrayLike) -> FloatArray:
    """Values of a header in float64; damaged ones may be signalling NaN, which warn."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values, dtype=np.float64)


def _sform(header: Header, path: Path) -> FloatArray:
    rows = [_widened(header[f"srow_{name}"]) for name in "xyz"]
    affine = np.array([*rows, [0.0, 0.0, 0.0, 1.0]])
    if not np.isfinite(affine).all():
        raise InputError("its sform holds values that are no numbers", path=path, remedy=_CONVERT)
    return affine


def _qform(header: Header, pixdim: FloatArray, path: Path, *, is_needed: bool) -> FloatArray | None:
    b, c, d = (float(header[f"quatern_{name}"]) for name in "bcd")
    offset = np.array([float(header[f"qoffset_{name}"]) for name in "xyz"])
    values = np.array([b, c, d, *offset, *pixdim])
    if not np.isfinite(values).all():
        if is_needed:
            raise InputError(
                "its qform holds values that are no numbers", path=path, remedy=_CONVERT
            )
        return None
    squares = b * b + c * c + d * d
    if squares > 1.0:
        scale = np.sqrt(squares)
        a, b, c, d = 0.0, b / scale, c / scale, d / scale
    else:
        a = float(np.sqrt(1.0 - squares))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handedness = -1.0 if float(header["pixdim"][0]) < 0 else 1.0
    affine = np.eye(4)
    affine[:3, :3] = rotation * (pixdim * [1.0, 1.0, handedness])
    affine[:3, 3] = offset
    return affine


def _disagreement(
    sform: FloatArray, qform: FloatArray, sizes: tuple[int, int, int]
) -> tuple[str, ...]:
    corners = np.array([(i, j, k, 1) for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
    corners[:, :3] *= np.array(sizes) - 1
    off = float(np.abs(corners @ (sform - qform).T).max())
    by_sform, by_qform = (np.linalg.norm(one[:3, :3], axis=0) for one in (sform, qform))
    if off <= _DISAGREEMENT_VOXELS * float(by_sform.min()):
        return ()
    sizes_mm = ["×".join(f"{v:.3g}" for v in one) for one in (by_sform, by_qform)]
    return (
        f"qform and sform disagree by up to {off:.0f} mm (voxels of {sizes_mm[0]} mm by the sform, "
        f"which was taken, {sizes_mm[1]} mm by the qform)",
    )
