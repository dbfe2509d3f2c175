"""The segments of a DICOM segmentation on the voxels of the CT they were drawn on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray, LabelArray
from lvt_track.errors import InputError
from lvt_track.io.dicom.segmentation.frames import SegmentFrames, read_frames

__all__ = ["read_segment_labels", "read_segments", "why_off_grid"]

# Positions are decimal text; a frame that is further from the voxels belongs to another grid.
_TOLERANCE_VOXELS = 0.25

_Place = tuple[int, NDArray[np.intp], NDArray[np.intp], bool]
"""A slice, the rows and columns in it where a frame lies, and whether the frame is turned."""


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
    frames = read_frames(path)
    for number, label in frames.labels.items():
        mask = np.zeros(geometry.shape, dtype=np.bool_)
        _paint(frames, number, geometry, mask)
        yield label, mask


def read_segment_labels(path: Path, geometry: Geometry, numbers: Collection[int]) -> LabelArray:
    """Some segments as a label map (z, y, x), each by its number; see `read_segments`.

    A voxel of several belongs to the last of them.

    Raises:
        InputError: when it cannot be read, or its frames do not lie on the voxels of the CT.
    """
    frames, labels = read_frames(path), np.zeros(geometry.shape, dtype=np.int32)
    for number in numbers:
        _paint(frames, number, geometry, labels, number)
    return labels


def why_off_grid(frames: SegmentFrames, geometry: Geometry, numbers: Collection[int]) -> str:
    """Why segments cannot be read on the grid of a CT; empty where they can.

    Frames without a pixel of the segments may lie anywhere.
    """
    for number in numbers:
        for frame in frames.of(number):
            is_off = _place(frames, int(frame), geometry) is None
            if is_off and frames.inside(int(frame), number).any():
                return _other_grid(frames, int(frame), geometry)
    return ""


def _paint(
    frames: SegmentFrames,
    number: int,
    geometry: Geometry,
    array: BoolArray | LabelArray,
    value: int = 1,
) -> None:
    """Write a value (z, y, x) where a segment is."""
    for frame in frames.of(number):
        pixels = frames.inside(int(frame), number)
        if not pixels.any():
            continue
        place = _place(frames, int(frame), geometry)
        if place is None:
            raise InputError(
                _other_grid(frames, int(frame), geometry),
                path=frames.path,
                remedy="Download both series again, or resample the segmentation to the CT",
            )
        z, y, x, is_turned = place
        array[z][np.ix_(y, x)] = np.where(
            pixels.T if is_turned else pixels, value, array[z][np.ix_(y, x)]
        )


def _place(frames: SegmentFrames, frame: int, geometry: Geometry) -> _Place | None:
    """Where a frame lies on the voxels of a CT; None where it does not lie on them."""
    first, below, beside = geometry.to_index(frames.corners_mm[frame])
    steps = np.stack([below - first, beside - first])  # (rows, columns) x (z, y, x)
    start, signs = np.rint(first).astype(int), np.rint(steps).astype(int)
    off_grid = max(np.abs(first - start).max(), np.abs(steps - signs).max() * max(frames.shape))
    is_turned = bool(signs[0, 2] != 0)
    axes = [2, 1] if is_turned else [1, 2]
    expected = np.zeros((2, 3), dtype=int)
    expected[[0, 1], axes] = [1, 1]
    if off_grid > _TOLERANCE_VOXELS or not np.array_equal(np.abs(signs), expected):
        return None
    rows, columns = (
        start[axis] + signs[k, axis] * np.arange(frames.shape[k]) for k, axis in enumerate(axes)
    )
    y, x = (columns, rows) if is_turned else (rows, columns)
    _, height, width = geometry.shape
    inside = 0 <= start[0] < geometry.shape[0]
    if not inside or min(y.min(), x.min()) < 0 or y.max() >= height or x.max() >= width:
        return None
    return int(start[0]), y, x, is_turned


def _other_grid(frames: SegmentFrames, frame: int, geometry: Geometry) -> str:
    corners = frames.corners_mm[frame]
    rows, columns = frames.shape
    _, height, width = geometry.shape
    is_same = (rows, columns) == (height, width)
    their_mm = _lengths_mm(corners)
    our_mm = (geometry.spacing_mm[1], geometry.spacing_mm[2])
    text = "its frames do not lie on the voxels of the CT it was drawn on"
    if not is_same or not np.allclose(their_mm, our_mm, rtol=0, atol=1e-3):
        return (
            f"{text}: {columns} × {rows} pixels of {their_mm[1]:.4g} × {their_mm[0]:.4g} mm "
            f"instead of {width} × {height} of {our_mm[1]:.4g} × {our_mm[0]:.4g}"
        )
    at = "(" + ", ".join(f"{value:.4g}" for value in corners[0]) + ")"
    return f"{text}: no slice of it begins at {at} mm, where frame {frame + 1} does"


def _lengths_mm(corners: FloatArray) -> tuple[float, float]:
    """Spacing of rows and of columns."""
    below, beside = np.linalg.norm(corners[1:] - corners[0], axis=1)
    return float(below), float(beside)
