"""Key images: the slice in which a tumour was measured, cut out as a radiologist looks at it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.course import Course, KeyImage
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Caliper, Point
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.volume import LabelArray, Volume
from lvt_track.report.timelines import timelines

__all__ = [
    "MINIMUM_WIDTH_MM",
    "LabelledVolume",
    "Subject",
    "key_image",
    "visit_key_images",
    "width_for",
]

MINIMUM_WIDTH_MM = 80.0
"""Width of a crop; larger tumours get `_SURROUND` times their long axis."""

_SURROUND = 1.7
_OUTSIDE_HU = -1024

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class LabelledVolume:
    """A visit's CT or a part of it, of any orientation, and the lesions on its grid.

    Attributes:
        volume: HU and grid.
        labels: lesion labels (z, y, x).

    Raises:
        ValueError: for labels of another shape.
    """

    volume: Volume
    labels: LabelArray

    def __post_init__(self) -> None:
        shape = self.volume.geometry.shape
        if self.labels.shape != shape:
            raise ValueError(f"labels have shape {self.labels.shape}, the volume {shape}")


@dataclass(frozen=True)
class Subject:
    """Of what a picture is.

    Attributes:
        track: number of the track.
        visit: index of the visit.
        members: all lesions of the track at this visit; what is shown is always one.
        width_mm: width and height of the crop.
    """

    track: int
    visit: int
    members: Collection[Lesion] = ()
    width_mm: float = MINIMUM_WIDTH_MM


@dataclass(frozen=True)
class _Screen:
    """How an acquired slice is laid on the screen.

    Oblique slices are not resampled: their axes count as the patient axes nearest to them.

    Attributes:
        shape: rows and columns of the whole slice on the screen.
        pixel_mm: height and width of a pixel.
        is_transposed: whether the array's x axis runs down instead of right.
        is_down_flipped, is_right_flipped: whether the screen runs against the array.
    """

    shape: tuple[int, int]
    pixel_mm: tuple[float, float]
    is_transposed: bool
    is_down_flipped: bool
    is_right_flipped: bool

    @classmethod
    def of(cls, geometry: Geometry) -> _Screen:
        """The layout with patient right on the left side and front on top.

        A slice that stands upright in the patient has the head on top, and, where it shows no
        left and right, the front on the left side.
        """
        along_x, along_y = geometry.direction[:, 0], geometry.direction[:, 1]
        rows, columns = geometry.shape[1:]
        row_mm, column_mm = geometry.spacing_mm[1:]
        # How much an axis is one to draw from left to right: patient x before y before z.
        wish = np.array([4.0, 2.0, 0.0])
        is_transposed = bool(wish @ np.abs(along_y) > wish @ np.abs(along_x) + 1e-6)
        right, down = (along_y, along_x) if is_transposed else (along_x, along_y)
        to_left_or_back = right[int(np.argmax(np.abs(right)))]
        main = int(np.argmax(np.abs(down)))
        to_back_or_feet = -down[main] if main == 2 else down[main]
        return cls(
            (columns, rows) if is_transposed else (rows, columns),
            (column_mm, row_mm) if is_transposed else (row_mm, column_mm),
            is_transposed,
            bool(to_back_or_feet < 0),
            bool(to_left_or_back < 0),
        )

    def turned(self, image: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """A view of a slice (y, x) as it lies on the screen."""
        seen = image.T if self.is_transposed else image
        return seen[:: -1 if self.is_down_flipped else 1, :: -1 if self.is_right_flipped else 1]

    def position(self, index_zyx: NDArray[np.float64]) -> tuple[float, float]:
        """Row and column on the screen of a continuous index into the volume."""
        _, y, x = (float(i) for i in index_zyx)
        down, right = (x, y) if self.is_transposed else (y, x)
        rows, columns = self.shape
        return (
            rows - 1 - down if self.is_down_flipped else down,
            columns - 1 - right if self.is_right_flipped else right,
        )


def key_image(scan: LabelledVolume, target: Lesion | Point, subject: Subject) -> KeyImage:
    """The picture of one tumour, or of the place where it would be.

    Args:
        scan: the visit's CT with its lesions.
        target: the lesion, shown in the slice where it was measured; or, where the visit does not
            show the tumour, its place in LPS mm, shown in the nearest slice.
        subject: which tumour it is, and when.

    Returns:
        A square crop centred on the target; where it reaches beyond the scan it is filled with
        air. The pixels are those of the acquired slice, turned but not resampled.
    """
    volume, labels, members = scan.volume, scan.labels, subject.members
    geometry = volume.geometry
    screen = _Screen.of(geometry)
    if isinstance(target, Lesion):
        size = target.measurement
        ends = np.array([size.long_axis.start_mm, size.long_axis.end_mm])
        middle = geometry.to_index(ends).mean(axis=0)
        # By its place, not its number: the volume may be a part of the scan that was measured.
        slice_index = round(float(middle[0]))
        centre = screen.position(middle)
        shown = [target, *(lesion for lesion in members if lesion != target)]
        shown_labels = {lesion.label for lesion in shown}
        sizes = (lesion.measurement for lesion in shown)
        caption = " + ".join(
            f"{s.long_axis.length_mm:.1f} × {s.short_axis.length_mm:.1f}" for s in sizes
        )
        caption += " mm"
    else:
        index = geometry.to_index(target)
        slice_index = int(np.clip(np.rint(index[0]), 0, geometry.shape[0] - 1))
        centre = screen.position(index)
        shown_labels = {lesion.label for lesion in members}
        is_inside = bool(geometry.contains(target))
        caption = "not seen" if is_inside else "outside this scan"

    half = tuple(round(subject.width_mm / 2.0 / pixel) for pixel in screen.pixel_mm)
    top, left = (round(c) - h for c, h in zip(centre, half, strict=True))
    shape = (2 * half[0] + 1, 2 * half[1] + 1)
    label_crop = _cut(screen.turned(labels[slice_index]), (top, left), shape, 0)
    outline = np.isin(label_crop, list(shown_labels))

    def caliper(axis: Caliper) -> tuple[tuple[float, float], tuple[float, float]]:
        rows_columns = [screen.position(geometry.to_index(p)) for p in (axis.start_mm, axis.end_mm)]
        (r0, c0), (r1, c1) = rows_columns
        return (r0 - top, c0 - left), (r1 - top, c1 - left)

    measured = target.measurement if isinstance(target, Lesion) else None
    beside = [
        lesion.measurement
        for lesion in members
        if lesion != target and measured and lesion.measurement.slice_index == measured.slice_index
    ]
    return KeyImage(
        track=subject.track,
        visit=subject.visit,
        hu=_cut(screen.turned(volume.hu[slice_index]), (top, left), shape, _OUTSIDE_HU).astype(
            np.float32
        ),
        pixel_mm=screen.pixel_mm,
        outline=outline,
        others=(label_crop > 0) & ~outline,
        long_axis=caliper(measured.long_axis) if measured else None,
        short_axis=caliper(measured.short_axis) if measured else None,
        caption=caption,
        pieces=tuple((caliper(one.long_axis), caliper(one.short_axis)) for one in beside),
        slice_index=measured.slice_index if measured else None,
    )


def width_for(lesions: Iterable[Lesion], minimum_mm: float = MINIMUM_WIDTH_MM) -> float:
    """Width in mm of a crop that shows any of these lesions with its surroundings."""
    axes = (lesion.measurement.long_axis.length_mm for lesion in lesions)
    return max(minimum_mm, _SURROUND * max(axes, default=0.0))


def visit_key_images(
    course: Course,
    visit: int,
    scan: LabelledVolume,
    places: Mapping[int, Point],
    tracks: Collection[int] | None = None,
) -> tuple[KeyImage, ...]:
    """The key images of one visit, so that only one CT need be in memory at a time.

    Args:
        course: the whole course.
        visit: index of the visit.
        scan: its CT with its lesions.
        places: by track number, where in this visit's frame (LPS mm) a tumour would be that it
            does not show; tracks that are neither seen nor placed get no image.
        tracks: numbers of the tracks wanted; None for all.

    Returns:
        One image per track, in order of number; a track with several lesions shows the largest.
        Crops of one track are equally wide at all visits.
    """
    images = []
    for line in timelines(course):
        number = line.track.number
        if tracks is not None and number not in tracks:
            continue
        lesions = line.sightings[visit].lesions
        target = lesions[0] if lesions else places.get(number)
        if target is not None:
            width_mm = width_for(seen.lesions[0] for seen in line.sightings if seen.lesions)
            images.append(key_image(scan, target, Subject(number, visit, lesions, width_mm)))
    return tuple(images)


def _cut(
    image: NDArray[_Scalar], start: tuple[int, int], shape: tuple[int, int], fill: int
) -> NDArray[_Scalar]:
    """The window of `shape` that begins at `start`, filled where it leaves the image."""
    window = np.full(shape, fill, dtype=image.dtype)
    span = [
        (max(s, 0), min(s + n, size)) for s, n, size in zip(start, shape, image.shape, strict=True)
    ]
    if all(first < last for first, last in span):
        (r0, r1), (c0, c1) = span
        inside = image[r0:r1, c0:c1]
        window[r0 - start[0] : r1 - start[0], c0 - start[1] : c1 - start[1]] = inside
    return window
