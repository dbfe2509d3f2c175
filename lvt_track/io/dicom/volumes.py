"""A DICOM series, of single slices or of frames, to a volume in Hounsfield units."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.frames import read_frame_headers
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.dicom.stack import stack_slices
from lvt_track.io.images.itk import quiet_itk
from lvt_track.io.images.volumes import to_volume

__all__ = ["read_series"]

_INT16 = np.iinfo(np.int16)


def read_series(files: Sequence[Path]) -> Volume:
    """Read the slices of one series, given in any order.

    Each slice or frame gets its own rescale slope and intercept. Values are int16 where all are
    whole numbers in its range, else float32.

    Args:
        files: one DICOM file per slice, or one of enhanced CT with a frame per slice.

    Raises:
        InputError: when a file cannot be read, the slices do not form a volume, or the values
            are not HU.
    """
    headers, errors = read_frame_headers(files)
    if errors:
        raise errors[0]
    if not headers:
        raise InputError("no DICOM files")
    stack = stack_slices(headers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = {
            path: _stored(path) for path in {h.path for h in stack.headers if h.frame is not None}
        }
        slices = [
            _slice_hu(header) if header.frame is None else _frame_hu(header, frames[header.path])
            for header in stack.headers
        ]
    if any(np.issubdtype(one.dtype, np.floating) for one in slices):
        values: NDArray[Any] = np.stack([one.astype(np.float32) for one in slices])
    else:
        values = np.stack(slices)
    return to_volume(values, stack.geometry, stack.headers[0].folder)


def _slice_hu(header: SliceHeader) -> NDArray[Any]:
    """HU of one slice (y, x)."""
    syntax = UID(header.transfer_syntax)
    is_compressed = syntax.is_transfer_syntax and syntax.is_encapsulated
    hu = _decoded_hu(header) if is_compressed else _plain_hu(header)
    if hu.shape != (header.rows, header.columns):
        raise InputError(
            f"its pixels are {hu.shape}, its header says {header.rows} × {header.columns}",
            path=header.path,
        )
    return hu


def _frame_hu(header: SliceHeader, stored: NDArray[Any]) -> NDArray[Any]:
    """HU of one frame (y, x) of the pixels of a file (frame, y, x)."""
    frame = (header.frame or 1) - 1
    frames = stored.reshape(-1, header.rows, header.columns)
    slope, intercept = header.rescale or (1.0, 0.0)
    return _rescaled(frames[frame], slope, intercept, header.path)


def _plain_hu(header: SliceHeader) -> NDArray[Any]:
    dataset = _with_pixels(header.path)
    slope = _number(dataset.get("RescaleSlope"), 1.0)
    intercept = _number(dataset.get("RescaleIntercept"), 0.0)
    return _rescaled(dataset.pixel_array, slope, intercept, header.path)


def _stored(path: Path) -> NDArray[Any]:
    stored: NDArray[Any] = _with_pixels(path).pixel_array
    return stored


def _with_pixels(path: Path) -> Dataset:
    """A file whose pixels were decoded."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit = dataset.original_encoding[0]
            dataset.file_meta.TransferSyntaxUID = (
                pydicom.uid.ImplicitVRLittleEndian
                if implicit
                else pydicom.uid.ExplicitVRLittleEndian
            )
        dataset.convert_pixel_data()
    except Exception as error:
        # pydicom raises whatever a damaged file provokes.
        raise InputError(
            f"its pixels cannot be read ({error})",
            path=path,
            remedy="Copy the file again, or export the series uncompressed",
        ) from error
    return dataset


def _rescaled(stored: NDArray[Any], slope: float, intercept: float, path: Path) -> NDArray[Any]:
    if slope == 0:
        raise InputError("its rescale slope is zero", path=path, remedy="Export it again")
    if slope.is_integer() and intercept.is_integer():
        hu = stored.astype(np.int32) * int(slope) + int(intercept)
        fits = hu.min() >= _INT16.min and hu.max() <= _INT16.max
        return hu.astype(np.int16) if fits else hu
    return (stored * slope + intercept).astype(np.float32)


def _decoded_hu(header: SliceHeader) -> NDArray[Any]:
    """HU of a compressed slice; GDCM decodes what pydicom alone cannot, and rescales it."""
    with quiet_itk():
        try:
            image = sitk.ReadImage(str(header.path))
        except RuntimeError as error:
            raise InputError(
                f"compressed as {UID(header.transfer_syntax).name}, which cannot be decoded here",
                path=header.path,
                remedy="Export the series uncompressed, or unpack it with gdcmconv --raw",
            ) from error
    array: NDArray[Any] = sitk.GetArrayFromImage(image)
    return array.reshape(array.shape[-2:]) if array.size == array[0].size else array


def _number(value: Any, default: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if np.isfinite(number) else default
