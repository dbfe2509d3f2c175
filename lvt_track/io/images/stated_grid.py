"""The grid that the header of an NRRD or MetaImage file states, checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.errors import InputError

__all__ = ["stated_grid"]


def stated_grid(
    sizes: Sequence[int],
    spacing_mm: Sequence[float] | FloatArray,
    origin_mm: FloatArray,
    direction: FloatArray,
    path: Path,
) -> Geometry:
    """The geometry of a file, from values in its own order of axes, x first.

    Args:
        sizes: voxels along x, y, z.
        spacing_mm: along x, y, z.
        origin_mm: LPS of the first voxel's centre.
        direction: (3, 3), the columns the directions of x, y, z in LPS.
        path: the file, to name it.

    Raises:
        InputError: when no regular grid has these.
    """
    try:
        return Geometry(
            (sizes[2], sizes[1], sizes[0]),
            (float(spacing_mm[2]), float(spacing_mm[1]), float(spacing_mm[0])),
            (float(origin_mm[0]), float(origin_mm[1]), float(origin_mm[2])),
            direction,
        )
    except (ValueError, IndexError) as error:
        raise InputError(
            "its axes are not at right angles (a sheared affine)"
            if "orthonormal" in str(error)
            else f"impossible geometry: {error}",
            path=path,
            remedy="Resample the scan to a regular grid, or give the DICOM files",
        ) from error
