"""MetaImage headers (MHA, MHD): what must be known before ITK reads the voxels."""

from __future__ import annotations

from pathlib import Path

from lvt_track.errors import InputError

__all__ = ["metaimage_warnings"]

_MOST_HEADER_BYTES = 1 << 16


def metaimage_warnings(path: Path) -> tuple[str, ...]:
    """What is odd about a header.

    Raises:
        InputError: when it states no voxel size, which ITK would take for 1 mm.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_HEADER_BYTES)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error
    head = content.split(b"ElementDataFile", 1)[0].decode("latin-1").lower()
    names = {line.partition("=")[0].strip() for line in head.splitlines()}
    if "ndims" in names and not names & {"elementspacing", "elementsize"}:
        raise InputError(
            "states no voxel size",
            path=path,
            remedy="Write the scan again with ElementSpacing, or give the DICOM files",
        )
    if "ndims" in names and not names & {"transformmatrix", "rotation", "orientation"}:
        return ("the file states no axes: which side is left is a guess",)
    return ()
