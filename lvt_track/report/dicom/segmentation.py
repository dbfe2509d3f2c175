"""Masks of a scan as a DICOM segmentation, which archives keep and viewers show over the scan."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from highdicom.color import CIELabColor
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lvt_track.core.course import EDITED, GIVEN
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray, LabelArray
from lvt_track.errors import InputError
from lvt_track.io.files import write_whole
from lvt_track.report.dicom.references import Author, SourceImages, derived_uid, set_dates
from lvt_track.report.dicom.seg_type import SegSeries
from lvt_track.report.drawing.style import TRACK_COLORS

__all__ = ["Kind", "Segment", "write_segmentation"]

_ANATOMY = Code("123037004", "SCT", "Anatomical Structure")
_ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")


class Kind(Enum):
    """What a segment is: its category and its type, as SNOMED CT codes."""

    LIVER = (_ANATOMY, codes.SCT.Liver)
    VESSELS = (_ANATOMY, codes.SCT.BloodVessel)
    LESION = (_ABNORMAL, codes.SCT.Lesion)


_COLORS = {Kind.LIVER: (221, 130, 101), Kind.VESSELS: (0, 151, 206)}


@dataclass(frozen=True, eq=False)
class Segment:
    """One structure.

    Attributes:
        label: shown by viewers.
        kind: what it is.
        labels: a map that it is part of (z, y, x), on the scan's grid; segments may share one.
        values: its values there.
        source: name of the model that drew it, or GIVEN.
        track_uid: the same for one tumour in all scans; empty for none.
        number: of its track, by which it is coloured.
    """

    label: str
    kind: Kind
    labels: LabelArray | BoolArray
    values: tuple[int, ...]
    source: str
    track_uid: str = ""
    number: int = 1

    def mask(self, slices: NDArray[np.intp] | slice = slice(None)) -> BoolArray:
        """Where it is, in some of the slices."""
        return np.isin(self.labels[slices], self.values)


def write_segmentation(
    segments: Sequence[Segment],
    source: SourceImages,
    path: Path,
    author: Author,
    series: SegSeries = SegSeries.WHOLE,
) -> tuple[Segment, ...]:
    """Write masks as a DICOM segmentation of the slices they lie on; empty ones are left.

    The same masks of the same scan give the same file; other masks are another instance of the
    same series.

    Args:
        segments: at least one with a voxel.
        source: the scan, on whose grid the masks lie.
        path: file to write.
        author: what made it.
        series: to which it belongs; as LABELS it is a label map (Label Map Segmentation Storage),
            in which a voxel that several have belongs to the last of them, else binary, a segment
            beside the other.

    Returns:
        The segments that were written, in the order of their numbers from 1.

    Raises:
        InputError: when the scan's images cannot be referred to, having no UIDs of their own.
        OutputError: when the file cannot be written.
        ValueError: when no segment has a voxel.
    """
    slices_of = [segment.mask().any(axis=(1, 2)) for segment in segments]
    drawn = [one for one, its in zip(segments, slices_of, strict=True) if its.any()]
    if not drawn:
        raise ValueError("a segmentation needs a segment with a voxel")
    used = np.flatnonzero(np.any(slices_of, axis=0))
    images, geometry = source.images(used.tolist()), source.geometry
    as_labels = series is SegSeries.LABELS
    planes = _places(source, images, used)
    pixels = _labels(drawn, planes, used) if as_labels else _binary(drawn, planes, used)
    types = highdicom.seg.SegmentationTypeValues
    lineage, numbers_from, description = series.value
    with warnings.catch_warnings():
        # Of values in the scan's own header that break the standard.
        warnings.simplefilter("ignore")
        segmentation = highdicom.seg.Segmentation(
            source_images=images,
            pixel_array=pixels,
            segmentation_type=types.LABELMAP if as_labels else types.BINARY,
            segment_descriptions=[
                _description(number, segment, author.version)
                for number, segment in enumerate(drawn, start=1)
            ],
            series_instance_uid=derived_uid(lineage, source.series_uid),
            series_number=numbers_from + source.series_number,
            sop_instance_uid=_instance_uid(drawn, pixels, source, author),
            instance_number=author.instance_number,
            manufacturer="lvt",
            manufacturer_model_name="lvt-track",
            software_versions=author.version,
            device_serial_number="0",
            content_label="LIVER",
            content_description="Liver, its vessels and tumours; research only",
            series_description=description,
            pixel_measures=_pixel_measures(geometry),
        )
        set_dates(segmentation, author.made)
        _set_dimension_uid(segmentation, derived_uid("dimensions", segmentation.SOPInstanceUID))
        segmentation.ContentCreatorName = ""  # the standard has it, if only empty
        segmentation.SegmentSequence = _background_last(segmentation.SegmentSequence)
        if not as_labels:
            segmentation.PixelData = _padded_with_zero(segmentation)
        with write_whole(path) as temporary:
            segmentation.save_as(temporary)
    return tuple(drawn)


def _padded_with_zero(segmentation: Any) -> bytes:
    """Packed bits in an even number of bytes; highdicom 0.28 pads with the letter 0, 0x30."""
    bits = segmentation.NumberOfFrames * segmentation.Rows * segmentation.Columns
    packed: bytes = segmentation.PixelData[: -(-bits // 8)]
    return packed + b"\0" * (len(packed) % 2)


def _pixel_measures(geometry: Geometry) -> highdicom.PixelMeasuresSequence:
    spacing_z, spacing_y, spacing_x = geometry.spacing_mm
    return highdicom.PixelMeasuresSequence(
        pixel_spacing=(spacing_y, spacing_x),
        slice_thickness=spacing_z,
        spacing_between_slices=spacing_z,
    )


def _binary(
    segments: Sequence[Segment], places: tuple[NDArray[np.intp], int], used: NDArray[np.intp]
) -> BoolArray:
    """The masks of the segments (planes, rows, columns, segments)."""
    at, planes = places
    masks = np.zeros((planes, *segments[0].labels.shape[1:], len(segments)), dtype=bool)
    for k, segment in enumerate(segments):
        masks[at, :, :, k] = segment.mask(used)
    return masks


def _labels(
    segments: Sequence[Segment], places: tuple[NDArray[np.intp], int], used: NDArray[np.intp]
) -> NDArray[Any]:
    """Numbers of the segments (planes, rows, columns); where they overlap, the later one's."""
    at, planes = places
    kind = np.uint8 if len(segments) < 256 else np.uint16
    labels = np.zeros((planes, *segments[0].labels.shape[1:]), dtype=kind)
    for number, segment in enumerate(segments, start=1):
        for k, plane in zip(used, at, strict=True):
            labels[plane][segment.mask(slice(k, k + 1))[0]] = number
    return labels


