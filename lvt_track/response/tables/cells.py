"""One cell of a table people bring: numbers, lengths, dates and words, with plain refusals."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass

from lvt_track.core.response.sites import plain_words

__all__ = [
    "LENGTH_UNITS_MM",
    "VOLUME_UNITS_ML",
    "CellError",
    "Problem",
    "folded",
    "is_missing",
    "parse_date",
    "parse_length_mm",
    "parse_lengths_mm",
    "parse_number",
    "parse_volume_ml",
]

LENGTH_UNITS_MM = {"mm": 1.0, "cm": 10.0}
VOLUME_UNITS_ML = {
    "ml": 1.0,
    "cc": 1.0,
    "ccm": 1.0,
    "cm3": 1.0,
    "cm³": 1.0,
    "cm^3": 1.0,
    "mm3": 0.001,
    "mm³": 0.001,
    "mm^3": 0.001,
    "ul": 0.001,
    "l": 1000.0,
}

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_LENGTH = r"(.*?)\s*(mm|cm)?"
_MISSING = {"na", "n/a", "n.a.", "nan", "null", "nil", "-", "–", "—", ".", "?", "#n/a n/a"}
_ERRORS = re.compile(r"#(N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!)", re.IGNORECASE)

# Days since the epoch of a spreadsheet: 1954 to 2064, so that no other number is taken for a date.
_LEAST_SERIAL, _MOST_SERIAL = 20_000, 60_000

_MONTHS = {
    month: number
    for number, names in enumerate(
        (
            "jan january januar janvier janv enero ene",
            "feb february februar fevrier fevr fev febrero",
            "mar march maerz marz mrz mars marzo",
            "apr april avril avr abril abr",
            "may mai mayo",
            "jun june juni juin junio",
            "jul july juli juillet juil julio",
            "aug august aout agosto ago",
            "sep sept september septembre septiembre",
            "oct october oktober okt octobre octubre",
            "nov november novembre noviembre",
            "dec december dezember dez decembre diciembre dic desember des",
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
"""No CT is older; a year before it has lost a digit."""


class CellError(ValueError):
    """A cell that cannot be read; its text says why, and what to write instead."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a row.

    Attributes:
        line: in the file; None where the rows did not come from one.
        what: in words.
        is_fatal: whether the row is refused; else it is used, and the reader is told.
    """

    line: int | None
    what: str
    is_fatal: bool

    def __str__(self) -> str:
        return self.what if self.line is None else f"line {self.line}: {self.what}"


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value, as `NA` of R does."""
    return not text or text.casefold() in _MISSING


