"""Our own `lesions.csv` as a table of measurements: its tracks say which lesion is which."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from string import ascii_lowercase

from lvt_track.core.assessment import Assessment, Status

__all__ = ["with_tracks"]


def with_tracks(rows: Sequence[Assessment], tracks: Sequence[str]) -> list[Assessment]:
    """Rows named by their track, and rows for lesions of the first visit that are gone.

    Labels in `lesions.csv` count anew at every visit. Several lesions of one track are told apart
    as in `lvt track`: by letters at the first visit, as pieces of what split, and as one where
    they merged. Where a track has several lesions at both visits, they are taken by size.

    Args:
        rows: of one patient, one per lesion and visit.
        tracks: the track of each row.
    """
    start = min(row.date for row in rows)
    dates = sorted({row.date for row in rows})
    visits: dict[str, dict[dt.date, list[Assessment]]] = defaultdict(lambda: defaultdict(list))
    for row, track in zip(rows, tracks, strict=True):
        visits[track][row.date].append(row)
    named: list[Assessment] = []
    for track, by_date in visits.items():
        first = _by_size(by_date.get(start, []))
        known = (
            [track]
            if len(first) == 1
            else [track + ascii_lowercase[k % 26] for k in range(len(first))]
        )
        named += [replace(row, lesion=name) for name, row in zip(known, first, strict=True)]
        for date in dates[1:]:
            named += _later(track, known, _by_size(by_date.get(date, [])), date)
    return named


def _later(track: str, known: list[str], rows: list[Assessment], date: dt.date) -> list[Assessment]:
    """The rows of a track at one later visit."""
    if not known:
        names = [track] if len(rows) == 1 else [f"{track}.{k + 1}" for k in range(len(rows))]
        return [replace(row, lesion=name) for name, row in zip(names, rows, strict=True)]
    if len(rows) == 1 and len(known) > 1:
        return [replace(rows[0], lesion="+".join(known), derived_from=tuple(known))]
    if len(rows) > 1 and len(known) == 1:
        return [
            replace(row, lesion=f"{known[0]}.{k}", derived_from=(known[0],))
            for k, row in enumerate(rows, start=1)
        ]
    pairs = zip(known, rows, strict=False)
    found = [replace(row, lesion=name) for name, row in pairs]
    found += [
        replace(row, lesion=f"{known[-1]}.{k}", derived_from=(known[-1],))
        for k, row in enumerate(rows[len(known) :], start=2)
    ]
    found += [Assessment(date, name, status=Status.ABSENT) for name in known[len(rows) :]]
    return found


def _by_size(rows: Sequence[Assessment]) -> list[Assessment]:
    return sorted(rows, key=lambda row: (-(row.long_axis_mm or 0.0), row.lesion))
