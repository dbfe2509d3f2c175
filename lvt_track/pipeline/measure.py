"""The job of `lvt measure`: a mask in, the size of every lesion out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from lvt_track.core.components import label_by_size
from lvt_track.core.field_of_view import blank_slices
from lvt_track.core.geometry import Box, Geometry
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.lesion.lesion import Measurement
from lvt_track.core.volume import LabelArray, Volume
from lvt_track.errors import InputError
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.headers import read_image_header
from lvt_track.io.images.volumes import read_labels
from lvt_track.measure.axes import measure_lesion
from lvt_track.measure.content import HuContent, hu_content, surface_mm2
from lvt_track.measure.field_of_view import is_cut, touches_padding

__all__ = [
    "MEASURE_COLUMNS",
    "MeasuredLesion",
    "mask_warnings",
    "measure_file",
    "measure_labels",
    "measure_rows",
]

MEASURE_COLUMNS = (
    "lesion",
    "x_mm",
    "y_mm",
    "z_mm",
    "long_axis_mm",
    "short_axis_mm",
    "slice",
    "volume_ml",
    "long_axis_3d_mm",
    "mean_hu",
    "surface_mm2",
    "sd_hu",
    "p5_hu",
    "p25_hu",
    "p50_hu",
    "p75_hu",
    "p95_hu",
    "necrotic_percent",
    "cut",
)


@dataclass(frozen=True)
class MeasuredLesion:
    """One lesion of a mask.

    Attributes:
        label: its value in the label map, or the component's number by decreasing volume.
        centroid_mm: LPS centre of mass.
        measurement: its size.
        surface_mm2: its surface.
        content: HU inside; None without a CT.
        is_cut: whether the scan ends in it, so that its size is that of the part that is shown.
    """

    label: int
    centroid_mm: Point
    measurement: Measurement
    surface_mm2: float
    content: HuContent | None
    is_cut: bool


def measure_file(mask: Path, ct: Path | None = None) -> tuple[MeasuredLesion, ...]:
    """Measure every lesion of a mask file.

    Of a mask of 0 and one other value the lesions are its connected components, the largest
    first; of a label map they are its labels, each measured whole.

    Args:
        mask: NIfTI, NRRD or MHA file.
        ct: the scan it belongs to, on the same grid, for HU: an image file or a DICOM folder.

    Raises:
        InputError: when a file cannot be read, or the two do not lie on one grid.
    """
    labels, geometry = read_labels(mask)
    volume = None if ct is None else read_scan(series_at(ct))
    if volume is not None and not volume.geometry.is_close(geometry):
        raise InputError(
            f"the mask does not lie on the grid of {ct}",
            path=mask,
            remedy="Give the CT on which the mask was drawn, or resample one to the other",
        )
    try:
        return measure_labels(labels, geometry, volume)
    except InputError as error:
        raise InputError(error.what, path=mask, remedy=error.remedy) from None


def mask_warnings(mask: Path) -> tuple[str, ...]:
    """What is odd about the grid of a mask file, on which every size rests.

    Raises:
        InputError: when it cannot be read.
    """
    return tuple(f"{mask}: {text}" for text in read_image_header(mask).warnings)


def measure_labels(
    labels: LabelArray, geometry: Geometry, volume: Volume | None = None
) -> tuple[MeasuredLesion, ...]:
    """Measure every lesion of a mask or label map (z, y, x), as `measure_file` does.

    Args:
        labels: of whole numbers; 0 is outside.
        geometry: its grid.
        volume: the scan on that grid, for HU.

    Raises:
        InputError: for negative values.
    """
    if int(labels.min(initial=0)) < 0:
        raise InputError("holds negative values, so it is not a mask")
    if len(np.unique(labels[labels > 0])) == 1:
        labels = label_by_size(labels > 0)
    scan = _Scan(geometry, volume, blank_slices(volume))
    return tuple(
        _measured(labels, label, (box[0], box[1], box[2]), scan)
        for label, box in enumerate(ndimage.find_objects(labels), start=1)
        if box is not None
    )


def measure_rows(lesions: tuple[MeasuredLesion, ...]) -> list[dict[str, object]]:
    """One row per lesion, by the names of `MEASURE_COLUMNS`."""
    rows: list[dict[str, object]] = []
    for lesion in lesions:
        size = lesion.measurement
        x, y, z = lesion.centroid_mm
        values = (
            lesion.label,
            x,
            y,
            z,
            size.long_axis.length_mm,
            size.short_axis.length_mm,
            size.slice_index,
            size.volume_ml,
            size.long_axis_3d_mm,
            size.mean_hu,
            lesion.surface_mm2,
            *_hu_values(lesion.content),
            lesion.is_cut,
        )
        rows.append(dict(zip(MEASURE_COLUMNS, values, strict=True)))
    return rows


def _hu_values(content: HuContent | None) -> tuple[float | None, ...]:
    """The last columns of a row."""
    if content is None:
        return (None,) * 7
    return content.sd_hu, *content.percentiles_hu, 100 * content.necrotic_share


@dataclass(frozen=True, eq=False)
class _Scan:
    """The grid of a mask, the scan on it, and which of its slices show nothing."""

    geometry: Geometry
    volume: Volume | None
    blank: frozenset[int]


def _measured(labels: LabelArray, label: int, box: Box, scan: _Scan) -> MeasuredLesion:
    inside = labels[box] == label
    grid = scan.geometry.crop(box)
    hu = None if scan.volume is None else scan.volume.crop(box)
    x, y, z = grid.to_world(np.argwhere(inside).mean(axis=0))
    return MeasuredLesion(
        label=label,
        centroid_mm=(float(x), float(y), float(z)),
        measurement=measure_lesion(inside, grid, hu, first_slice=box[0].start),
        surface_mm2=surface_mm2(inside, grid),
        content=None if hu is None else hu_content(inside, hu),
        is_cut=is_cut(box, labels.shape, scan.blank)
        or (scan.volume is not None and touches_padding(inside, box, scan.volume)),
    )
