"""Whether a file is DICOM, by its first bytes: asked of every file, so without loading pydicom."""

from __future__ import annotations

from pathlib import Path

__all__ = ["looks_like_dicom"]


def looks_like_dicom(path: Path) -> bool:
    """Whether the first bytes are DICOM, with or without preamble and meta header.

    A file that cannot be opened counts as one, so that its reader will name the fault.
    """
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError:
        return True
    if start[128:132] == b"DICM":
        return True
    if len(start) < 8:
        return False
    # Without a preamble a data set starts with a tag of group 0002 or 0008, then a length.
    if start[:2] in (b"\x02\x00", b"\x08\x00"):
        return start[3] < 0x20
    return start[:2] == b"\x00\x08" and start[2] < 0x20 and start[4:6].isalpha()
