"""A DICOM series, of single slices or of frames, to a volume in Hounsfield units."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.frames import read_frame_headers
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.dicom.pixel_data.stored import StoredPixels, read_stored
from lvt_track.io.dicom.stack import Stack, stack_slices
from lvt_track.io.hounsfield import OUTSIDE_HU, check_hu, cut_by_window
from lvt_track.io.images.volumes import to_volume

__all__ = ["LabelsError", "check_pixels", "read_series", "read_stack"]

_LABELS = 16
_INT16 = np.iinfo(np.int16)


class LabelsError(InputError):
    """The images are whole, but a mask and no CT."""


def read_series(files: Sequence[Path], frames: Collection[tuple[Path, int]] = ()) -> Volume:
    """Read the slices of one series, given in any order.

    Each slice or frame gets its own rescale slope and intercept; padding becomes -1024 HU. Values
    are int16 where all are whole numbers in its range, else float32.

    Args:
        files: one DICOM file per slice, or files of enhanced CT with a frame per slice.
        frames: file and number (from 1) of the frames that form the volume; all where empty.

    Raises:
        InputError: when a file cannot be read, the slices do not form a volume, or the values
            are not HU.
    """
    headers, errors = read_frame_headers(files)
    if errors:
        raise errors[0]
    if frames:
        headers = [h for h in headers if (h.path, h.frame or 1) in frames]
    if not headers:
        raise InputError("no DICOM files")
    return read_stack(stack_slices(headers))


def read_stack(stack: Stack) -> Volume:
    """Read the voxels of slices in order.

    Raises:
        InputError: when a file cannot be decoded, or the values are not HU.
    """
    return to_volume(_values(stack), stack.geometry, stack.headers[0].folder)


def check_pixels(stack: Stack) -> str:
    """Decode the slice in the middle as all are read, and all where that looks like no CT.

    Returns:
        What a reader must know of the values; empty where there is nothing.

    Raises:
        LabelsError: when there are but a few values, as in a mask.
        InputError: when a slice cannot be decoded, or the values are not HU.
    """
    header = stack.headers[len(stack.headers) // 2]
    middle = _slice_hu(header, read_stored(header.path))
    try:
        check_hu(middle, header.path)
    except InputError:
        if len(np.unique(middle)) <= _LABELS and len(np.unique(_values(stack))) <= _LABELS:
            raise LabelsError(
                f"a mask or label map stored as CT: it has no more than {_LABELS} different values",
                path=header.folder,
            ) from None
        read_stack(stack)
    return cut_by_window(middle)


def _values(stack: Stack) -> NDArray[Any]:
    """The values of all slices (z, y, x)."""
    kept: dict[Path, StoredPixels] = {}
    slices: list[NDArray[Any]] = []
    for header in stack.headers:
        stored = kept.get(header.path) or read_stored(header.path)
        if header.frame is not None:
            kept[header.path] = stored
        slices.append(_slice_hu(header, stored))
    if any(np.issubdtype(one.dtype, np.floating) for one in slices):
        return np.stack([one.astype(np.float32) for one in slices])
    return np.stack(slices)


def _slice_hu(header: SliceHeader, stored: StoredPixels) -> NDArray[Any]:
    """HU of one slice or frame (y, x)."""
    number = (header.frame or 1) - 1
    if number >= len(stored.frames) or stored.frames.shape[1:] != (header.rows, header.columns):
        raise InputError(
            f"its pixels are {stored.frames.shape}, its header says "
            f"{header.frames} × {header.rows} × {header.columns}",
            path=header.path,
        )
    slope, intercept = header.rescale
    slope = slope or 1.0
    hu = _rescaled(stored.frames[number], slope, intercept)
    outside = stored.padded(number, (slope, intercept))
    if outside is None:
        return hu
    return _narrowed(np.where(outside, OUTSIDE_HU, hu))


def _rescaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    is_whole = np.issubdtype(stored.dtype, np.integer) or bool((stored % 1 == 0).all())
    if is_whole and slope.is_integer() and intercept.is_integer():
        return _narrowed(stored.astype(np.int64) * int(slope) + int(intercept))
    return (stored * slope + intercept).astype(np.float32)


def _narrowed(hu: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as int16 where they fit."""
    if np.issubdtype(hu.dtype, np.floating):
        return hu.astype(np.float32)
    if hu.min() >= _INT16.min and hu.max() <= _INT16.max:
        return hu.astype(np.int16)
    return hu.astype(np.int32)
