"""The frames of a DICOM segmentation: what each is of, where it lies, its pixels one at a time."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.errors import InputError
from lvt_track.io.dicom.pixel_data.stored import read_stored
from lvt_track.io.dicom.segmentation.header import is_background, naming_damage
from lvt_track.io.dicom.values import integer

__all__ = ["SegmentFrames", "read_frames"]

_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


@dataclass(frozen=True, eq=False)
class SegmentFrames:
    """Frames of a segmentation; their pixels stay packed until a frame is asked for.

    Attributes:
        path: the file.
        shape: rows and columns of each.
        labels: by the number of each segment, in their order, the background left out.
        segments: for each frame the number of its segment; 0 where a frame shows all of them.
        corners_mm: frames x 3 x 3: LPS mm of the pixels (0, 0), (1, 0) and (0, 1), a row each.
        least: the stored value from which a pixel is inside; unused for label maps.
    """

    path: Path
    shape: tuple[int, int]
    labels: dict[int, str]
    segments: NDArray[np.intp]
    corners_mm: FloatArray
    least: float
    _stored: NDArray[Any]
    _bits: int

    def of(self, number: int) -> NDArray[np.intp]:
        """The frames that may show a segment."""
        return np.flatnonzero((self.segments == number) | (self.segments == 0))

    def inside(self, frame: int, number: int) -> BoolArray:
        """Where a frame (rows, columns) shows a segment."""
        pixels = self._pixels(frame)
        mask: BoolArray = pixels == number if self.segments[frame] == 0 else pixels >= self.least
        return mask

    def _pixels(self, frame: int) -> NDArray[Any]:
        size = self.shape[0] * self.shape[1]
        first = frame * size
        if self._bits > 1:
            return self._stored[first : first + size].reshape(self.shape)
        packed = self._stored[first // 8 : -(-(first + size) // 8)]
        bits = np.unpackbits(packed, bitorder="little")
        return bits[first % 8 : first % 8 + size].reshape(self.shape)


def read_frames(path: Path) -> SegmentFrames:
    """Read where the frames of a segmentation lie, their pixels left packed.

    Raises:
        InputError: when it cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with path.open("rb") as file:
                dataset = pydicom.dcmread(file, stop_before_pixels=True)
                at = file.tell()
        except Exception as error:
            raise InputError(f"cannot be read as DICOM ({error})", path=path) from error
        with naming_damage(path):
            return _frames(path, dataset, at)


def _frames(path: Path, dataset: Dataset, at: int) -> SegmentFrames:
    groups = dataset.PerFrameFunctionalGroupsSequence
    is_map = dataset.get("SegmentationType") == "LABELMAP"
    numbers = np.zeros(len(groups), np.intp)
    if not is_map:
        for k, group in enumerate(groups):
            segment = _item("SegmentIdentificationSequence", group, dataset)
            numbers[k] = int(segment.ReferencedSegmentNumber)
    count = integer(dataset, "NumberOfFrames", 1)
    if len(groups) != count:
        raise ValueError(f"{count} frames, but groups for {len(groups)}")
    if min(int(dataset.Rows), int(dataset.Columns)) < 1:
        raise ValueError("its frames have no pixels")
    labels = {
        int(one.SegmentNumber): str(one.get("SegmentLabel") or "").strip()
        for one in dataset.SegmentSequence
        if not is_background(int(one.SegmentNumber), dataset)
    }
    stored, bits = _stored(path, dataset, at)
    return SegmentFrames(
        path=path,
        shape=(int(dataset.Rows), int(dataset.Columns)),
        labels=labels,
        segments=numbers,
        corners_mm=np.array([_corners_mm(group, dataset) for group in groups]).reshape(-1, 3, 3),
        least=float(dataset.get("MaximumFractionalValue") or 1) / 2,
        _stored=stored,
        _bits=bits,
    )


def _stored(path: Path, dataset: Dataset, at: int) -> tuple[NDArray[Any], int]:
    """The pixels of all frames in a row, and how many bits each has; 1 where they are packed."""
    bits = int(dataset.BitsAllocated)
    pixels = integer(dataset, "NumberOfFrames", 1) * int(dataset.Rows) * int(dataset.Columns)
    if dataset.file_meta.TransferSyntaxUID in _PLAIN:
        with path.open("rb") as file:
            file.seek(at)
            head = file.read(8)
        first = at + (12 if head[4:6] in (b"OW", b"OB") else 8)
        kind = np.dtype("<u2") if bits == 16 else np.dtype(np.uint8)
        count = -(-pixels // 8) if bits == 1 else pixels
        return np.memmap(path, kind, "r", offset=first, shape=(count,)), bits
    # Deflated or compressed; such files are small, as nothing but the drawn areas takes space.
    frames = read_stored(path).frames.ravel()
    if frames.size != pixels:
        raise ValueError(f"{frames.size} pixels, where the header says {pixels}")
    return frames, max(bits, 8)


def _item(name: str, group: Dataset, dataset: Dataset) -> Dataset:
    """A functional group of a frame, or what all frames share of that name."""
    item: Dataset = (group.get(name) or dataset.SharedFunctionalGroupsSequence[0][name].value)[0]
    return item


def _corners_mm(group: Dataset, dataset: Dataset) -> FloatArray:
    place = _item("PlanePositionSequence", group, dataset).ImagePositionPatient
    first = np.array(place, dtype=np.float64)
    axes = _item("PlaneOrientationSequence", group, dataset).ImageOrientationPatient
    orientation = np.array(axes, dtype=np.float64)
    spacing = _item("PixelMeasuresSequence", group, dataset).PixelSpacing
    row_mm, column_mm = (float(value) for value in spacing)
    along_row, along_column = orientation[:3], orientation[3:]
    return np.stack([first, first + row_mm * along_column, first + column_mm * along_row])
