"""Tables of BIDS that say on which day a session was."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from lvt_track.errors import InputError

__all__ = ["read_session_dates"]


def read_session_dates(root: Path) -> dict[tuple[str, str], dt.date]:
    """Dates of BIDS sessions by (subject, session).

    They stand in `*_sessions.tsv` in `root` or a subject's folder; else in the `*_scans.tsv` of a
    session, whose first scan counts.

    Raises:
        InputError: when such a table cannot be read.
    """
    dates: dict[tuple[str, str], dt.date] = {}
    scans = [*root.glob("ses-*/*_scans.tsv"), *root.glob("sub-*/ses-*/*_scans.tsv")]
    for table in sorted(scans):
        subject, session = table.name.split("_")[0], table.parent.name
        days = [day for row in _rows(table) if (day := _day(row)) is not None]
        if days:
            dates[subject, session] = min(days)
    for table in sorted([*root.glob("*_sessions.tsv"), *root.glob("sub-*/*_sessions.tsv")]):
        subject = table.name.split("_")[0]
        for row in _rows(table):
            day = _day(row)
            if day is not None:
                session = row.get("session_id") or ""
                dates[subject, session if session.startswith("ses-") else f"ses-{session}"] = day
    return dates


def _rows(table: Path) -> Iterator[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            yield from csv.DictReader(file, delimiter="\t")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read as a table ({error})", path=table) from error


def _day(row: dict[str, str]) -> dt.date | None:
    """The day of a row. BIDS moves those of de-identified patients before 1925, so any will do."""
    written = row.get("acq_time") or row.get("date") or ""
    try:
        return dt.date.fromisoformat(written.strip().replace("/", "-")[:10])
    except ValueError:
        return None
