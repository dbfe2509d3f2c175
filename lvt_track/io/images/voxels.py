"""Voxels of an image file as a stream: bounded in memory by what the file holds."""

from __future__ import annotations

import bz2
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from gzip import BadGzipFile
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from lvt_track.errors import InputError

__all__ = [
    "LABEL_TOLERANCE",
    "VoxelKind",
    "VoxelPlace",
    "check_whole",
    "kind_of_voxels",
    "named_beside",
    "read_slice",
    "read_voxels",
    "unpacked",
    "whole_labels",
]

_CHUNK = 1 << 20
_DAMAGED = "Copy the file again from its source"
# 1024 × 1024 × 2000 voxels of 16 bits, the largest CT there is; more is a mistake or an attack.
_MOST_GIB = 4
_MOST_SURPLUS = 1 << 24
# TotalSegmentator has 117 labels, a windowed 8-bit picture nearly 256 values.
_LABELS = 150
_HIGHEST_LABEL = 1000
LABEL_TOLERANCE = 1e-4
"""Labels that were resampled or scaled as floats come out as 0.99999994 or 1.0000001."""

VoxelKind = str
"""`grey`, `labels`, `probabilities`, or `empty` where every voxel is 0."""


@dataclass(frozen=True)
class VoxelPlace:
    """Where the voxels of an image are, and how they are packed.

    Attributes:
        path: the file that holds them.
        start: bytes before the packed voxels.
        skip: unpacked bytes before the first voxel.
        packing: `raw`, `gzip`, `zlib` or `bzip2`.
        dtype: of a stored voxel, with its byte order.
        shape: voxels along z, y, x.
        slope, intercept: what stored values are multiplied with, and what is added.
        layers: values that each voxel has, side by side; more than one in maps of labels alone.
    """

    path: Path
    start: int
    skip: int
    packing: str
    dtype: np.dtype[Any]
    shape: tuple[int, int, int]
    slope: float = 1.0
    intercept: float = 0.0
    layers: int = 1

    @property
    def size(self) -> int:
        """Bytes of all voxels, unpacked."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.layers * self.dtype.itemsize


def read_voxels(place: VoxelPlace) -> NDArray[Any]:
    """The voxels (z, y, x), scaled; of the stored type where slope and intercept are 1 and 0.

    Those of several layers have a fourth axis.

    Raises:
        InputError: when the file is damaged or shorter than its header says.
    """
    content = bytearray()
    for chunk in _chunks(place):
        content += chunk
    shape = place.shape if place.layers == 1 else (*place.shape, place.layers)
    stored = np.frombuffer(bytes(content), place.dtype).reshape(shape)
    return _scaled(stored.astype(place.dtype.newbyteorder("="), copy=False), place)


def read_slice(place: VoxelPlace, k: int) -> NDArray[Any]:
    """One slice (1, y, x), read without those behind it.

    Raises:
        InputError: when the file is damaged before its end, or too short.
    """
    _, height, width = place.shape
    skip = place.skip + k * height * width * place.layers * place.dtype.itemsize
    return read_voxels(replace(place, skip=skip, shape=(1, height, width)))


def check_whole(place: VoxelPlace) -> None:
    """Check that the voxels are all there, by sizes alone where these can tell.

    Raises:
        InputError: when they are not.
    """
    _check_size(place)
    if (
        place.packing == "gzip"
        and place.start == 0
        and _gzip_size(place.path) == ((place.skip + place.size) % (1 << 32))
    ):
        return
    if place.packing == "raw":
        _check_raw(place)
        return
    for _ in _chunks(place):
        pass


def kind_of_voxels(place: VoxelPlace) -> VoxelKind:
    """What the voxels mean by their values: grey values, labels, or probabilities.

    Labels are few whole numbers from 0; probabilities lie from 0 to 1. Reading ends with the first
    value that settles it, which in CT is in the first slice.

    Raises:
        InputError: when the file is damaged before that.
    """
    distinct: set[float] = set()
    is_share = False
    for chunk in _chunks(place):
        values = np.unique(np.frombuffer(chunk, place.dtype))
        values = _scaled(values.astype(place.dtype.newbyteorder("=")), place)
        if not np.isfinite(values.astype(np.float64)).all():
            return "grey"
        if values[0] < -LABEL_TOLERANCE:
            return "grey"
        if values[-1] > _HIGHEST_LABEL:
            return "grey"
        whole = whole_labels(values)
        if whole is None:
            if values[-1] > 1:
                return "grey"
            is_share = True
        elif not is_share:
            distinct |= {float(value) for value in whole}
            if len(distinct) > _LABELS:
                return "grey"
    if is_share:
        return "grey" if max(distinct, default=0) > 1 else "probabilities"
    return "labels" if distinct - {0.0} else "empty"


def whole_labels(values: NDArray[Any]) -> NDArray[Any] | None:
    """Values as whole numbers, which saving as floats may miss by a little; None for others."""
    if not np.issubdtype(values.dtype, np.floating):
        return values
    whole: NDArray[Any] = np.rint(values)
    is_whole = np.abs(values - whole).max(initial=0.0) <= LABEL_TOLERANCE
    return whole if is_whole else None


def _scaled(stored: NDArray[Any], place: VoxelPlace) -> NDArray[Any]:
    if (place.slope, place.intercept) == (1.0, 0.0):
        return stored
    scaled: NDArray[Any] = stored.astype(np.float64) * place.slope + place.intercept
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused as no HU
        return scaled.astype(np.float32)


def _check_size(place: VoxelPlace) -> None:
    if place.size > _MOST_GIB << 30:
        sizes = " × ".join(map(str, place.shape[::-1]))
        raise InputError(
            f"the header gives impossible sizes ({sizes}): {place.size / 2**30:.0f} GiB of voxels, "
            f"more than the {_MOST_GIB} GiB that any CT has",
            path=place.path,
            remedy=_DAMAGED,
        )


def _check_raw(place: VoxelPlace) -> None:
    try:
        stored = place.path.stat().st_size - place.start - place.skip
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=place.path) from error
    if stored < place.size:
        raise _cut_short(place, stored)


def _cut_short(place: VoxelPlace, stored: int) -> InputError:
    share = max(0.0, stored / place.size)
    return InputError(
        f"cut short: only {share:.0%} of the voxels are there", path=place.path, remedy=_DAMAGED
    )


def _gzip_size(path: Path) -> int:
    """Bytes that the last member of a gzip file unpacks to, modulo 2^32; -1 where unknown."""
    try:
        with path.open("rb") as file:
            file.seek(-4, os.SEEK_END)
            return int.from_bytes(file.read(4), "little")
    except OSError:
        return -1


def _chunks(place: VoxelPlace) -> Iterator[bytes]:
    """The bytes of all voxels, in pieces of whole voxels.

    Raises:
        InputError: when there are fewer.
    """
    _check_size(place)
    if place.packing == "raw":
        _check_raw(place)
    wanted, skip, read, surplus = place.size, place.skip, 0, 0
    rest = b""
    for piece in unpacked(place.path, place.start, place.packing):
        if read == wanted:
            surplus += len(piece)
            if surplus > _MOST_SURPLUS or place.packing == "raw":
                return
            continue
        if skip:
            taken = min(skip, len(piece))
            skip -= taken
            piece = piece[taken:]
        piece = rest + piece[: wanted - read]
        read += len(piece) - len(rest)
        whole = len(piece) - len(piece) % place.dtype.itemsize
        rest = piece[whole:]
        if whole:
            yield piece[:whole]
    if read == wanted:  # the end of the packed stream was met, and its checksum is right
        return
    raise _cut_short(place, read)


def named_beside(header: Path, name: str) -> Path:
    """The file of voxels that a header names, beside it.

    Raises:
        InputError: when no file can be called so.
    """
    if "\0" in name:
        raise InputError("the name of its file of voxels is damaged", path=header, remedy=_DAMAGED)
    return header.parent / name


def unpacked(path: Path, start: int, packing: str) -> Iterator[bytes]:
    """The content of a file from `start`, unpacked piece by piece.

    Raises:
        InputError: when it cannot be opened or unpacked.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            if packing == "raw":
                while piece := file.read(_CHUNK):
                    yield piece
            elif packing == "bzip2":
                yield from _bunzipped(file)
            else:
                yield from _inflated(file, is_zlib=packing == "zlib")
    except FileNotFoundError as error:
        raise InputError("there is no such file", path=path) from error
    except (BadGzipFile, isal_zlib.IsalError, EOFError, ValueError) as error:  # type: ignore[misc]
        kind = "bzip2" if packing == "bzip2" else "gzip"
        what = _placeholder(path) or f"damaged {kind} file ({error})"
        raise InputError(what, path=path, remedy=_DAMAGED) from error
    except OSError as error:
        if packing != "raw" and error.errno is None:
            raise InputError(f"damaged {packing} file ({error})", path=path) from error
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error


