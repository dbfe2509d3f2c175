"""What is written of a visit as DICOM segmentations."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["SegType"]


class SegType(StrEnum):
    """What is written of a visit."""

    BINARY = "binary"
    """One object, whose segments overlap: a vessel is liver too."""

    LABELMAP = "labelmap"
    """One label map: each voxel is what is most particular of it."""

    SPLIT = "split"
    """Organs and tumours each in an object of its own, in which nothing overlaps."""
