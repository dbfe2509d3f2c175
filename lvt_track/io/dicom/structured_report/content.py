"""The content tree of a DICOM structured report: items, their codes, and places they point at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from lvt_track.core.lesion.caliper import Point

__all__ = [
    "Code",
    "ContentItem",
    "ImagePlace",
    "ReportedPlace",
    "SpacePlace",
    "has_code",
    "named",
    "places_below",
]

Code = tuple[str, str]
"""Value and scheme of a code."""

# Names that SNOMED RT codes have gone by.
_SRT_NAMES = {"SNM3": "SRT", "99SDM": "SRT"}


@dataclass(frozen=True)
class ImagePlace:
    """A place in an image that a report names.

    Attributes:
        sop_uid: SOPInstanceUID of the image.
        frame: number of its frame, from 1; None where the report names none.
        column, row: with (0, 0) the outer corner of the first pixel, as DICOM counts in reports
            (PS3.3 C.18.6.1); None where only the image is named.
    """

    sop_uid: str
    frame: int | None
    column: float | None = None
    row: float | None = None


@dataclass(frozen=True)
class SpacePlace:
    """A place in the patient that a report names.

    Attributes:
        frame_of_reference: its UID; equal for images that lie in the same coordinates.
        point_mm: LPS.
    """

    frame_of_reference: str
    point_mm: Point


ReportedPlace = ImagePlace | SpacePlace


class ContentItem:
    """One item of the content tree; what it does not say is empty."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    @property
    def kind(self) -> str:
        """Its value type: CONTAINER, NUM, TEXT, CODE, SCOORD, IMAGE and so on."""
        return str(self.dataset.get("ValueType", ""))

    @property
    def name(self) -> Code:
        """The code that says what the item is."""
        return _code(self.dataset, "ConceptNameCodeSequence")[0]

    @property
    def coded_value(self) -> Code:
        """The value of a CODE item."""
        return _code(self.dataset, "ConceptCodeSequence")[0]

    @property
    def coded_meaning(self) -> str:
        """The value of a CODE item in words."""
        return _code(self.dataset, "ConceptCodeSequence")[1]

    @property
    def text(self) -> str:
        """The value of a TEXT or UIDREF item."""
        for name in ("TextValue", "UID"):
            if name in self.dataset:
                return str(self.dataset[name].value or "").strip()
        return ""

    def children(self) -> Iterator[ContentItem]:
        """The items right below."""
        return (ContentItem(item) for item in self.dataset.get("ContentSequence") or ())

    def descendants(self) -> Iterator[ContentItem]:
        """All items below, in the order of the report."""
        for child in self.children():
            yield child
            yield from child.descendants()


def has_code(item: ContentItem, *codes: Code) -> bool:
    """Whether the item's name is one of the codes."""
    return item.name in codes


def named(items: Iterable[ContentItem], *codes: Code) -> Iterator[ContentItem]:
    """The items whose name is one of the codes."""
    return (item for item in items if has_code(item, *codes))


def places_below(item: ContentItem) -> tuple[ReportedPlace, ...]:
    """The places an item points at: the middle of each region, else the images themselves."""
    below = list(item.descendants())
    regions = [place for region in below for place in _region(region)]
    if regions:
        return tuple(regions)
    return tuple(
        ImagePlace(uid, frame) for image in below for uid, frame in _referenced_images(image)
    )


def _region(item: ContentItem) -> Iterator[ReportedPlace]:
    """The middle of a region of coordinates."""
    if item.kind not in ("SCOORD", "SCOORD3D"):
        return
    size = 2 if item.kind == "SCOORD" else 3
    numbers = np.array(item.dataset.get("GraphicData") or (), dtype=np.float64)
    if not numbers.size or numbers.size % size or not np.isfinite(numbers).all():
        return
    points = numbers.reshape(-1, size)
    graphic = str(item.dataset.get("GraphicType", ""))
    if graphic == "CIRCLE":
        points = points[:1]  # its centre; the second point lies on its rim
    elif len(points) > 2 and np.array_equal(points[0], points[-1]):
        points = points[:-1]
    middle = points.mean(axis=0)
    if item.kind == "SCOORD3D":
        x, y, z = (float(value) for value in middle)
        frame_of_reference = str(item.dataset.get("ReferencedFrameOfReferenceUID", ""))
        yield SpacePlace(frame_of_reference, (x, y, z))
        return
    column, row = (float(value) for value in middle)
    for image in item.children():
        for uid, frame in _referenced_images(image):
            yield ImagePlace(uid, frame, column, row)


def _referenced_images(item: ContentItem) -> Iterator[tuple[str, int | None]]:
    if item.kind != "IMAGE":
        return
    for reference in item.dataset.get("ReferencedSOPSequence") or ():
        if "ReferencedSegmentNumber" in reference:
            continue  # a segmentation, whose voxels are not read here
        frames = reference.get("ReferencedFrameNumber")
        first = frames if frames is None or isinstance(frames, int | str) else frames[0]
        uid = str(reference.get("ReferencedSOPInstanceUID", ""))
        yield uid, None if first is None else int(first)


def _code(dataset: Dataset, sequence: str) -> tuple[Code, str]:
    """A code and its meaning."""
    items = dataset.get(sequence) or ()
    if not items:
        return ("", ""), ""
    item = items[0]
    scheme = str(item.get("CodingSchemeDesignator", "") or "").strip()
    value = str(item.get("CodeValue", "") or item.get("LongCodeValue", "") or "").strip()
    meaning = str(item.get("CodeMeaning", "") or "").strip()
    return (value, _SRT_NAMES.get(scheme, scheme)), meaning
