"""Where the pixels of a DICOM file lie, and whether they are all there.

Compressed pixels are a sequence of fragments (PS3.5 A.4). They are walked through, rather than
their end looked for, because files come with padding behind the end and without the end itself.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.uid import DeflatedExplicitVRLittleEndian

from lvt_track.errors import InputError

__all__ = ["Fragments", "check_deflated", "frames_of", "read_fragments"]

_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_ITEM = b"\xfe\xff\x00\xe0"
_END = b"\xfe\xff\xdd\xe0"
_UNDEFINED = 0xFFFFFFFF


# Slices of air deflate to a hundredth; deflate itself ends at a thousandth.
_MOST_INFLATED, _MOST_RATIO = 1 << 26, 200
_CHUNK = 1 << 20
_META_BYTES = 1 << 12
_DEFLATED = DeflatedExplicitVRLittleEndian.encode()


def check_deflated(path: Path, file: BinaryIO) -> None:
    """Check how much a deflated file unpacks to, before it is unpacked; the file is rewound.

    Raises:
        InputError: when it is more than 64 MiB and 200 times the file, as in a bomb.
    """
    if _DEFLATED in file.read(_META_BYTES):
        size = file.seek(0, os.SEEK_END)
        _skip_meta(file)
        most = max(_MOST_INFLATED, _MOST_RATIO * size)
        inflate, unpacked = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while not inflate.eof and (packed := inflate.unconsumed_tail or file.read(_CHUNK)):
            unpacked += len(inflate.decompress(packed, _CHUNK))
            if unpacked > most:
                raise InputError(
                    f"unpacks to more than {most >> 20} MiB, {most // size} times its size, which "
                    "no CT does",
                    path=path,
                    remedy="Export the file again, uncompressed",
                )
    file.seek(0)


def _skip_meta(file: BinaryIO) -> None:
    """Go to the first byte behind the preamble and the elements of group 0002."""
    file.seek(0)
    file.seek(132 if file.read(132)[128:] == b"DICM" else 0)
    while (head := file.read(8))[:2] == b"\x02\x00":
        is_long = head[4:6] in (b"OB", b"UN", b"OW", b"SQ")
        length = file.read(4) if is_long else head[6:8]
        file.seek(int.from_bytes(length, "little"), os.SEEK_CUR)
    file.seek(-len(head), os.SEEK_CUR)


@dataclass(frozen=True)
class Fragments:
    """The fragments of compressed pixels in a file.

    Attributes:
        places: (offset in the file, length) of each, the table of offsets aside.
        offsets: the table of offsets: where each frame begins, counted from the first fragment.
        is_whole: whether the last one ends within the file.
    """

    places: tuple[tuple[int, int], ...]
    offsets: tuple[int, ...]
    is_whole: bool


def read_fragments(file: BinaryIO) -> Fragments:
    """The fragments of a file that stands before its element of pixels; none read but looked up."""
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(start)
    head = file.read(12)
    if head[:4] != _PIXEL_DATA or len(head) < 12:
        return Fragments((), (), False)
    places: list[tuple[int, int]] = []
    offsets: tuple[int, ...] = ()
    is_first = True
    while True:
        item = file.read(8)
        if item[:4] == _END:
            return Fragments(tuple(places), offsets, bool(places))
        if len(item) < 8 or item[:4] != _ITEM:
            # A file may end without the last delimiter, when all its fragments are there.
            return Fragments(tuple(places), offsets, bool(places) and not item)
        length = struct.unpack("<I", item[4:])[0]
        offset = file.tell()
        if length == _UNDEFINED or offset + length > size:
            return Fragments(tuple(places), offsets, False)
        if is_first:
            table = file.read(length)
            offsets = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
            is_first = False
        else:
            places.append((offset, length))
            file.seek(length, os.SEEK_CUR)


def frames_of(file: BinaryIO, fragments: Fragments, count: int) -> list[bytes]:
    """The compressed bytes of each of `count` frames.

    Raises:
        ValueError: when fragments cannot be shared out among frames.
    """

    def joined(places: tuple[tuple[int, int], ...]) -> bytes:
        parts = []
        for offset, length in places:
            file.seek(offset)
            parts.append(file.read(length))
        return b"".join(parts)

    places = fragments.places
    if count == 1:
        return [joined(places)]
    if len(places) == count:
        return [joined((place,)) for place in places]
    if len(fragments.offsets) != count:
        raise ValueError(f"{len(places)} fragments for {count} frames, and no table of offsets")
    first = places[0][0] - 8
    starts = [first + offset for offset in fragments.offsets] + [places[-1][0] + places[-1][1]]
    return [
        joined(tuple(p for p in places if starts[k] <= p[0] - 8 < starts[k + 1]))
        for k in range(count)
    ]
