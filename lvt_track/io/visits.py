"""Series to visits: which day each was scanned, and which series of a day is followed."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lvt_track.core.series import Phase, Visit
from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries
from lvt_track.io.duplicate_scans import twin_warnings
from lvt_track.io.tracked_series import choose_tracked

__all__ = ["build_visits", "phase_warnings", "with_dates"]


def with_dates(
    candidates: Sequence[FoundSeries], root: Path
) -> tuple[list[FoundSeries], list[str]]:
    """Dates by the headers where these tell studies apart, else by acquisitions or folders.

    Raises:
        InputError: when studies that repeat each other all bear one date, as after
            de-identification, and nothing else tells when they were made.
    """
    headed = [item for item in candidates if item.date is not None]
    headers = {item.date for item in headed}
    acquired = _acquisition_dates(headed)
    if len(acquired) > len(headers):
        text = "the headers give one study date for several studies: acquisition dates were taken"
        return [replace(i, date=i.acquisition_date or i.folder_date) for i in candidates], [text]
    folders = {item.folder_date for item in headed}
    if None not in folders and len(folders) > len(headers):
        text = "the headers give fewer dates than the folders, whose dates were taken instead"
        return [replace(item, date=item.folder_date) for item in candidates], [text]
    if len(headers) == 1 and len(headed) == len(candidates):
        _check_repeats(headed, root)
    return [replace(item, date=item.date or item.folder_date) for item in candidates], []


def _acquisition_dates(candidates: Sequence[FoundSeries]) -> set[dt.date]:
    """Days of acquisition, where each of several studies has one; else none."""
    days: dict[str, set[dt.date | None]] = defaultdict(set)
    for item in candidates:
        days[item.study].add(item.acquisition_date)
    if len(days) < 2 or any(len(one) > 1 or None in one for one in days.values()):
        return set()
    return {day for one in days.values() for day in one if day is not None}


def _check_repeats(candidates: Sequence[FoundSeries], root: Path) -> None:
    """Refuse studies of one day that show the same under the same name."""
    first: dict[tuple[object, ...], FoundSeries] = {}
    for item in candidates:
        if not item.series.is_dicom:
            continue
        same = first.setdefault((item.series.description, item.series.phase), item)
        if same.study != item.study:
            raise InputError(
                f"studies in {same.path} and {item.path} bear one date ({item.date}) and show the "
                f"same (“{item.series.description}”): visits cannot be told apart",
                path=root,
                remedy="Put each study into a folder named by its date, such as 2024-03-01",
            )


def build_visits(candidates: Sequence[FoundSeries]) -> tuple[tuple[Visit, ...], list[str]]:
    """One visit per day, each with the series to follow."""
    days: dict[dt.date, list[FoundSeries]] = defaultdict(list)
    for item in candidates:
        if item.date is not None:
            days[item.date].append(item)
    dates = sorted(days)
    tracked = choose_tracked([[item.series for item in days[date]] for date in dates])
    visits = []
    warnings = []
    for date, choice in zip(dates, tracked, strict=True):
        items = days[date]
        studies = list(dict.fromkeys(item.study for item in items))
        if len(studies) > 1:
            warnings.append(f"{date}: {len(studies)} studies of one day are taken as one visit")
        warnings += twin_warnings(items)
        series = tuple(item.series for item in items)
        visits.append(Visit(date, items[choice].study, series, choice))
    dates_of: dict[str, list[str]] = defaultdict(list)
    for visit in visits:
        if visit.tracked_series.is_dicom and visit.study:
            dates_of[visit.study].append(visit.name)
    warnings += [
        f"{', '.join(names)} have one StudyInstanceUID: one study under several dates, or headers "
        "that were copied"
        for names in dates_of.values()
        if len(names) > 1
    ]
    return tuple(visits), [*warnings, *phase_warnings(visits)]


def phase_warnings(visits: Sequence[Visit]) -> list[str]:
    """What to say where visits are not all followed in one phase that is known."""
    phases = {visit.tracked_series.phase for visit in visits}
    listed = ", ".join(f"{visit.name} {visit.tracked_series.phase}" for visit in visits)
    if len(phases - {Phase.UNKNOWN}) > 1:
        return [f"the visits are followed in different phases: {listed}"]
    if len(phases) > 1:
        return [f"the phase of some visits is not known, and may differ: {listed}"]
    return []
