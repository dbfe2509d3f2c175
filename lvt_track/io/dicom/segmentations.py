"""DICOM segmentations, read onto the CT series they were drawn on."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.errors import InputError
from lvt_track.io.dicom.header import SliceHeader

__all__ = [
    "SegmentationHeader",
    "read_segmentation_header",
    "read_segments",
    "slices_drawn_on",
]

# Positions are decimal text; a frame that is further from the voxels belongs to another grid.
_TOLERANCE_VOXELS = 0.25


@dataclass(frozen=True)
class SegmentationHeader:
    """What a segmentation says of itself.

    Attributes:
        path: the file.
        patient_id: of the patient.
        series_uid: of the series it was drawn on; empty when it does not say.
        image_uids: SOPInstanceUIDs of the images it names; perhaps not all of the series.
    """

    path: Path
    patient_id: str
    series_uid: str
    image_uids: frozenset[str]


def read_segmentation_header(path: Path) -> SegmentationHeader:
    """Read what a segmentation says of itself, voxels left aside.

    Raises:
        InputError: when it is not DICOM.
    """
    dataset = _read(path, stop_before_pixels=True)
    series = dataset.get("ReferencedSeriesSequence") or [Dataset()]
    images = series[0].get("ReferencedInstanceSequence") or []
    return SegmentationHeader(
        path=path,
        patient_id=str(dataset.get("PatientID") or "").strip(),
        series_uid=str(series[0].get("SeriesInstanceUID") or ""),
        image_uids=frozenset(str(image.ReferencedSOPInstanceUID) for image in images),
    )


def slices_drawn_on(
    segmentation: SegmentationHeader, headers: Sequence[SliceHeader]
) -> list[SliceHeader]:
    """The slices of a series that belong to the volume a segmentation was drawn on.

    A series may hold several acquisitions (contrast phases) at the same places; the right one has
    the images that the segmentation names. Slices it does not name for want of anything to draw
    there are kept.
    """
    of_series = [header for header in headers if header.series_uid == segmentation.series_uid]
    acquisitions = {one.acquisition for one in of_series if one.sop_uid in segmentation.image_uids}
    return (
        [one for one in of_series if one.acquisition in acquisitions] if acquisitions else of_series
    )


def read_segments(path: Path, geometry: Geometry) -> Iterator[tuple[str, BoolArray]]:
    """The label and the mask (z, y, x) of each segment, one after the other.

    Frames that are stored in another direction than the CT are turned; of probabilities, those of
    one half and more are inside; of a label map, the pixels with the number of the segment.

    Args:
        path: the file.
        geometry: grid of the CT it was drawn on.

    Raises:
        InputError: when it cannot be read, or its frames do not lie on the voxels of the CT.
    """
    dataset = _read(path, stop_before_pixels=False)
    try:
        frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
        threshold = float(dataset.get("MaximumFractionalValue", 1)) / 2
        by_segment: dict[int, list[tuple[Dataset, NDArray[Any]]]] = defaultdict(list)
        groups = dataset.PerFrameFunctionalGroupsSequence
        is_map = dataset.get("SegmentationType") == "LABELMAP"
        for group, frame in zip(groups, frames, strict=True):
            if not is_map:
                segment = _item("SegmentIdentificationSequence", group, dataset)
                number = int(segment.ReferencedSegmentNumber)
                by_segment[number].append((group, frame >= threshold))
        for segment in dataset.SegmentSequence:
            number, mask = int(segment.SegmentNumber), np.zeros(geometry.shape, dtype=np.bool_)
            if is_map and number == dataset.get("PixelPaddingValue", 0):
                continue  # the background
            segment_frames = (
                zip(groups, frames == number, strict=True) if is_map else by_segment[number]
            )
            for group, frame in segment_frames:
                _place(frame, _grid(group, dataset), geometry, mask, path)
            yield str(segment.SegmentLabel).strip(), mask
    except InputError:
        raise
    except Exception as error:
        # pydicom raises whatever a damaged or missing element provokes.
        raise InputError(
            f"not a DICOM segmentation that can be read ({error})",
            path=path,
            remedy="Download or export the file again",
        ) from error


def _read(path: Path, *, stop_before_pixels: bool) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
        except Exception as error:
            raise InputError(f"cannot be read as DICOM ({error})", path=path) from error


def _item(name: str, group: Dataset, dataset: Dataset) -> Dataset:
    """A functional group of a frame, or what all frames share of that name."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    item: Dataset = (group.get(name) or shared[name].value)[0]
    return item


def _grid(group: Dataset, dataset: Dataset) -> FloatArray:
    """LPS mm of pixel (0, 0), (1, 0) and (0, 1) of a frame: 3 x 3, a row each."""
    place = _item("PlanePositionSequence", group, dataset).ImagePositionPatient
    first = np.array(place, dtype=np.float64)
    axes = _item("PlaneOrientationSequence", group, dataset).ImageOrientationPatient
    orientation = np.array(axes, dtype=np.float64)
    spacing = _item("PixelMeasuresSequence", group, dataset).PixelSpacing
    row_mm, column_mm = (float(value) for value in spacing)
    along_row, along_column = orientation[:3], orientation[3:]
    return np.stack([first, first + row_mm * along_column, first + column_mm * along_row])


def _place(
    frame: BoolArray, corners_mm: FloatArray, geometry: Geometry, mask: BoolArray, path: Path
) -> None:
    """Add a frame (rows, columns) to the slice of the mask where it lies."""
    if not frame.any():
        return
    first, below, beside = geometry.to_index(corners_mm)
    steps = np.stack([below - first, beside - first])  # (rows, columns) x (z, y, x)
    start, signs = np.rint(first).astype(int), np.rint(steps).astype(int)
    off_grid = max(np.abs(first - start).max(), np.abs(steps - signs).max() * max(frame.shape))
    is_turned = signs[0, 2] != 0
    axes = [2, 1] if is_turned else [1, 2]
    expected = np.zeros((2, 3), dtype=int)
    expected[[0, 1], axes] = [1, 1]
    if off_grid > _TOLERANCE_VOXELS or not np.array_equal(np.abs(signs), expected):
        raise _other_grid(path)
    rows, columns = (
        start[axis] + signs[k, axis] * np.arange(frame.shape[k]) for k, axis in enumerate(axes)
    )
    y, x, pixels = (columns, rows, frame.T) if is_turned else (rows, columns, frame)
    _, height, width = geometry.shape
    inside = 0 <= start[0] < geometry.shape[0]
    if not inside or min(y.min(), x.min()) < 0 or y.max() >= height or x.max() >= width:
        raise _other_grid(path)
    mask[start[0]][np.ix_(y, x)] |= pixels


def _other_grid(path: Path) -> InputError:
    return InputError(
        "its frames do not lie on the voxels of the CT it names",
        path=path,
        remedy="Download both series again, or resample the segmentation to the CT",
    )
