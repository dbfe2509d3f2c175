"""The stored pixels of DICOM files: decoded, with padding found, not yet in Hounsfield units."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from scipy import ndimage

from lvt_track.errors import InputError
from lvt_track.io.dicom.pixel_data.encapsulation import frames_of, read_fragments
from lvt_track.io.images.itk import quiet_itk

__all__ = ["StoredPixels", "pixel_digests", "read_stored"]

_LAYOUT = (
    "SamplesPerPixel",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
# Stored padding that stands for a value in this range may also be tissue.
_TISSUE_HU = (-900.0, 2500.0)
_WIDEST_PADDING = 4096


@dataclass(frozen=True, eq=False)
class StoredPixels:
    """Pixels of one file as they are stored.

    Attributes:
        frames: array (frame, y, x) of any number type.
        padding: the values outside the scanner's circle, from the first and how many; None where
            the header names none.
        bits: how many bits a pixel was given.
    """

    frames: NDArray[Any]
    padding: tuple[int, int] | None
    bits: int

    def padded(self, frame: int, rescale: tuple[float, float]) -> NDArray[np.bool_] | None:
        """Where a frame (y, x) is padding; None where nowhere.

        A padding value that as HU could be tissue counts only where it hangs together with a
        corner of the picture.
        """
        if self.padding is None:
            return None
        stored = self.frames[frame]
        if not np.issubdtype(stored.dtype, np.integer):
            return None
        # Headers state the value with the wrong sign, so it is compared bit for bit.
        first, count = self.padding
        same: NDArray[np.bool_] = (stored.astype(np.int64) - first) % (1 << self.bits) < count
        if not same.any():
            return None
        slope, intercept = rescale
        hu = float(stored[same][0]) * slope + intercept
        if _TISSUE_HU[0] < hu < _TISSUE_HU[1]:
            pieces, _ = ndimage.label(same)
            corners = {int(pieces[y, x]) for y in (0, -1) for x in (0, -1)} - {0}
            same = np.isin(pieces, list(corners))
        return same


def read_stored(path: Path) -> StoredPixels:
    """Decode the pixels of a file.

    Raises:
        InputError: when they cannot be decoded, with what to do.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = _with_pixels(path)
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax.is_transfer_syntax and syntax.is_encapsulated:
            frames = _decoded(path, dataset)
        else:
            frames = _plain(path, dataset)
        return StoredPixels(frames, _padding(dataset), int(dataset.get("BitsAllocated") or 16))


def pixel_digests(path: Path) -> tuple[bytes, ...]:
    """A digest of the stored bytes of every frame, not decoded; none where they cannot be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            count = int(dataset.get("NumberOfFrames") or 1)
            syntax = dataset.file_meta.get("TransferSyntaxUID", ExplicitVRLittleEndian)
            if syntax.is_transfer_syntax and syntax.is_encapsulated:
                parts = _frames(path, count)
            else:
                dataset = pydicom.dcmread(path, force=True)
                content = dataset.get("PixelData") or dataset.get("FloatPixelData") or b""
                size = len(content) // count
                parts = [content[k * size : (k + 1) * size] for k in range(count)]
            return tuple(hashlib.sha256(part).digest() for part in parts)
        except Exception:  # reported when the series is read
            return ()


def _with_pixels(path: Path) -> Dataset:
    try:
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        if syntax is None or not syntax.is_transfer_syntax or not syntax.is_encapsulated:
            dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, little = dataset.original_encoding
            dataset.file_meta.TransferSyntaxUID = (
                ExplicitVRBigEndian
                if little is False
                else ImplicitVRLittleEndian
                if implicit
                else ExplicitVRLittleEndian
            )
    except Exception as error:
        # pydicom raises whatever a damaged file provokes.
        raise _unreadable(path, error) from error
    return dataset


def _plain(path: Path, dataset: Dataset) -> NDArray[Any]:
    try:
        dataset.convert_pixel_data()
        pixels: NDArray[Any] = dataset.pixel_array
    except Exception as error:
        raise _unreadable(path, error) from error
    return pixels.reshape(-1, *pixels.shape[-2:])


def _frames(path: Path, count: int) -> list[bytes]:
    with path.open("rb") as file:
        pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["Rows"], force=True)
        return frames_of(file, read_fragments(file), count)


def _decoded(path: Path, dataset: Dataset) -> NDArray[Any]:
    """Decompress each frame as a file of its own, in which nothing but its pixels is left.

    GDCM decodes more than pydicom alone, but would apply slope, intercept and photometric
    interpretation by rules of its own, and cannot open names that are not UTF-8.
    """
    count = int(dataset.get("NumberOfFrames") or 1)
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        frames = _frames(path, count)
        with tempfile.TemporaryDirectory(prefix="lvt-") as folder, quiet_itk():
            bare = Path(folder, "frame.dcm")
            decoded = []
            for frame in frames:
                _write_bare(bare, dataset, frame)
                array = sitk.GetArrayFromImage(sitk.ReadImage(str(bare)))
                decoded.append(array.reshape(array.shape[-2:]))
            return np.stack(decoded)
    except Exception as error:
        raise InputError(
            f"compressed as {syntax.name}, which cannot be decoded here",
            path=path,
            remedy="Export the series uncompressed, or unpack it with gdcmconv --raw",
        ) from error


def _write_bare(path: Path, dataset: Dataset, frame: bytes) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    bare = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    bare.SOPClassUID, bare.SOPInstanceUID = CTImageStorage, UID("2.25.1")
    bare.Modality, bare.PhotometricInterpretation = "CT", "MONOCHROME2"
    for keyword in _LAYOUT:
        if dataset.get(keyword) is not None:
            setattr(bare, keyword, dataset.get(keyword))
    bare.PixelData = encapsulate([frame])
    bare["PixelData"].is_undefined_length = True
    bare.save_as(path, enforce_file_format=True)


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    first = _integer(dataset, "PixelPaddingValue")
    if first is None:
        return None
    last = _integer(dataset, "PixelPaddingRangeLimit")
    last = first if last is None else last
    # A range as wide as the pixels' own would blank the picture: it is a mistake.
    is_narrow = abs(last - first) < _WIDEST_PADDING
    return (min(first, last), abs(last - first) + 1) if is_narrow else (first, 1)


def _integer(dataset: Dataset, keyword: str) -> int | None:
    try:
        value = dataset.get(keyword)
        if isinstance(value, bytes):
            value = int.from_bytes(value[:2], "little")
        return None if value is None else int(value)
    except Exception:  # a value that breaks the rules of its type says nothing
        return None


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"its pixels cannot be read ({error})",
        path=path,
        remedy="Copy the file again, or export the series uncompressed",
    )
