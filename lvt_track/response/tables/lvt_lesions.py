"""Our own `lesions.csv` as a table of measurements: its tracks say which lesion is which."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.io.spreadsheets.sheet import Sheet, read_sheet
from lvt_track.response.pieces import baseline_names, merged_name, piece_names, track_name
from lvt_track.response.tables.cells import Problem
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.readings import Readings, ReadOptions, checked_readings

__all__ = ["lvt_readings", "with_tracks"]

_UNKNOWN = (
    "this is lvt's own table of lesions: it does not say which tumours are uncertain, nor which "
    "places a scan does not show; response.csv of the same run knows both"
)


def lvt_readings(
    rows: Sequence[Assessment], sheet: Sheet, problems: Iterable[Problem], options: ReadOptions
) -> Readings:
    """What a `lesions.csv` says, with the visits of the `visits.csv` beside it.

    Args:
        rows: as the table has them; of several patients in the table of a cohort.
        sheet: the table.
        problems: found so far.
        options: how it is read.

    Raises:
        InputError: for rows that contradict each other.
    """
    cells = [
        {re.sub(r"[\s_]+", "_", name.lower()): text for name, text in row.cells.items()}
        for row in sheet.rows
    ]
    dates = _visit_dates(sheet.path)
    if dates is None:
        what = "without the visits.csv of the run, visits that show no lesion are not known"
        problems = [*problems, Problem(None, what, False)]
    whole = [
        _unmeasured(row) if cell.get("cut", "").lower() == "true" else row
        for row, cell in zip(rows, cells, strict=True)
    ]
    tracks = {row.line: cell["track"] for row, cell in zip(sheet.rows, cells, strict=True)}
    named: list[Assessment] = []
    for patient, of_patient in by_patient(whole).items():
        names = [tracks[row.line] for row in of_patient if row.line is not None]
        of_tracks = with_tracks(of_patient, names, (dates or {}).get(patient, ()))
        named += [replace(row, patient=patient) for row in of_tracks]
    problems = [*problems, Problem(None, _UNKNOWN, False)]
    readings = checked_readings(named, problems, sheet.path, ReadOptions(0, options.sites))
    return replace(readings, dates=dates or {})


def _visit_dates(path: Path | None) -> dict[str, tuple[dt.date, ...]] | None:
    """The visits by patient of what a table belongs to; None where they are not beside it."""
    visits = None if path is None else path.parent / "visits.csv"
    if visits is None or not visits.is_file():
        return None
    dates: dict[str, tuple[dt.date, ...]] = defaultdict(tuple)
    for row in read_sheet(visits).rows:
        dates[row.cells.get("patient", "")] += (dt.date.fromisoformat(row.cells["date"]),)
    return dict(dates)


def _unmeasured(row: Assessment) -> Assessment:
    """A lesion that the scan cuts has no size."""
    return replace(
        row,
        long_axis_mm=None,
        short_axis_mm=None,
        volume_ml=None,
        status=Status.NOT_DONE,
        remark="the scan ends in it",
    )


def with_tracks(
    rows: Sequence[Assessment], tracks: Sequence[str], dates: Sequence[dt.date] = ()
) -> list[Assessment]:
    """Rows named by their track, and rows for lesions that a visit no longer shows.

    Labels in `lesions.csv` count anew at every visit. Several lesions of one track are told apart
    as in `lvt track`: by letters at the first visit, as pieces of what split, and as one where
    they merged. Where a track has several lesions at both visits, they are taken by size.

    Args:
        rows: of one patient, one per lesion and visit.
        tracks: the track of each row.
        dates: all visits, also those that show no lesion.
    """
    days = sorted({*dates, *(row.date for row in rows)})
    visits: dict[str, dict[dt.date, list[Assessment]]] = defaultdict(lambda: defaultdict(list))
    for row, track in zip(rows, tracks, strict=True):
        visits[track][row.date].append(row)
    named: list[Assessment] = []
    for track, by_date in visits.items():
        first = _by_size(by_date.get(days[0], []))
        name = track_name(track)
        known = baseline_names(name, len(first)) if first else []
        named += [replace(row, lesion=one) for one, row in zip(known, first, strict=True)]
        shown: set[str] = set()
        for date in days[1:]:
            renamed = _later(name, known, _by_size(by_date.get(date, [])), date)
            names = {row.lesion for row in renamed}
            if not known:
                renamed += [Assessment(date, one, status=Status.ABSENT) for one in shown - names]
                shown |= names
            named += renamed
    return named


def _later(name: str, known: list[str], rows: list[Assessment], date: dt.date) -> list[Assessment]:
    """The rows of a track at one later visit."""
    if not known:
        names = piece_names(name, len(rows)) if rows else []
        return [replace(row, lesion=one) for one, row in zip(names, rows, strict=True)]
    if len(rows) == 1 and len(known) > 1:
        return [replace(rows[0], lesion=merged_name(known), derived_from=tuple(known))]
    if len(rows) > 1 and len(known) == 1:
        pieces = zip(piece_names(known[0], len(rows)), rows, strict=True)
        return [replace(row, lesion=one, derived_from=(known[0],)) for one, row in pieces]
    pairs = zip(known, rows, strict=False)
    renamed = [replace(row, lesion=one) for one, row in pairs]
    renamed += [
        replace(row, lesion=f"{known[-1]}.{k}", derived_from=(known[-1],))
        for k, row in enumerate(rows[len(known) :], start=2)
    ]
    renamed += [Assessment(date, one, status=Status.ABSENT) for one in known[len(rows) :]]
    return renamed


def _by_size(rows: Sequence[Assessment]) -> list[Assessment]:
    return sorted(rows, key=lambda row: (-(row.long_axis_mm or 0.0), row.lesion))
