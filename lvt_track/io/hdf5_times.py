"""HDF5 files without the time of their writing, so that the same content is the same file.

ITK has HDF5 write down when each object was made, and offers no way to leave it out. The times
stand in the object headers (version 2 of them), each of which ends in a checksum; see the HDF5 File
Format Specification 3.0, IV.A.1.b, and Bob Jenkins' lookup3 (public domain) for the checksum.
"""

from __future__ import annotations

import struct
from pathlib import Path

__all__ = ["clear_times"]

_SIGNATURE = b"OHDR\x02"
_FLAGS_AT = len(_SIGNATURE)
_HAS_TIMES, _HAS_ATTRIBUTE_LIMITS, _SIZE_BITS = 0x20, 0x10, 0x03
_TIMES = 16
_CHECKSUM = 4
_WORD = 0xFFFFFFFF


def clear_times(path: Path) -> None:
    """Set all times in the object headers of a file to 0 (1970-01-01), and mend their checksums.

    Bytes that only look like a header have no such checksum, and stay.

    Args:
        path: an HDF5 file; it is changed in place.

    Raises:
        OSError: when it cannot be read or written.
    """
    content = bytearray(path.read_bytes())
    start = content.find(_SIGNATURE)
    while start >= 0:
        _clear_header(content, start)
        start = content.find(_SIGNATURE, start + 1)
    path.write_bytes(content)


def _clear_header(content: bytearray, start: int) -> None:
    flags = content[start + _FLAGS_AT] if start + _FLAGS_AT < len(content) else 0
    if not flags & _HAS_TIMES:
        return
    times = start + _FLAGS_AT + 1
    size_at = times + _TIMES + (4 if flags & _HAS_ATTRIBUTE_LIMITS else 0)
    size_bytes = 1 << (flags & _SIZE_BITS)
    size = int.from_bytes(content[size_at : size_at + size_bytes], "little")
    end = size_at + size_bytes + size
    stored = bytes(content[end : end + _CHECKSUM])
    if stored != _checksum(bytes(content[start:end])):
        return
    content[times : times + _TIMES] = bytes(_TIMES)
    content[end : end + _CHECKSUM] = _checksum(bytes(content[start:end]))


def _checksum(data: bytes) -> bytes:
    """Jenkins' lookup3 (`hashlittle`, seed 0), as HDF5 stores it."""
    a = b = c = (0xDEADBEEF + len(data)) & _WORD
    if not data:
        return struct.pack("<I", c)
    full = (len(data) - 1) // 12 * 12
    for x, y, z in struct.iter_unpack("<III", data[:full]):
        a, b, c = _mixed((a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD)
    x, y, z = struct.unpack("<III", data[full:].ljust(12, b"\0"))
    return struct.pack("<I", _final((a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD))


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _WORD


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _WORD) ^ _rotated(c, bits)
        c = (c + b) & _WORD
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, bits)) & _WORD
        a, b, c = b, c, a
    return b
