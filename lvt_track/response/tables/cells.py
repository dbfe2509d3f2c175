"""One cell of a table people bring: numbers, lengths and words, with plain refusals."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = [
    "LENGTH_UNITS_MM",
    "VOLUME_UNITS_ML",
    "CellError",
    "Problem",
    "folded",
    "is_missing",
    "parse_length_mm",
    "parse_lengths_mm",
    "parse_number",
    "parse_volume_ml",
    "unit_symbol",
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

_LARGEST = 1e12
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_LENGTH = r"(.*?)\s*(?:(mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)\.?)?"
_MISSING = {"na", "n/a", "n.a.", "nan", "null", "nil", "-", "–", "—", ".", "?", "#n/a n/a"}
_ERRORS = re.compile(r"#(N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!)", re.IGNORECASE)


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

    What parts two numbers stays, since `T1-1` is not `T11`; the mark of a footnote goes, and the
    `.0` with which programs save whole numbers.
    """
    name = re.sub(r"^(\d+)\.0+$", r"\1", name)
    plain = unicodedata.normalize("NFKC", name.rstrip("*†‡§¹²³")).casefold()
    plain = re.sub(r"(?<=\d)[\s_\-]+(?=\d)", "-", plain)
    plain = re.sub(r"(?<!\d)[\s_\-]+|[\s_\-]+(?!\d)", "", plain)
    return re.sub(r"(?<![\d.])0+(?=\d)", "", plain)


def parse_number(text: str) -> float:
    """A number with a decimal point or comma.

    Raises:
        CellError: for other text, for a comma that may part thousands, and for a number that
            nothing measured has, whose products may be infinite or zero.
    """
    if _ERRORS.fullmatch(text):
        raise CellError(f"{text!r} is an error of the spreadsheet")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise CellError(f"{text!r} is a date: did the spreadsheet take a size for one?")
    if not _NUMBER.fullmatch(text):
        raise CellError(f"{text!r} is not a number")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text):
        raise CellError(f"{text!r} may be thousands or a decimal comma: write it with a point")
    number = float(text.replace(",", "."))
    if not abs(number) < _LARGEST or 0 < abs(number) < 1 / _LARGEST:
        raise CellError(f"{text!r} is no size that anything has")
    return number


def unit_symbol(word: str) -> str:
    """The symbol of a unit that is written in full: `mm` of `Millimeter`; others in lower case."""
    return re.sub(r"^(m|c)[a-z]+met(er|re)s?$", r"\1m", word.lower())


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
        return parse_number(match[1]) * LENGTH_UNITS_MM[unit_symbol(match[2])]
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
