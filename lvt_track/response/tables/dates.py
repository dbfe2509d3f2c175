"""Days as tables of measurements write them; their order where a column or scans settle it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lvt_track.core.response.sites import plain_words
from lvt_track.response.tables.cells import CellError

__all__ = ["DateForm", "DateOrder", "exchanged_days", "parse_date", "settled_order"]

# Days since the epoch of a spreadsheet: 1954 to 2064, so that no other number is taken for a date.
_LEAST_SERIAL, _MOST_SERIAL = 20_000, 60_000

_MONTHS = {
    month: number
    for number, names in enumerate(
        (
            "jan january januar januari janvier janv enero ene gennaio gen janeiro",
            "feb february februar februari fevrier fevr fev febrero febbraio fevereiro",
            "mar march maerz marz mrz mars marzo maart marts marco",
            "apr april avril avr abril abr aprile",
            "may mai mayo mei maj maggio mag maio",
            "jun june juni juin junio giugno giu junho",
            "jul july juli juillet juil julio luglio lug julho",
            "aug august aout agosto ago augustus augusti",
            "sep sept september septembre septiembre settembre set setembro",
            "oct october oktober okt octobre octubre ottobre ott outubro out",
            "nov november novembre noviembre novembro",
            "dec december dezember dez decembre diciembre dic desember des dicembre dezembro",
        ),
        start=1,
    )
    for month in names.split()
}

_WEEKDAYS = (
    "mon|tues?|wed|thu|thurs?|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    "mo|di|mi|do|fr|sa|so|(mon|diens|donners|frei|sams|sonn)tag|mittwoch|"
    "lun|mar|mer|jeu|ven|sam|dim|(lun|mar|mercre|jeu|vendre|same)di|dimanche|"
    "lunes|martes|miercoles|jueves|viernes|sabado|domingo|"
    "(man|tirs|ons|tors|fre|lor|son)dag"
)

_FIRST_YEAR = 1900
"""Tables may hold dates that were moved; a year before it has lost a digit."""
_FIRST_CT = 1971

# 03/04/2024 or 03-04-24; with dots and a full year the day comes first everywhere.
_NUMBERS = re.compile(r"(\d{1,2})(?:([/-])(\d{1,2})\2(\d{4}|\d{2})|(\.)(\d{1,2})\.(\d{2}))")
_FIRST_DAYS = 12
"""Of a month, whose numbers can be those of a month."""


class DateOrder(StrEnum):
    """What comes first in a day of three numbers; its value is the word for it."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class DateForm:
    """How a column writes its days.

    Attributes:
        serial_epoch: day 0 of numbers of days, where the file counts so.
        order: of the numbers of a day, where it is known.
    """

    serial_epoch: dt.date | None = None
    order: DateOrder | None = None


def settled_order(
    texts: Iterable[str], scan_days: Collection[dt.date] = ()
) -> tuple[DateOrder, str] | None:
    """The one order in which every day of a column can be read, and how it is known, in words.

    `03/04/2024` is told by `25/04/2024` in another row, or where one order alone gives days on
    which the patient was scanned. None where no day of the column needs it, or nothing tells.

    Args:
        texts: cells of the column.
        scan_days: of the patient, where they are known.
    """
    readings = {text: days for text in texts if (days := _days_by_order(text))}
    unclear = next((text for text, days in readings.items() if len(set(days.values())) > 1), None)
    if unclear is None:
        return None
    possible = [order for order in DateOrder if all(order in days for days in readings.values())]
    if len(possible) > 1:
        possible = [
            order
            for order in possible
            if any(days[order] in scan_days for days in readings.values())
        ]
        witness = "the days of the scans tell"
    else:
        shortest = min(readings, key=lambda text: len(readings[text]))
        witness = f"{shortest} tells"
    if len(possible) != 1:
        return None
    (order,) = possible
    return order, f"days such as {unclear} are read with the {order} first, as {witness}"


def exchanged_days(texts: Collection[str], scan_days: Collection[dt.date] = ()) -> str:
    """Why days of a worksheet may have exchanged day and month when it was opened; else empty.

    A spreadsheet program takes `03/04/2024` for a date in the order of its own country, and leaves
    `25/04/2024`, which is none there, as text: then every date that it made is wrong.

    Args:
        texts: of a column of a worksheet; cells that are dates in ISO's form.
        scan_days: of the patient, where they are known.
    """
    kinds = {DateOrder.DAY, DateOrder.MONTH}
    left = [text for text in texts if len(kinds & _days_by_order(text).keys()) == 1]
    made = [text for text in texts if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)]
    days = [dt.date.fromisoformat(text) for text in made]
    if not left or not days or any(day.day > _FIRST_DAYS or day in scan_days for day in days):
        return ""
    return (
        f"{left[0]!r} is text, {made[0]} a date of the spreadsheet, which may have exchanged day "
        "and month of all that it could: write both as YYYY-MM-DD"
    )


