"""Why a CT file has too few pixels: cut short, or kept in a way that other readers do not know."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from lvt_track.io.dicom.pixel_data.encapsulation import read_fragments
from lvt_track.io.dicom.values import integer

__all__ = ["CUT_SHORT", "missing_pixels"]

CUT_SHORT = "the file is cut short"
"""What is told of a file that ends before its pixels do."""

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
}
_LEAST_PRIVATE_BYTES = 2048


def missing_pixels(path: Path, file: BinaryIO, dataset: Dataset, syntax: UID) -> str:
    """What is wrong with the pixels of a file read up to them; empty when they are all there."""
    start = file.tell()
    if syntax.is_transfer_syntax and syntax.is_deflated:
        return ""  # inflating it, which has just been done, would have failed
    if syntax.is_transfer_syntax and syntax.is_encapsulated:
        if read_fragments(file).is_whole:
            return ""
    else:
        head = file.read(8)
        first = start + (12 if head[4:6] in (b"OW", b"OB") else 8)
        size = file.seek(0, os.SEEK_END)
        pixels = integer(dataset, "Rows") * integer(dataset, "Columns")
        pixels *= integer(dataset, "NumberOfFrames", 1) * integer(dataset, "SamplesPerPixel", 1)
        if size - first >= pixels * integer(dataset, "BitsAllocated", 16) // 8:
            return ""
    file.seek(start)
    return _why_no_pixels(path, file, syntax) or CUT_SHORT


def _why_no_pixels(path: Path, file: BinaryIO, syntax: UID) -> str:
    """Why a file whose pixels do not fit its header is odd; empty where it was just cut short.

    Args:
        path: the file.
        file: it, open, standing before its element of pixels.
        syntax: the transfer syntax that it states.
    """
    head = file.read(64)
    if head[:4] in (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10"):
        kind = next((name for start, name in _STARTS.items() if start in head[8:]), "")
        if kind and not syntax.is_encapsulated:
            name = syntax.name if syntax.is_transfer_syntax else "uncompressed"
            return (
                f"its pixels are {kind}, but its header says {name}: correct the transfer syntax, "
                "or convert with the archive's own export to uncompressed DICOM"
            )
        return ""
    if head:
        return ""
    return _private_pixels(path)


def _private_pixels(path: Path) -> str:
    """Where a file without pixel data keeps a maker's own."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        large = [
            element
            for element in dataset
            if element.tag.is_private
            and isinstance(element.value, bytes)
            and len(element.value) >= _LEAST_PRIVATE_BYTES
        ]
    except Exception:  # a file that cannot be read on is cut short
        return ""
    if not large:
        return "the file has no pixel data: cut short, or taken out when it was exported"
    place = f"({large[0].tag.group:04X},{large[0].tag.element:04X})"
    owner = dataset.get((large[0].tag.group, large[0].tag.element >> 8))
    maker = f" of {owner.value}" if owner is not None else ""
    return (
        f"it has no pixel data but a private element {place}{maker}: convert with the maker's own "
        "workstation or with gdcmconv to uncompressed DICOM"
    )