def folded(name: str) -> str:
    """A name without what people write now so, now so: case, blanks, dashes, leading zeros.

    What parts two numbers stays, since `T1-1` is not `T11`.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    plain = re.sub(r"(?<=\d)[\s_\-]+(?=\d)", "-", plain)
    plain = re.sub(r"(?<!\d)[\s_\-]+|[\s_\-]+(?!\d)", "", plain)
    return re.sub(r"(?<![\d.])0+(?=\d)", "", plain)


def parse_number(text: str) -> float:
    """A number with a decimal point or comma.

    Raises:
        CellError: for other text, and for a comma that may part thousands.
    """
    if _ERRORS.fullmatch(text):
        raise CellError(f"{text!r} is an error of the spreadsheet")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise CellError(f"{text!r} is a date: did the spreadsheet take a size for one?")
    if not _NUMBER.fullmatch(text):
        raise CellError(f"{text!r} is not a number")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text):
        raise CellError(f"{text!r} may be thousands or a decimal comma: write it with a point")
    return float(text.replace(",", "."))


def parse_length_mm(text: str, unit_mm: float | None = 1.0) -> float:
    """A length in mm; a unit after the number (mm, cm) goes before that of the column.

    Args:
        text: the cell.
        unit_mm: the column's unit, in mm; None where it states none.

    Raises:
        CellError: when it is not a number, or has no unit.
    """
    match = re.fullmatch(_LENGTH, text, flags=re.IGNORECASE)
    if match and match[2]:
        return parse_number(match[1]) * LENGTH_UNITS_MM[match[2].lower()]
    number = parse_number(text)
    if unit_mm is None:
        raise CellError(f"{text!r} has no unit, nor has its column: write mm or cm")
    return number * unit_mm


def parse_lengths_mm(text: str, unit_mm: float | None = 1.0) -> tuple[float, ...]:
    """The lengths of a cell in mm: one, or two as in `30 x 20 mm`; the longer first.

    Raises:
        CellError: as `parse_length_mm`, and for three or more.
    """
    parts = [part.strip() for part in re.split(r"[x×*]", text, flags=re.IGNORECASE)]
    if len(parts) == 1 or not all(re.match(r"[\d.,]", part) for part in parts):
        return (parse_length_mm(text, unit_mm),)
    if len(parts) > 2:
        raise CellError(f"{text!r} has {len(parts)} sizes: give long and short axis")
    unit = re.search(r"(mm|cm)$", parts[-1], flags=re.IGNORECASE)
    if unit and not re.search(r"[a-z]$", parts[0], flags=re.IGNORECASE):
        parts[0] += unit[0]
    return tuple(sorted((parse_length_mm(part, unit_mm) for part in parts), reverse=True))


def parse_volume_ml(text: str, unit_ml: float | None = 1.0) -> float:
    """A volume in mL; a unit after the number goes before that of the column.

    Raises:
        CellError: when it is not a number, or has no unit that is known.
    """
    match = re.fullmatch(r"(.*?\d[.,]?)\s*([a-zµμ][\w³^]*)", text, flags=re.IGNORECASE)
    if match and not _NUMBER.fullmatch(text):
        unit = match[2].lower().replace("µ", "u").replace("μ", "u")
        if unit not in VOLUME_UNITS_ML:
            raise CellError(f"{text!r} has a unit that is no volume")
        return parse_number(match[1]) * VOLUME_UNITS_ML[unit]
    number = parse_number(text)
    if unit_ml is None:
        raise CellError(f"{text!r} has no unit, nor has its column: write mL")
    return number * unit_ml


def parse_date(text: str, serial_epoch: dt.date | None = None) -> dt.date:
    """A day: 2024-03-01, 20240301, 2024/03/01, 01.03.2024 or 1-Mar-2024; times are dropped.

    Args:
        text: the cell.
        serial_epoch: day 0 of numbers of days, where the file counts so.

    Raises:
        CellError: for days with slashes, of which one cannot tell day and month, for days that
            are not complete, and for what is no date.
    """
    named = _with_month_name(text)
    if named is not None:
        return named
    day = re.split(r"[T ]", text, maxsplit=1)[0]
    for pattern, form in (
        (r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
        (r"\d{8}", "%Y%m%d"),
        (r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
        (r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
        (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    ):
        if re.fullmatch(pattern, day):
            try:
                parsed = dt.datetime.strptime(day, form).date()
            except ValueError:
                break
            if parsed.year < _FIRST_YEAR:
                break
            return parsed
    parts = re.fullmatch(r"(\d{1,2})[/-](\d{1,2})[/-](\d{2}|\d{4})", day)
    if parts:
        first, second = int(parts[1]), int(parts[2])
        is_unambiguous = len(parts[3]) == 4 and (first > 12) != (second > 12)
        if not is_unambiguous:
            raise CellError(f"date {text!r} may be day or month first: write it as YYYY-MM-DD")
        return _day(text, int(parts[3]), min(first, second), max(first, second))
    if re.fullmatch(r"\d{5}(\.\d+)?", day) and _LEAST_SERIAL <= float(day) <= _MOST_SERIAL:
        if serial_epoch is not None:
            return serial_epoch + dt.timedelta(days=int(float(day)))
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
