"""A radiologist's DICOM structured reports as the rows of a table of measurements."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track.core.records import Visit
from lvt_track.errors import InputError
from lvt_track.io.dicom.structured_reports import MeasurementGroup, find_reports, read_report
from lvt_track.io.spreadsheets import Sheet, SheetRow
from lvt_track.pipeline.radiologist.annotation_positions import PatientPlanes, found_cells

__all__ = ["read_reports"]

_SIZES = ("long_axis_mm", "short_axis_mm", "volume_ml")
_COLUMNS = ("patient", "date", "lesion", "role", "site", *_SIZES, "x_mm", "y_mm", "z_mm")


@dataclass(frozen=True)
class _Reading:
    """A measurement group with its date and its place."""

    group: MeasurementGroup
    date: dt.date
    place: Mapping[str, str]

    @property
    def who(self) -> tuple[str, str]:
        """Patient and lesion."""
        return self.group.patient, self.group.lesion


def read_reports(path: Path, visits: Sequence[Visit]) -> tuple[Sheet, tuple[str, ...]]:
    """The measurements in a structured report, or in all reports below a folder.

    Reports without measurement groups, such as those of dose, are passed over.

    A measurement is of the date of the image it was made in, where that is among the scans, else
    of the date of the report's study.

    Args:
        path: the report, or the folder.
        visits: of the patient, for the places; none where there are no scans.

    Returns:
        The rows, numbered by measurement group over the files by name, and what was odd.

    Raises:
        InputError: when a report cannot be used, or does not say which lesion or day it is about.
    """
    groups = [group for file in find_reports(path) for group in read_report(file)]
    if not groups:
        raise InputError(
            "no measurement groups (TID 1500) in the structured report",
            path=path,
            remedy="Export the measurements as a measurement report (TID 1500), or as CSV",
        )
    planes = PatientPlanes.of(visits) if visits else None
    readings = [_reading(group, planes) for group in groups]
    readings, remarks = _named_apart(readings, path)
    remarks = [remark for group in groups for remark in group.remarks] + remarks
    unplaced = sum(bool(item.group.places) and not item.place for item in readings)
    if planes is not None and unplaced:
        remarks.append(
            f"{unplaced} of {len(readings)} measurements were made in images that are not among "
            "the scans: their places are not known"
        )
    rows = _merged(readings)
    return Sheet(path, _COLUMNS, tuple(rows)), tuple(remarks)


def _reading(group: MeasurementGroup, planes: PatientPlanes | None) -> _Reading:
    if not group.lesion and not group.tracking_uid:
        raise InputError(
            "a measurement group does not say which lesion it measures",
            path=group.path,
            remedy="Name each lesion in the reading software, the same at every visit",
        )
    found = None if planes is None else planes.find(group.places, group.date)
    date = group.date if found is None else found.date
    if date is None:
        raise InputError(
            "the report has no date", path=group.path, remedy="Export it with its study date"
        )
    return _Reading(group, date, {} if found is None else found_cells(found))


def _named_apart(readings: Sequence[_Reading], path: Path) -> tuple[list[_Reading], list[str]]:
    """Readings whose names tell lesions apart, and the same lesion by one name at all visits.

    The tracking UID decides what is one lesion. Software that names the tool in place of the
    lesion gives one name to many UIDs of one day; these are numbered.
    """
    names: dict[tuple[str, str], str] = {}
    for reading in readings:
        group = reading.group
        if group.tracking_uid:
            names.setdefault((group.patient, group.tracking_uid), group.lesion or "lesion")
    uids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (patient, uid), name in names.items():
        uids[patient, name].append(uid)
    together = Counter(
        (patient, names[patient, uid], date)
        for patient, uid, date in {
            (item.group.patient, item.group.tracking_uid, item.date)
            for item in readings
            if item.group.tracking_uid
        }
    )
    shared = {(patient, name) for (patient, name, _), count in together.items() if count > 1}
    for patient, name in shared:
        own = [r for r in readings if r.group.patient == patient]
        _refuse_if_new_every_time(name, uids[patient, name], own, path)
    renamed = []
    for reading in readings:
        group = reading.group
        name = names.get((group.patient, group.tracking_uid), group.lesion)
        if (group.patient, name) in shared and group.tracking_uid:
            number = uids[group.patient, name].index(group.tracking_uid) + 1
            name = f"{name} {number}"
        renamed.append(replace(reading, group=replace(group, lesion=name)))
    remarks = [
        f"{len(uids[who])} lesions are called {who[1]!r}: they are told apart by their UIDs"
        for who in sorted(shared)
    ]
    return renamed, remarks


def _refuse_if_new_every_time(
    name: str, uids: Sequence[str], readings: Sequence[_Reading], path: Path
) -> None:
    """Refuse lesions of several visits that neither names nor UIDs tell apart."""
    days = defaultdict(set)
    for reading in readings:
        if reading.group.tracking_uid in uids:
            days[reading.group.tracking_uid].add(reading.date)
    if len(set().union(*days.values())) > 1 and all(len(dates) == 1 for dates in days.values()):
        raise InputError(
            f"several lesions are called {name!r}, and nothing says which of them is which at "
            "another visit",
            path=path,
            remedy="Label each lesion in the reading software, the same at every visit",
        )


def _merged(readings: Sequence[_Reading]) -> list[SheetRow]:
    """One row per lesion and visit; groups that complete each other become one."""
    rows: list[SheetRow] = []
    latest: dict[tuple[str, str, dt.date], int] = {}
    for number, reading in enumerate(readings, start=1):
        cells = _cells(reading)
        key = (*reading.who, reading.date)
        before = rows[latest[key]].cells if key in latest else None
        if before is not None and all(
            not before[name] or not cells[name] or before[name] == cells[name] for name in _SIZES
        ):
            filled = {name: before[name] or cells[name] for name in _COLUMNS}
            rows[latest[key]] = SheetRow(rows[latest[key]].line, filled)
            continue
        latest[key] = len(rows)
        rows.append(SheetRow(number, cells))
    return rows


def _cells(reading: _Reading) -> dict[str, str]:
    group = reading.group
    cells = dict.fromkeys(_COLUMNS, "")
    cells |= {
        "patient": group.patient,
        "date": reading.date.isoformat(),
        "lesion": group.lesion,
        "role": group.role,
        "site": group.site,
    }
    for name in _SIZES:
        size = getattr(group, name)
        cells[name] = "" if size is None else f"{size:.6f}"
    return {**cells, **reading.place}
