"""Transforms on disk, as SimpleITK and 3D Slicer read them (.h5, .tfm)."""

from __future__ import annotations

import os
from pathlib import Path

import SimpleITK as sitk

from lvt_track.errors import InputError
from lvt_track.io.files import write_whole
from lvt_track.io.hdf5_times import clear_times
from lvt_track.io.images.itk import itk_path

__all__ = ["read_transform", "write_transform"]

_BYTES_PER_VALUE = 8
_HEADERS_BYTES = 1 << 16


def write_transform(transform: sitk.Transform, path: Path) -> None:
    """Write a transform; it appears whole or not at all.

    The same transform gives the same file, byte for byte.

    Args:
        transform: from points of the fixed scan to points of the moving one, in LPS mm.
        path: ends in `.h5` (for fields of displacements) or `.tfm` (text, for affine maps).

    Raises:
        OutputError: when the file cannot be written.
    """
    with write_whole(path) as temporary:
        _reserve(temporary, _BYTES_PER_VALUE * len(transform.GetParameters()) + _HEADERS_BYTES)
        try:
            with itk_path(temporary) as name:
                sitk.WriteTransform(transform, name)
        except RuntimeError as error:
            raise OSError(str(error).splitlines()[-1]) from error
        if temporary.suffix == ".h5":
            clear_times(temporary)


def read_transform(path: Path) -> sitk.Transform:
    """Read a transform.

    Raises:
        InputError: when the file is missing or is no transform.
    """
    if not Path(path).is_file():
        raise InputError("there is no such transform", path=path)
    try:
        with itk_path(path) as name:
            return sitk.ReadTransform(name)
    except RuntimeError as error:
        raise InputError(
            "cannot be read as a transform", path=path, remedy="Give a .h5 or .tfm file of ITK"
        ) from error


def _reserve(path: Path, size: int) -> None:
    """Make sure there is room: HDF5 on a full disk crashes when the process ends."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(0)
