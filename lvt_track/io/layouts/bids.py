"""BIDS: the day of a session, what is derived, and what converters say beside a scan."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.dates import date_of_text

__all__ = ["class_of_derivative", "raw_folder", "read_session_dates", "sidecar_date"]

_DERIVED = "derivatives"
_LABEL = re.compile(
    r"(?P<scan>.*?)(?:_(?:space|res|desc)-[a-z0-9]+)*_label-(?P<label>[a-z]+)"
    r"(?:_(?:space|res|desc)-[a-z0-9]+)*_(?:mask|dseg)"
)
_CLASSES = {
    "liver": "liver",
    **dict.fromkeys(("tumor", "tumors", "tumour", "tumours", "lesion", "lesions"), "tumors"),
    **dict.fromkeys(("vessel", "vessels"), "vessels"),
}
_MOST_BYTES = 1 << 20


def raw_folder(path: Path) -> Path | None:
    """The folder of the raw scan that a file below `derivatives/<pipeline>` is derived from."""
    parts = path.parent.parts
    if _DERIVED not in parts or not any(part.startswith("sub-") for part in parts):
        return None
    at = parts.index(_DERIVED)
    return Path(*parts[:at], *parts[at + 2 :])


def class_of_derivative(stem: str) -> tuple[str, str] | None:
    """Scan and class of a mask named as BIDS names derivatives: `…_label-liver_mask`."""
    match = _LABEL.fullmatch(stem)
    if match is None or match["label"] not in _CLASSES:
        return None
    return match["scan"], _CLASSES[match["label"]]


def sidecar_date(path: Path, stem: str) -> dt.date | None:
    """The day of acquisition in the JSON file that dcm2niix writes beside a scan."""
    file = path.with_name(f"{stem}.json")
    try:
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return None
        facts = json.loads(file.read_text(encoding="utf-8-sig"))
        return date_of_text(str(facts.get("AcquisitionDateTime") or ""))[0]
    except (OSError, ValueError, AttributeError, RecursionError):
        return None


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