def _placeholder(path: Path) -> str:
    """What stands for the content of a file that was not fetched; empty for any other file."""
    with path.open("rb") as file:
        start = file.read(200)
    if not start:
        return "an empty file (0 bytes)"
    if start.startswith(b"version https://git-lfs") or b"/annex/objects/" in start:
        return "a placeholder of git LFS or git-annex, not the scan itself: fetch it first"
    return ""


def _inflated(file: Any, *, is_zlib: bool) -> Iterator[bytes]:
    """Members of a gzip file, or one zlib stream; what follows them is left aside."""
    packed = file.read(_CHUNK)
    if not packed:
        return
    is_first = True
    while packed:
        if is_zlib and not is_first:
            return
        if not is_zlib and packed[:2] != b"\x1f\x8b":
            if is_first:
                raise BadGzipFile(f"Not a gzipped file ({packed[:2]!r})")
            return
        is_first = False
        member = isal_zlib.decompressobj(wbits=15 if is_zlib else 31)
        while not member.eof:
            while True:
                piece = member.decompress(packed, _CHUNK)
                packed = member.unconsumed_tail
                if piece:
                    yield piece
                if member.eof or (not packed and len(piece) < _CHUNK):
                    break
            if member.eof:
                packed = member.unused_data or file.read(_CHUNK)
                break
            packed += file.read(_CHUNK)
            if not packed:
                raise EOFError("it ends before its end marker")


def _bunzipped(file: Any) -> Iterator[bytes]:
    member = bz2.BZ2Decompressor()
    packed = b""
    while not member.eof:
        if member.needs_input:
            packed = file.read(_CHUNK)
            if not packed:
                raise EOFError("it ends before its end marker")
        piece = member.decompress(packed, _CHUNK)
        packed = b""
        if piece:
            yield piece