def _days_by_order(text: str) -> Mapping[DateOrder, dt.date]:
    """The days that a text of three numbers can mean; none for other texts."""
    match = _NUMBERS.fullmatch(re.split(r"[T ]", text, maxsplit=1)[0])
    if match is None:
        return {}
    first, second = int(match[1]), int(match[3] or match[6])
    last = match[4] or match[7]
    written = {DateOrder.DAY: (last, second, first), DateOrder.MONTH: (last, first, second)}
    if match[5]:
        del written[DateOrder.MONTH]
    if len(last) == 2:
        written[DateOrder.YEAR] = (f"{first:02d}", second, int(last))
    first_year = _FIRST_YEAR if len(last) == 4 else _FIRST_CT
    days = {}
    for order, (year, month, day) in written.items():
        try:
            days[order] = dt.date(_full_year(year), month, day)
        except ValueError:
            continue
    return {order: day for order, day in days.items() if day.year >= first_year}


def _full_year(digits: str) -> int:
    """A year; one of two digits lies in the hundred years that end with the next one."""
    if len(digits) == 4:
        return int(digits)
    last = dt.date.today().year + 1
    return last - (last - int(digits)) % 100


def parse_date(text: str, form: DateForm | None = None) -> dt.date:
    """A day: 2024-03-01, 20240301, 2024/03/01, 01.03.2024 or 1-Mar-2024; times are dropped.

    Args:
        text: the cell.
        form: how its column writes days.

    Raises:
        CellError: for days of which one cannot tell day and month, for days that are not
            complete, and for what is no date.
    """
    form = form or DateForm()
    named = _with_month_name(text)
    if named is not None:
        return named
    # `2024年3月1日`, `2024. 3. 1.` and `1. 3. 2024`.
    plain = re.sub(r"[年月\u2010-\u2015\u2212]", "-", text).rstrip("日.")
    day = re.split(r"[T ]", re.sub(r"(?<=\d)\. (?=\d)", ".", plain), maxsplit=1)[0]
    for pattern, written in (
        (r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
        (r"\d{8}", "%Y%m%d"),
        (r"\d{14}", "%Y%m%d%H%M%S"),
        (r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
        (r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
        (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    ):
        if re.fullmatch(pattern, day):
            try:
                parsed = dt.datetime.strptime(day, written).date()
            except ValueError:
                break
            if parsed.year < _FIRST_YEAR:
                break
            return parsed
    days = _days_by_order(day)
    if form.order is not None and form.order in days:
        return days[form.order]
    if days:
        # A year of two digits may be a day as well.
        if len(set(days.values())) == 1 and re.search(r"\d{4}", day):
            return next(iter(days.values()))
        orders = " or ".join(days)
        raise CellError(f"date {text!r} may be {orders} first: write it as YYYY-MM-DD")
    if re.fullmatch(r"\d{5}(\.\d+)?", day) and _LEAST_SERIAL <= float(day) <= _MOST_SERIAL:
        if form.serial_epoch is not None:
            return form.serial_epoch + dt.timedelta(days=int(float(day)))
        raise CellError(f"{text!r} may be a spreadsheet's number of days: write it as YYYY-MM-DD")
    raise CellError(f"{text!r} is not a complete date: write it as YYYY-MM-DD")


def _with_month_name(text: str) -> dt.date | None:
    """A day whose month is a name, in any order; None where it is not so."""
    words = plain_words(re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", text)).split()
    # `15jan2024`, as SAS writes it.
    if words and (match := re.fullmatch(r"(\d{1,2})([a-z]+)(\d{4})", words[0])):
        words = [match[1], match[2], match[3]]
    words = [word for word in words if word not in ("de", "del", "of")]
    is_named = any(word in _MONTHS for word in words[1:4])
    if is_named and re.fullmatch(_WEEKDAYS, words[0]):
        words = words[1:]
    words = words[:3]
    if len(words) < 3:
        return None
    # `15-Jan-24`, as spreadsheets and databases write it.
    if words[1] in _MONTHS and re.fullmatch(r"\d\d", words[2]) and words[0].isdecimal():
        words[2] = str(_full_year(words[2]))
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    years = [int(word) for word in words if re.fullmatch(r"\d{4}", word)]
    days = [int(word) for word in words if re.fullmatch(r"\d{1,2}", word)]
    if not (len(months) == len(years) == len(days) == 1):
        return None
    return _day(text, years[0], months[0], days[0])


def _day(text: str, year: int, month: int, day: int) -> dt.date:
    try:
        parsed = dt.date(year, month, day)
    except ValueError:
        parsed = None
    if parsed is None or parsed.year < _FIRST_YEAR:
        raise CellError(f"{text!r} is not a complete date: write it as YYYY-MM-DD")
    return parsed
