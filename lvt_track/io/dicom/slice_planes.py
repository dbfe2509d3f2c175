"""Where the slices of a series lie, so that a place named by slice and pixel is found in LPS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.series import Series
from lvt_track.io.dicom.frames import read_frame_headers
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.images.volumes import read_geometry

__all__ = ["SeriesPlanes", "SlicePlane", "read_planes"]


@dataclass(frozen=True, eq=False)
class SlicePlane:
    """One slice.

    Attributes:
        number: as viewers show it: InstanceNumber in DICOM, in a file of several frames that of
            the frame; in image files the index from 0.
        sop_uid: SOPInstanceUID; empty for image files.
        frame: number of its frame, from 1; None where the file is one slice.
        first_mm: LPS (x, y, z) of the centre of its first pixel.
        steps_mm: 3 x 2; LPS mm from one column to the next, and from one row to the next.
        rows, columns: its size in pixels.
    """

    number: int
    sop_uid: str
    frame: int | None
    first_mm: FloatArray
    steps_mm: FloatArray
    rows: int
    columns: int

    def is_image(self, sop_uid: str, frame: int | None) -> bool:
        """Whether a report means this slice; in a file of several frames it must name one."""
        return self.sop_uid == sop_uid != "" and self.frame in (None, frame)

    def place(self, column: float, row: float) -> Point:
        """LPS of a pixel, where (0, 0) is the centre of the first one."""
        x, y, z = (float(v) for v in self.first_mm + self.steps_mm @ np.array([column, row]))
        return x, y, z

    @property
    def height_mm(self) -> float:
        """LPS z of the middle of the slice."""
        return self.place((self.columns - 1) / 2, (self.rows - 1) / 2)[2]


@dataclass(frozen=True, eq=False)
class SeriesPlanes:
    """The slices of a series.

    Attributes:
        series: the series.
        number: SeriesNumber; empty for image files.
        frame_of_reference: its UID; empty for image files.
        slices: in the order of the array.
    """

    series: Series
    number: str
    frame_of_reference: str
    slices: tuple[SlicePlane, ...]

    def is_called(self, name: str) -> bool:
        """Whether a reader may mean this series: by its UID, number, description or phase."""
        names = (self.series.uid, self.number, self.series.description, self.series.phase.value)
        return name.strip().casefold() in {text.casefold() for text in names if text}


def read_planes(series: Series) -> SeriesPlanes:
    """The slices of a series, from headers alone.

    Raises:
        InputError: when a header cannot be read.
    """
    if series.is_dicom:
        return _dicom_planes(series)
    geometry = read_geometry(series.files[0])
    depth, rows, columns = geometry.shape
    steps = geometry.affine[:3, :2]
    slices = tuple(
        SlicePlane(k, "", None, geometry.to_world((k, 0, 0)), steps, rows, columns)
        for k in range(depth)
    )
    return SeriesPlanes(series, "", "", slices)


def _dicom_planes(series: Series) -> SeriesPlanes:
    headers, errors = read_frame_headers(series.files)
    if errors:
        raise errors[0]
    slices = tuple(plane for header in headers if (plane := _plane(header)) is not None)
    first = headers[0]
    return SeriesPlanes(series, first.series_number, first.frame_of_reference, slices)


def _plane(header: SliceHeader) -> SlicePlane | None:
    """The plane of a slice; None where its header does not place it."""
    position, axes, spacing = header.position_mm, header.orientation, header.pixel_spacing_mm
    if position is None or axes is None or spacing is None:
        return None
    row_mm, column_mm = spacing
    # Along the row's direction the column index grows, and the other way round.
    steps = axes.T * np.array([column_mm, row_mm])
    return SlicePlane(
        number=header.instance_number,
        sop_uid=header.sop_uid,
        frame=header.frame,
        first_mm=position,
        steps_mm=steps,
        rows=header.rows,
        columns=header.columns,
    )
