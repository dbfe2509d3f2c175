"""What is written of a visit as DICOM segmentations, and in which series."""

from __future__ import annotations

from enum import Enum, StrEnum

__all__ = ["SegSeries", "SegType"]


class SegType(StrEnum):
    """What is written of a visit."""

    BINARY = "binary"
    """One object, whose segments overlap: a vessel is liver too."""

    LABELMAP = "labelmap"
    """One label map: each voxel is what is most particular of it."""

    SPLIT = "split"
    """Organs and tumours each in an object of its own, in which nothing overlaps."""


class SegSeries(Enum):
    """The series of a segmentation: a viewer may show one object of a series and no other.

    Each is what its UID is derived from, what is added to the scan's SeriesNumber, and its
    SeriesDescription.
    """

    WHOLE = ("seg series", 1000, "lvt: liver, vessels, tumours")
    LABELS = ("seg labelmap series", 1000, "lvt: liver, vessels, tumours")
    ORGANS = ("seg organs series", 1000, "lvt: liver, vessels")
    TUMORS = ("seg tumours series", 3000, "lvt: tumours")
