"""Days of scans, as headers and names write them, and which of them can be.

One rule for both: no CT of a patient is older than the first one (1 October 1971, Wimbledon), or
later than 2100; a day that has not come yet is taken, as de-identification moves dates, and told.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from pathlib import Path

__all__ = [
    "date_in_name",
    "date_of_text",
    "dated_path",
    "dates_above",
    "impossible_date_above",
    "odd_date_warnings",
]

_FIRST_CT = dt.date(1971, 10, 1)
_LAST = dt.date(2100, 12, 31)
_LONGEST_COURSE_YEARS = 40

# dcm2niix writes the time right behind the date.
_IN_NAME = re.compile(
    r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})(?:(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?(?!\d)"
)
_IN_HEADER = re.compile(r"(\d{4})(\d{2})(\d{2})|(\d{4})([-./ ])(\d{1,2})\5(\d{1,2})(?!\d)")


def _is_possible(date: dt.date) -> bool:
    return _FIRST_CT <= date <= _LAST


def date_of_text(written: str) -> tuple[dt.date | None, str]:
    """The day that a header states; and the text where it is none on which there can be a CT.

    Args:
        written: `YYYYMMDD`, perhaps with a time behind it or with `-`, `.`, `/` or blanks between.
    """
    plain = written.strip("\0 ")
    if not plain.strip("0.-/ "):
        return None, ""
    match = _IN_HEADER.match(plain)
    if match is None:
        return None, plain[:20] if plain[0].isdigit() else ""
    year, month, day = (int(match[k]) for k in ((1, 2, 3) if match[1] else (4, 6, 7)))
    try:
        date = dt.date(year, month, day)
    except ValueError:
        return None, f"{year:04d}-{month:02d}-{day:02d}"
    return (date, "") if _is_possible(date) else (None, date.isoformat())


def date_in_name(name: str) -> dt.date | None:
    """A date written YYYY-MM-DD or YYYYMMDD inside a name."""
    for year, _, month, day in _IN_NAME.findall(name):
        try:
            date = dt.date(int(year), int(month), int(day))
        except ValueError:
            continue
        if _is_possible(date):
            return date
    return None


def impossible_date_above(path: Path, root: Path) -> str:
    """A day in the name of the path or a folder above it on which there can be no CT."""
    for place in (path, *path.parents):
        for year, _, month, day in _IN_NAME.findall(place.name):
            text = f"{year}-{month}-{day}"
            if year[:2] in ("18", "19", "20", "21") and date_of_text(text)[1]:
                return text
        if place == root:
            break
    return ""


def dates_above(path: Path, root: Path) -> list[dt.date]:
    """The dates in the name of the path and of its folders below `root`, from the nearest on."""
    places = [path, *(place for place in path.parents if root in place.parents)]
    days = (date_in_name(place.name) for place in places)
    return list(dict.fromkeys(day for day in days if day is not None))


def dated_path(path: Path, root: Path) -> Path | None:
    """The path or its nearest parent, up to and with `root`, whose name holds a date."""
    for place in (path, *path.parents):
        if date_in_name(place.resolve().name if place == root else place.name) is not None:
            return place
        if place == root:
            break
    return None


def odd_date_warnings(dates: Collection[dt.date], births: Collection[str] = ()) -> list[str]:
    """What is odd about the days of a course.

    Args:
        dates: of the visits.
        births: birth dates of the patient as headers write them.
    """
    today = dt.date.today()
    warnings = []
    future = sorted(date for date in dates if date > today)
    if future:
        listed = ", ".join(map(str, future))
        kind = "lies" if len(future) == 1 else "lie"
        text = f"{listed} {kind} in the future: dates that were moved, or a wrong clock"
        if len(future) < len(dates):
            text += "; times between visits cannot be right unless all were moved alike"
        warnings.append(text)
    ancient = sorted(date for date in dates if date < _FIRST_CT)
    if ancient:
        warnings.append(
            f"{', '.join(map(str, ancient))}: before there was CT, so taken for dates that were "
            "moved, as BIDS does; times between visits hold if all were moved alike"
        )
    if dates and (max(dates) - min(dates)).days > 365.25 * _LONGEST_COURSE_YEARS:
        warnings.append(
            f"the visits lie {(max(dates) - min(dates)).days / 365.25:.0f} years apart: is a date "
            "wrong?"
        )
    born = [date for text in births if (date := _birth(text)) is not None]
    early = sorted(date for date in dates if born and date < min(born))
    if early:
        warnings.append(
            f"{', '.join(map(str, early))}: before the patient's birth ({min(born)}): one of the "
            "two dates is wrong"
        )
    return warnings


def _birth(text: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text.strip(), "%Y%m%d").date()
    except ValueError:
        return None
