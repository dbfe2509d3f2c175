"""Places that a reader names by series, slice and pixel, found in LPS through the visit's scans."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvt_track.core.lesion.caliper import Point
from lvt_track.core.response.assessment import Assessment
from lvt_track.core.series import Visit
from lvt_track.io.dicom.slice_planes import SeriesPlanes, SlicePlane, read_planes
from lvt_track.io.dicom.structured_report.content import ImagePlace, ReportedPlace
from lvt_track.io.spreadsheets.sheet import Sheet
from lvt_track.response.tables.cells import CellError, parse_number
from lvt_track.response.tables.readings import Readings

__all__ = ["FoundPlace", "PatientPlanes", "placed"]

_NAMED_BY = ("series", "slice", "x_pixel", "y_pixel")
# The corner of a pixel is half a pixel before its centre.
_CORNER = 0.5


class _UnknownPlaceError(ValueError):
    """A place that the scans do not have; its text says why."""


@dataclass(frozen=True)
class FoundPlace:
    """A place in a patient.

    Attributes:
        date: of the visit whose scan it was found in.
        height_mm: LPS z.
        position_mm: LPS; None where only the slice is known.
    """

    date: dt.date
    height_mm: float
    position_mm: Point | None = None

    def of(self, row: Assessment) -> Assessment:
        """The row, lying here."""
        height_mm = self.height_mm if self.position_mm is None else None
        return replace(row, position_mm=self.position_mm, height_mm=height_mm)


@dataclass(frozen=True)
class PatientPlanes:
    """The slices of all scans of one patient.

    Attributes:
        by_date: the series of each visit, the one that is followed first.
    """

    by_date: Mapping[dt.date, tuple[SeriesPlanes, ...]]

    @classmethod
    def of(cls, visits: Sequence[Visit]) -> PatientPlanes:
        """Read the headers of all series.

        Raises:
            InputError: when one cannot be read.
        """
        return cls(
            {
                visit.date: tuple(
                    read_planes(series)
                    for series in sorted(visit.series, key=lambda s: s is not visit.tracked_series)
                )
                for visit in visits
            }
        )

    def find(self, places: Sequence[ReportedPlace], date: dt.date | None) -> FoundPlace | None:
        """Where the places of one measurement in a report lie, taken together.

        Args:
            places: regions of one lesion; those in images that are no scan here do not count.
            date: of the report; places in the patient's space need it.

        Returns:
            None where no place lies in a scan of these visits.
        """
        positions = [item for place in places if (item := self._find(place, date)) is not None]
        if not positions:
            return None
        points = [item.position_mm for item in positions if item.position_mm is not None]
        if points:
            x, y, z = (float(v) for v in np.mean(points, axis=0))
            return FoundPlace(positions[0].date, z, (x, y, z))
        height_mm = float(np.mean([item.height_mm for item in positions]))
        return FoundPlace(positions[0].date, height_mm)

    def _find(self, place: ReportedPlace, date: dt.date | None) -> FoundPlace | None:
        if isinstance(place, ImagePlace):
            for day, scans in self.by_date.items():
                for slice_ in (one for scan in scans for one in scan.slices):
                    if slice_.is_image(place.sop_uid, place.frame):
                        return _place_on(day, slice_, place.column, place.row, _CORNER)
            return None
        if date is None or not place.frame_of_reference:
            return None
        frames = {scan.frame_of_reference for scan in self.by_date.get(date, ())}
        is_here = place.frame_of_reference in frames
        return FoundPlace(date, place.point_mm[2], place.point_mm) if is_here else None

    def look_up(
        self, date: dt.date, series: str, number: int, pixel: tuple[float | None, float | None]
    ) -> FoundPlace | None:
        """A place named by slice; None where there is no visit on that date.

        Args:
            date: of the visit.
            series: its UID, number, description or phase; empty for the one that is followed.
            number: of the slice.
            pixel: column and row in the slice, from 0 at the centre of the first pixel; or None.

        Raises:
            ValueError: when the visit has no such series or slice, or several.
        """
        scans = self.by_date.get(date, ())
        if not scans:
            return None
        called = [scan for scan in scans if scan.is_called(series)] if series else [scans[0]]
        if len(called) != 1:
            how_many = "no" if not called else f"{len(called)}"
            raise _UnknownPlaceError(f"{date} has {how_many} series called {series!r}")
        slices = [one for one in called[0].slices if one.number == number]
        if len(slices) != 1:
            how_many = "no" if not slices else f"{len(slices)}"
            raise _UnknownPlaceError(f"{date} has {how_many} slices with the number {number}")
        return _place_on(date, slices[0], *pixel, 0.0)


def placed(readings: Readings, sheet: Sheet, visits: Sequence[Visit]) -> Readings:
    """Readings with places for rows that name them by `series`, `slice` and pixel.

    Rows that have a place in mm keep it. Where no pixel is named, only the height is known.

    Args:
        readings: of the table.
        sheet: the table itself.
        visits: of the patient; dates that they do not have are passed over.

    Raises:
        InputError: when the header of a scan cannot be read.
    """
    names = {re.sub(r"[\s_]+", "_", name.lower()): name for name in sheet.columns}
    if not visits or "slice" not in names or "track" in names:
        return readings
    planes = PatientPlanes.of(visits)
    cells = {
        row.line: {key: row.cells[names[key]] for key in _NAMED_BY if key in names}
        for row in sheet.rows
    }
    rows, remarks = [], []
    for row in readings.rows:
        named = cells.get(row.line or 0, {})
        if named.get("slice") and row.height_mm is None and row.position_mm is None:
            try:
                place = _place_by_name(planes, row.date, named)
            except (CellError, _UnknownPlaceError) as error:
                remarks.append(f"line {row.line}: its place is not known: {error}")
            else:
                row = row if place is None else place.of(row)
        rows.append(row)
    return replace(readings, rows=tuple(rows), remarks=(*remarks, *readings.remarks))


def _place_by_name(
    planes: PatientPlanes, date: dt.date, cells: Mapping[str, str]
) -> FoundPlace | None:
    """The place that the cells of a row name; None where there is no visit on its date."""
    pixel = [cells.get(name, "") for name in ("x_pixel", "y_pixel")]
    column, row = (parse_number(text) if text else None for text in pixel)
    number = parse_number(cells["slice"])
    if not number.is_integer():
        raise _UnknownPlaceError(f"slice {cells['slice']} is not a whole number")
    return planes.look_up(date, cells.get("series", ""), int(number), (column, row))


def _place_on(
    date: dt.date, plane: SlicePlane, column: float | None, row: float | None, corner: float
) -> FoundPlace:
    if column is None or row is None:
        return FoundPlace(date, plane.height_mm)
    point = plane.place(column - corner, row - corner)
    return FoundPlace(date, point[2], point)
