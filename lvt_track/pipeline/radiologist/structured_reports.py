"""A radiologist's DICOM structured reports as assessments."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import isclose
from pathlib import Path

from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.series import Visit
from lvt_track.errors import InputError
from lvt_track.io.dicom.structured_report.find import current_reports, find_reports
from lvt_track.io.dicom.structured_report.read import MeasurementGroup, read_report
from lvt_track.pipeline.radiologist.annotation_positions import FoundPlace, PatientPlanes
from lvt_track.response.tables.cells import Problem
from lvt_track.response.tables.readings import Readings, ReadOptions, checked_readings
from lvt_track.response.tables.sizes import Sizes, settled

__all__ = ["read_reports"]

_SIZES = ("long_axis_mm", "short_axis_mm", "volume_ml")
_WHICH_LINE = "Line N is the Nth measurement group, over all reports in order of their names"


@dataclass(frozen=True)
class _Reading:
    """A measurement group with its number, its date and its place."""

    number: int
    group: MeasurementGroup
    date: dt.date
    place: FoundPlace | None

    @property
    def who(self) -> tuple[str, str]:
        """Patient and lesion."""
        return self.group.patient, self.group.lesion


def read_reports(path: Path, visits: Sequence[Visit], options: ReadOptions) -> Readings:
    """The measurements in a structured report, or in all reports below a folder.

    Reports without measurement groups, such as those of dose, are passed over, and those that
    later ones replace are left out, with a remark.

    A measurement is of the date of the image it was made in, where that is among the scans, else
    of the date of the report's study. Lines are numbers of measurement groups, over the files by
    name.

    Args:
        path: the report, or the folder.
        visits: of the patient, for the places; none where there are no scans.
        options: how tables are read.

    Raises:
        InputError: when a report cannot be used, or does not say which lesion or day it is about.
    """
    reports = find_reports(path)
    current = current_reports(reports)
    groups = [group for file in current for group in read_report(file)]
    if not groups:
        raise InputError(
            "no measurement groups (TID 1500) in the structured report",
            path=path,
            remedy="Export the measurements as a measurement report (TID 1500), or as CSV",
        )
    planes = PatientPlanes.of(visits) if visits else None
    readings = [_reading(number, group, planes) for number, group in enumerate(groups, start=1)]
    readings, remarks = _named_apart(readings, path)
    remarks = [remark for group in groups for remark in group.remarks] + remarks
    if len(current) < len(reports):
        count = len(reports) - len(current)
        remarks.append(f"{count} of {len(reports)} reports are left out: later ones replace them")
    unplaced = sum(bool(item.group.places) and item.place is None for item in readings)
    if planes is not None and unplaced:
        remarks.append(
            f"{unplaced} of {len(readings)} measurements were made in images that are not among "
            "the scans: their places are not known"
        )
    problems = [Problem(None, remark, False) for remark in remarks]
    rows = [
        row for reading in _merged(readings) if (row := _assessment(reading, problems)) is not None
    ]
    try:
        return checked_readings(rows, problems, path, options)
    except InputError as error:
        raise InputError(error.what, path=path, remedy=_WHICH_LINE) from error


def _reading(number: int, group: MeasurementGroup, planes: PatientPlanes | None) -> _Reading:
    if not group.lesion and not group.tracking_uid:
        raise InputError(
            "a measurement group does not say which lesion it measures",
            path=group.path,
            remedy="Name each lesion in the reading software, the same at every visit",
        )
    place = None if planes is None else planes.find(group.places, group.date)
    date = group.date if place is None else place.date
    if date is None:
        raise InputError(
            "the report has no date", path=group.path, remedy="Export it with its study date"
        )
    return _Reading(number, group, date, place)


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
        of_patient = [r for r in readings if r.group.patient == patient]
        _refuse_if_new_every_time(name, uids[patient, name], of_patient, path)
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


def _merged(readings: Sequence[_Reading]) -> list[_Reading]:
    """One reading per lesion and visit; groups that complete each other become one."""
    merged: list[_Reading] = []
    latest: dict[tuple[str, str, dt.date], int] = {}
    for reading in readings:
        key = (*reading.who, reading.date)
        before = merged[latest[key]] if key in latest else None
        if before is not None and _complete_each_other(before.group, reading.group):
            first, second = before.group, reading.group
            names = ("role", "site", *_SIZES)
            filled = {name: getattr(first, name) or getattr(second, name) for name in names}
            place = before.place or reading.place
            group = replace(first, **filled)
            merged[latest[key]] = replace(before, group=group, place=place)
            continue
        latest[key] = len(merged)
        merged.append(reading)
    return merged


def _complete_each_other(first: MeasurementGroup, second: MeasurementGroup) -> bool:
    pairs = [(getattr(first, name), getattr(second, name)) for name in _SIZES]
    return all(a is None or b is None or isclose(a, b, abs_tol=1e-6) for a, b in pairs)


def _assessment(reading: _Reading, problems: list[Problem]) -> Assessment | None:
    """What a report says of a lesion at a visit; None where it cannot be used."""
    group = reading.group
    role = Role(group.role) if group.role else None
    sizes = {name: getattr(group, name) for name in _SIZES}
    wrong = [
        Problem(reading.number, f"{name} is negative: {size:g}", True)
        for name, size in sizes.items()
        if size is not None and size < 0
    ]
    reported = Status(group.status) if group.status in set(Status) else None
    status, settled_sizes, more = settled(
        group.lesion, reading.number, role, reported, Sizes(**sizes)
    )
    problems += [*wrong, *more]
    if any(problem.is_fatal for problem in (*wrong, *more)):
        return None
    row = Assessment(
        date=reading.date,
        lesion=group.lesion,
        patient=group.patient,
        role=role,
        site=group.site or "liver",
        status=status or Status.MEASURED,
        derived_from=group.derived_from,
        line=reading.number,
        **asdict(settled_sizes),
    )
    return row if reading.place is None else reading.place.of(row)
