"""Why a CT file has too few pixels: cut short, or kept in a way that other readers do not know."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.uid import UID

__all__ = ["why_no_pixels"]

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
}
_LEAST_PRIVATE_BYTES = 2048


def why_no_pixels(path: Path, file: BinaryIO, syntax: UID) -> str:
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
