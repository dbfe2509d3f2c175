"""Our own `lesions.csv` as a table of measurements: its tracks say which lesion is which."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.assessment import Assessment, Status
from lvt_track.response.pieces import baseline_names, merged_name, piece_names, track_name

__all__ = ["with_tracks"]


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
            here = _later(name, known, _by_size(by_date.get(date, [])), date)
            names = {row.lesion for row in here}
            if not known:
                here += [Assessment(date, one, status=Status.ABSENT) for one in shown - names]
                shown |= names
            named += here
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
    found = [replace(row, lesion=one) for one, row in pairs]
    found += [
        replace(row, lesion=f"{known[-1]}.{k}", derived_from=(known[-1],))
        for k, row in enumerate(rows[len(known) :], start=2)
    ]
    found += [Assessment(date, one, status=Status.ABSENT) for one in known[len(rows) :]]
    return found


def _by_size(rows: Sequence[Assessment]) -> list[Assessment]:
    return sorted(rows, key=lambda row: (-(row.long_axis_mm or 0.0), row.lesion))