def _places(
    source: SourceImages, images: Sequence[Dataset], used: NDArray[np.intp]
) -> tuple[NDArray[np.intp], int]:
    """Where each slice that is used goes among the planes of the source, and how many these are.

    Raises:
        InputError: when the frames lie in several files, as DICOM has one source for all.
    """
    if not source.is_multiframe:
        return np.arange(len(used)), len(used)
    if len(images) > 1:
        raise InputError(
            "its frames lie in several files, which a segmentation is not written for",
            path=source.files[0].parent,
        )
    numbers = [source.frames[k][1] - 1 for k in used]
    return np.array(numbers, dtype=np.intp), int(images[0].NumberOfFrames)


def _background_last(segments: Sequence[Dataset]) -> list[Dataset]:
    """The segments in the order of their numbers, the background of a label map (0) after them.

    Viewers that take the first item for segment 1 give each segment the colour before its own
    (OHIF 3.12 and 3.13, Slicer before 5.12); the order of items is free.
    """
    return sorted(segments, key=lambda segment: (segment.SegmentNumber == 0, segment.SegmentNumber))


def _set_dimension_uid(segmentation: Dataset, uid: str) -> None:
    """Name the organisation of its frames by what follows from it, where the library draws lots."""
    for item in (
        *segmentation.DimensionOrganizationSequence,
        *segmentation.DimensionIndexSequence,
    ):
        item.DimensionOrganizationUID = uid


def _color(segment: Segment) -> tuple[int, int, int]:
    """Of a tumour the colour that its track has in all pictures."""
    if segment.kind is not Kind.LESION:
        return _COLORS[segment.kind]
    return _rgb(TRACK_COLORS[(segment.number - 1) % len(TRACK_COLORS)])


def _rgb(written: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(written.removeprefix("#"))
    return red, green, blue


def _instance_uid(
    segments: Sequence[Segment], pixels: NDArray[Any], source: SourceImages, author: Author
) -> str:
    packed = np.packbits(pixels) if pixels.dtype == bool else pixels
    voxels = hashlib.sha256(packed.tobytes()).hexdigest()
    described = [f"{one.label} {one.source} {one.track_uid}" for one in segments]
    return derived_uid("seg", source.series_uid, voxels, author.version, *described)


def _description(number: int, segment: Segment, version: str) -> highdicom.seg.SegmentDescription:
    category, kind = segment.kind.value
    is_given = segment.source == GIVEN
    types = highdicom.seg.SegmentAlgorithmTypeValues
    by_model = types.SEMIAUTOMATIC if segment.source == EDITED else types.AUTOMATIC
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.label,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type=types.MANUAL if is_given else by_model,
        algorithm_identification=None
        if is_given
        else highdicom.AlgorithmIdentificationSequence(
            name=f"lvt {segment.source}",
            version=version,
            family=codes.DCM.ArtificialIntelligence,
        ),
        tracking_uid=segment.track_uid or None,
        tracking_id=segment.label if segment.track_uid else None,
        display_color=CIELabColor.from_rgb(*_color(segment)),
        anatomic_regions=[codes.SCT.Liver] if segment.kind is not Kind.LIVER else None,
    )
