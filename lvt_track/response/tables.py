"""The table of measurements that people bring, and the table of responses they get."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import TypeVar

from lvt_track.core.assessment import Assessment, Role, Status
from lvt_track.core.records import Phase, Point, Response
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets import Sheet, SheetRow
from lvt_track.response.cell_parsing import (
    CellError,
    Problem,
    parse_date,
    parse_length_mm,
    parse_number,
)
from lvt_track.response.checks import by_patient, check_rows, refuse_if_fatal
from lvt_track.response.own_tables import with_tracks

__all__ = ["RESPONSE_COLUMNS", "Readings", "read_measurements", "response_rows", "with_origins"]

RESPONSE_COLUMNS = (
    "patient",
    "date",
    "criterion",
    "sum_mm",
    "nadir_mm",
    "change_from_baseline_percent",
    "change_from_nadir_percent",
    "target",
    "non_target",
    "new_lesion",
    "category",
    "reason",
)

_Word = TypeVar("_Word")

_REQUIRED = ("date", "lesion")
_TEXT = ("patient", "role", "site", "status", "derived_from", "phase", "visit")
_LENGTHS = ("long_axis", "short_axis", "enhancing", "slice_thickness")
_OURS = ("track", "slice", "mean_hu", "long_axis_3d_mm")
_POSITION = ("x_mm", "y_mm", "z_mm")
_CALIPER_END = re.compile(r"(long|short)_axis_(start|end)_[xyz]_mm")
_STATUS = {status.value.replace(" ", ""): status for status in Status} | {
    "present": Status.MEASURED,
    "gone": Status.ABSENT,
    "toosmalltomeasure": Status.TOO_SMALL,
    "notevaluable": Status.NOT_DONE,
    "ne": Status.NOT_DONE,
    "unequivocalprogression": Status.PROGRESSION,
}
_BASELINE = re.compile(r"\b(baseline|screening)\b", re.IGNORECASE)
_ROLE = {role.value.replace("-", ""): role for role in Role}


@dataclass(frozen=True)
class Readings:
    """What a table of measurements holds.

    Attributes:
        rows: one per lesion and visit.
        remarks: what was odd, in words, with line numbers.
    """

    rows: tuple[Assessment, ...]
    remarks: tuple[str, ...]


def read_measurements(sheet: Sheet) -> Readings:
    """Rows of measurements from a table with the columns of docs/use/measurement-tables.md.

    A table with a column `track` is our own `lesions.csv`; its tracks name the lesions. Column
    names are read in any case, with `_` or blanks; lengths also in columns that end in `_cm`. The
    whole table is read before anything is refused, so that all that is wrong is told at once.

    Raises:
        InputError: when a column is missing, or rows cannot be used; each with its line.
    """
    names: dict[str, str] = {}
    for name in sheet.columns:
        other = names.setdefault(re.sub(r"[\s_]+", "_", name.lower()), name)
        if name and other != name:
            raise InputError(f"columns {other} and {name} mean the same", path=sheet.path)
    lacking = [name for name in _REQUIRED if name not in names]
    if lacking:
        raise InputError(
            f"the table has no column {' and none '.join(lacking)}",
            path=sheet.path,
            remedy=f"It has {', '.join(sheet.columns)}",
        )
    known = {*_REQUIRED, *_TEXT, *_POSITION, "volume_ml", *_OURS}
    known |= {f"{name}_{unit}" for name in _LENGTHS for unit in ("mm", "cm")}
    problems = [
        Problem(None, f"column {name} is not used", False)
        for key, name in names.items()
        if name and key not in known and not _CALIPER_END.fullmatch(key)
    ]
    rows: list[Assessment] = []
    unread: set[str] = set()
    baselines: dict[str, tuple[str, int]] = {}
    for row in sheet.rows:
        cells = {key: row.cells[name] for key, name in names.items()}
        parsed, wrong = _parse(row, cells)
        problems += wrong
        if parsed is None:
            unread.add(cells["lesion"])
        else:
            rows.append(parsed)
            problems += _second_baseline(parsed, cells.get("visit", ""), baselines)
    if "track" in names and rows and not any(problem.is_fatal for problem in problems):
        rows = with_tracks(rows, [row.cells[names["track"]] for row in sheet.rows])
    rows = with_origins(rows)
    problems += check_rows(rows, unread)
    return Readings(tuple(rows), refuse_if_fatal(problems, sheet.path))


def response_rows(
    responses: Mapping[str, Sequence[Response]],
) -> list[dict[str, object]]:
    """One row per patient and visit, by the names of `RESPONSE_COLUMNS`."""
    return [
        {
            name: patient if name == "patient" else getattr(response, name)
            for name in RESPONSE_COLUMNS
        }
        for patient, own in responses.items()
        for response in own
    ]


def with_origins(rows: Sequence[Assessment]) -> list[Assessment]:
    """Read pieces and mergers from the names where the rows do not say it.

    After the first visit, `T1.1` or `T1a` is a piece of the lesion `T1`, and `T1+T2` or `T1/T2`
    is what `T1` and `T2` have merged into.
    """
    result = []
    starts = {
        patient: {row.lesion for row in own if row.date == min(r.date for r in own)}
        for patient, own in by_patient(rows).items()
    }
    for row in rows:
        start = starts[row.patient]
        origins: tuple[str, ...] = row.derived_from
        if row.lesion not in start and not origins:
            joined = tuple(part.strip() for part in re.split(r"[+/]", row.lesion))
            whole = re.sub(r"(\.\w+|(?<=\d)[a-z])$", "", row.lesion)
            if len(joined) > 1 and set(joined) <= start:
                origins = joined
            elif whole != row.lesion and whole in start:
                origins = (whole,)
        result.append(replace(row, derived_from=origins))
    return result


def _second_baseline(
    row: Assessment, visit: str, baselines: dict[str, tuple[str, int]]
) -> Iterable[Problem]:
    if not _BASELINE.search(visit):
        return
    date = row.date.isoformat()
    first, line = baselines.setdefault(row.patient, (date, row.line or 0))
    if first != date:
        yield Problem(row.line, f"a second baseline on {date}, line {line} has {first}", True)


def _parse(row: SheetRow, cells: Mapping[str, str]) -> tuple[Assessment | None, list[Problem]]:
    """The row, or what is wrong with it; several things may be."""
    wrong: list[Problem] = []
    read = _CellReader(row.line, cells, wrong)
    date = read.date()
    lesion = cells["lesion"]
    if not lesion:
        read.refuse("no lesion is named")
    sizes = {f"{name}_mm": read.length(name) for name in _LENGTHS}
    volume_ml = read.number("volume_ml")
    status = read.choice("status", _STATUS)
    role = read.choice("role", _ROLE)
    phase = read.choice("phase", {p.value: p for p in Phase})
    position, height_mm = read.place()
    zero = [name for name in ("long_axis_mm", "short_axis_mm") if sizes[name] == 0]
    if volume_ml == 0:
        zero.append("volume_ml")
    if zero:
        if status is None:
            read.remark(f"{zero[0]} is 0: taken as absent")
            status = Status.ABSENT
        elif status is not Status.ABSENT:
            read.refuse(f"{zero[0]} is 0, the status {status.value}")
        sizes = {name: None if size == 0 else size for name, size in sizes.items()}
        volume_ml = volume_ml or None
    measured = [*list(sizes.values())[:3], volume_ml]
    long_mm, short_mm = sizes["long_axis_mm"], sizes["short_axis_mm"]
    if long_mm is not None and short_mm is not None and short_mm > long_mm:
        read.refuse(f"the short axis {short_mm:g} mm is longer than the long one {long_mm:g} mm")
    if status is Status.ABSENT and any(measured):
        read.refuse("called absent, but it has a size")
    if status is Status.NOT_DONE and any(measured):
        read.refuse("called not done, but it has a size")
    is_sized = any(size is not None for size in measured)
    if role is Role.TARGET and not is_sized and not any(problem.is_fatal for problem in wrong):
        if status is None or status is Status.MEASURED:
            read.refuse(f"target {lesion} has no size: say absent, too small or not done")
        if status is Status.PROGRESSION:
            read.refuse(f"target {lesion} is judged by its size, not by a word")
    if date is None or any(problem.is_fatal for problem in wrong):
        return None, wrong
    return (
        Assessment(
            date=date,
            lesion=lesion,
            patient=cells.get("patient", ""),
            role=role,
            site=cells.get("site") or "liver",
            volume_ml=volume_ml,
            status=status or Status.MEASURED,
            position_mm=position,
            height_mm=height_mm,
            derived_from=tuple(
                part.strip() for part in re.split(r"[+/;]", cells.get("derived_from", "")) if part
            ),
            phase=phase or Phase.UNKNOWN,
            line=row.line,
            **sizes,
        ),
        wrong,
    )


@dataclass(frozen=True)
class _CellReader:
    """Reads the cells of one row, and notes what is wrong with each."""

    line: int
    cells: Mapping[str, str]
    problems: list[Problem]

    def refuse(self, what: str) -> None:
        self.problems.append(Problem(self.line, what, True))

    def remark(self, what: str) -> None:
        self.problems.append(Problem(self.line, what, False))

    def date(self) -> dt.date | None:
        text = self.cells["date"]
        if not text:
            self.refuse("no date")
            return None
        try:
            return parse_date(text)
        except CellError as error:
            self.refuse(str(error))
            return None

    def length(self, name: str) -> float | None:
        sizes = [
            self._checked(f"{name}_{unit}", text, unit_mm)
            for unit, unit_mm in (("mm", 1.0), ("cm", 10.0))
            if (text := self.cells.get(f"{name}_{unit}", ""))
        ]
        known = [size for size in sizes if size is not None]
        if len(known) == 2 and not isclose(*known, rel_tol=0.01):
            self.refuse(f"{name} is {known[0]:g} mm in one column, {known[1]:g} mm in the other")
        return known[0] if known else None

    def number(self, name: str) -> float | None:
        text = self.cells.get(name, "")
        return self._checked(name, text, None) if text else None

    def _checked(self, name: str, text: str, unit_mm: float | None) -> float | None:
        try:
            value = parse_number(text) if unit_mm is None else parse_length_mm(text, unit_mm)
        except CellError as error:
            self.refuse(f"{name}: {error}")
            return None
        if value < 0:
            self.refuse(f"{name} is negative: {text}")
            return None
        return value

    def choice(self, name: str, words: Mapping[str, _Word]) -> _Word | None:
        text = self.cells.get(name, "")
        if not text:
            return None
        found = words.get(re.sub(r"[\s_-]", "", text.lower()))
        if found is None:
            self.refuse(f"{name} {text!r} is none of {', '.join(words)}")
        return found

    def place(self) -> tuple[Point | None, float | None]:
        """The position, or the height of the slice where no more is said."""
        texts = [self.cells.get(name, "") for name in _POSITION]
        if not any(texts):
            return None, None
        if not texts[2] or bool(texts[0]) != bool(texts[1]):
            self.refuse("the place needs x_mm, y_mm and z_mm, or z_mm alone")
            return None, None
        try:
            numbers = [parse_number(text) for text in texts if text]
        except CellError as error:
            self.refuse(f"place: {error}")
            return None, None
        if len(numbers) == 1:
            return None, numbers[0]
        return (numbers[0], numbers[1], numbers[2]), None
