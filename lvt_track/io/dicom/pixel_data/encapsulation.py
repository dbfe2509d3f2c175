"""Where the pixels of a DICOM file lie, and whether they are all there.

Compressed pixels are a sequence of fragments (PS3.5 A.4). They are walked through, rather than
their end looked for, because files come with padding behind the end and without the end itself.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Fragments", "frames_of", "read_fragments"]

_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_ITEM = b"\xfe\xff\x00\xe0"
_END = b"\xfe\xff\xdd\xe0"
_UNDEFINED = 0xFFFFFFFF


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
        here = file.tell()
        if length == _UNDEFINED or here + length > size:
            return Fragments(tuple(places), offsets, False)
        if is_first:
            table = file.read(length)
            offsets = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
            is_first = False
        else:
            places.append((here, length))
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
