"""A table of measurements, one row per lesion and visit, as assessments."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isclose
from typing import TypeVar

from lvt_track.core.lesion.caliper import Point
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.series import Phase
from lvt_track.io.spreadsheets.sheet import Sheet, SheetRow
from lvt_track.response.tables.cells import (
    LENGTH_UNITS_MM,
    VOLUME_UNITS_ML,
    CellError,
    Problem,
    is_missing,
    parse_lengths_mm,
    parse_number,
    parse_volume_ml,
)
from lvt_track.response.tables.columns import LENGTHS, Columns, SizeColumn, read_columns
from lvt_track.response.tables.dates import (
    DateForm,
    exchanged_days,
    parse_date,
    settled_order,
)
from lvt_track.response.tables.lvt_lesions import lvt_readings
from lvt_track.response.tables.new_flags import flag_in_place_of_size, parse_flag, with_flagged
from lvt_track.response.tables.readings import Readings, ReadOptions, checked_readings
from lvt_track.response.tables.sizes import Sizes, settled
from lvt_track.response.tables.words import ROLE_WORDS, STABLE_WORDS, STATUS_WORDS, is_sum, word_key

__all__ = ["read_measurements"]

_Word = TypeVar("_Word")

_BASELINE = re.compile(r"\b(baseline|screening)\b", re.IGNORECASE)


_PHASE = {phase.value: phase for phase in Phase}


def read_measurements(sheet: Sheet, options: ReadOptions | None = None) -> Readings:
    """Rows of measurements from a table with the columns of docs/use/measurement-tables.md.

    A table with a column `track` is our own `lesions.csv`; its tracks name the lesions. The whole
    table is read before anything is refused, so that all that is wrong is told at once.

    Args:
        sheet: the table.
        options: how it is read; by default as `lvt respond` does.

    Raises:
        InputError: when a column is missing, or rows cannot be used; each with its line.
    """
    options = options or ReadOptions()
    columns = read_columns(sheet)
    problems = [*(Problem(None, remark, False) for remark in sheet.remarks), *columns.problems]
    rows, flags, unread = _read_rows(sheet, columns, options, problems)
    is_ours = "track" in columns.text
    if is_ours and rows and not any(problem.is_fatal for problem in problems):
        return lvt_readings(rows, sheet, problems, options)
    if is_ours:
        options = ReadOptions(0, options.sites)
    else:
        rows = with_flagged(rows, flags, problems)
    if "visit" in columns.text and not is_ours:
        problems += _unclear_baselines(sheet, columns, rows, options.visit_window_days)
    return checked_readings(rows, problems, sheet.path, options, unread)


def _read_rows(
    sheet: Sheet, columns: Columns, options: ReadOptions, problems: list[Problem]
) -> tuple[list[Assessment], dict[tuple[int, dt.date], bool], set[str]]:
    """The rows, what they tell of new lesions at their visit, and lesions with unread rows."""
    rows: list[Assessment] = []
    flags: dict[tuple[int, dt.date], bool] = {}
    unread: set[str] = set()
    said: list[tuple[_RowReader, bool]] = []
    form = _date_form(sheet, columns, options, problems)
    last = _last_row(sheet, columns, form)
    for row in sheet.rows:
        name = row.cells[columns.text["lesion"]]
        if row.line > last:
            what = f"{' '.join(filter(None, row.cells.values()))!r} stands below the table"
            problems.append(Problem(row.line, f"{what}: passed over", False))
            continue
        if is_sum(name):
            remark = f"{name!r} is no lesion but adds up others: passed over"
            problems.append(Problem(row.line, remark, False))
            continue
        reader = _RowReader(row, columns, form, [])
        flag = flag_in_place_of_size(name, reader.size_texts())
        if flag is not None:
            said.append((reader, flag))
            continue
        assessment = reader.assessment()
        has_new_lesion = reader.has_new_lesion()
        problems += reader.problems
        if assessment is None:
            unread.add(reader.text("lesion"))
        else:
            flags[row.line, assessment.date] = has_new_lesion
            rows.append(assessment)
    _spread_flags(said, rows, flags, problems)
    return rows, flags, unread


def _spread_flags(
    said: Sequence[tuple[_RowReader, bool]],
    rows: Sequence[Assessment],
    flags: dict[tuple[int, dt.date], bool],
    problems: list[Problem],
) -> None:
    """Give what rows named `New lesions` say to a row of the same patient and day."""
    lines = {(row.patient, row.date): row.line or 0 for row in reversed(rows)}
    for reader, is_new in said:
        date = reader.date()
        line = lines.get((reader.text("patient"), date)) if date else None
        problems += reader.problems
        if line is not None and date is not None:
            flags[line, date] = flags[line, date] or is_new
        elif date is not None:
            what = f"speaks of new lesions on {date}, of which there is no other row"
            problems.append(Problem(reader.row.line, what, True))


def _date_form(
    sheet: Sheet, columns: Columns, options: ReadOptions, problems: list[Problem]
) -> DateForm:
    """How the column of dates writes them; what is told of it is added to the problems."""
    texts = list(dict.fromkeys(row.cells[columns.text["date"]] for row in sheet.rows))
    settled = settled_order(texts, options.scan_days)
    if settled is not None:
        problems.append(Problem(None, settled[1], False))
    if sheet.serial_epoch is not None and (what := exchanged_days(texts, options.scan_days)):
        problems.append(Problem(None, what, True))
    return DateForm(sheet.serial_epoch, settled[0] if settled else None)


def _last_row(sheet: Sheet, columns: Columns, form: DateForm) -> int:
    """The line of the last row with more than one cell, or a date: below it are only remarks."""
    for row in reversed(sheet.rows):
        if sum(map(bool, row.cells.values())) > 1:
            return row.line
        try:
            parse_date(row.cells[columns.text["date"]], form)
        except CellError:
            continue
        return row.line
    return 0


def _unclear_baselines(
    sheet: Sheet, columns: Columns, rows: Sequence[Assessment], window_days: int
) -> Iterator[Problem]:
    """Rows that are called baseline at a later visit than another that is, or than the first.

    The first date is the baseline: what is older than the visit that a table calls so must go, or
    every change would be from a scan before it.
    """
    called = {row.line: row.cells[columns.text["visit"]] for row in sheet.rows}
    first: dict[str, Assessment] = {}
    start: dict[str, dt.date] = {}
    for row in rows:
        start[row.patient] = min(row.date, start.get(row.patient, row.date))
    for row in rows:
        if _BASELINE.search(called.get(row.line or 0, "")):
            before = first.setdefault(row.patient, row)
            if abs((row.date - before.date).days) > window_days:
                what = f"a second baseline on {row.date}, line {before.line} has {before.date}"
                yield Problem(row.line, what, True)
            elif row is before and (row.date - start[row.patient]).days > window_days:
                what = (
                    f"the baseline is {row.date}, but there are rows of {start[row.patient]}: "
                    "leave out what is older than the baseline"
                )
                yield Problem(row.line, what, True)


def _status_word(text: str) -> Status | None:
    """What a word says that stands where a size should."""
    # Most cells are sizes, and no word for a status begins with a digit.
    return None if text[:1].isdigit() else STATUS_WORDS.get(word_key(text))


@dataclass(frozen=True)
class _RowReader:
    """Reads the cells of one row, and notes what is wrong with each."""

    row: SheetRow
    columns: Columns
    date_form: DateForm
    problems: list[Problem]

    def assessment(self) -> Assessment | None:
        """The row; None where it cannot be used."""
        date, lesion = self.date(), self.text("lesion")
        if not lesion:
            self._refuse("no lesion is named")
        lengths = {f"{name}_mm": self._length(name) for name in LENGTHS}
        thickness_mm = lengths.pop("slice_thickness_mm") or None
        enhancing_short_mm = lengths.pop("enhancing_short_mm")
        mean_hu = self._mean_hu()
        read = self._two_in_one(Sizes(**lengths, volume_ml=self._volume()))
        role = self._choice("role", ROLE_WORDS, Role)
        status_cell = self._status()
        if status_cell is Status.PROGRESSION and role is Role.NEW:
            status_cell = Status.MEASURED  # an unequivocal new lesion is one that is there
        phase = self._choice("phase", _PHASE, Phase)
        position, height_mm = self._place()
        is_clear = not any(problem.is_fatal for problem in self.problems)
        # A size that was not understood is not missing.
        kind = role if is_clear else None
        status, sizes, wrong = settled(lesion, self.row.line, kind, status_cell, read)
        self.problems.extend(wrong)
        if date is None or any(problem.is_fatal for problem in self.problems):
            return None
        return Assessment(
            date=date,
            lesion=lesion,
            patient=self.text("patient"),
            role=role,
            site=self.text("site") or "liver",
            status=status or Status.MEASURED,
            position_mm=position,
            height_mm=height_mm,
            derived_from=tuple(
                part.strip() for part in re.split(r"[+/;]", self.text("derived_from")) if part
            ),
            phase=phase or Phase.UNKNOWN,
            slice_thickness_mm=thickness_mm,
            line=self.row.line,
            is_no_progression=word_key(self.text("status")) in STABLE_WORDS,
            enhancing_short_mm=enhancing_short_mm,
            mean_hu=mean_hu,
            **asdict(sizes),
        )

    def text(self, name: str) -> str:
        """A cell by our name of its column; empty where it says that there is no value."""
        column = self.columns.text.get(name)
        text = "" if column is None else self.row.cells[column]
        return "" if is_missing(text) else text

    def _refuse(self, what: str) -> None:
        self.problems.append(Problem(self.row.line, what, True))

    def size_texts(self) -> list[str]:
        """Its cells of sizes."""
        return [
            self.row.cells[column.name] for many in self.columns.sizes.values() for column in many
        ]

    def date(self) -> dt.date | None:
        """Its day; None, with a problem, where it has none."""
        text = self.text("date")
        if not text:
            self._refuse("no date")
            return None
        try:
            return parse_date(text, self.date_form)
        except CellError as error:
            self._refuse(str(error))
            return None

    def _length(self, name: str) -> float | None:
        return self._sizes(name, lambda text, unit: parse_lengths_mm(text, unit)[0])

    def _volume(self) -> float | None:
        return self._sizes("volume", parse_volume_ml)

    def _mean_hu(self) -> float | None:
        text = self.text("mean_hu")
        try:
            return parse_number(text) if text else None
        except CellError as error:
            self._refuse(f"mean_hu: {error}")
            return None

    def _sizes(self, name: str, parse: Callable[[str, float | None], float]) -> float | None:
        """The size in mm or mL from its columns, which must agree within 1 %."""
        known: list[float] = []
        for column in self.columns.sizes.get(name, ()):
            text = self.row.cells[column.name]
            if is_missing(text) or _status_word(text) is not None:
                continue
            if column.name in self.row.repeated:
                self._refuse(f"{column.name} is merged with the cell above: write it in each row")
                continue
            try:
                value = parse(text, self._unit_of(column, name))
            except CellError as error:
                self._refuse(f"{column.name}: {error}")
                continue
            if value < 0:
                self._refuse(f"{column.name} is negative: {text}")
                continue
            known.append(value)
        if len(known) > 1 and not isclose(min(known), max(known), rel_tol=0.01):
            self._refuse(f"{name} is {known[0]:g} mm in one column, {known[1]:g} mm in the other")
        return known[0] if known else None

    def _two_in_one(self, sizes: Sizes) -> Sizes:
        """Take the short axis from a cell of the long one that holds both, as `30 x 20`."""
        for column in self.columns.sizes.get("long_axis", ()):
            try:
                text = self.row.cells[column.name]
                both = parse_lengths_mm(text, self._unit_of(column, "long_axis"))
            except CellError:
                continue
            if len(both) == 2:
                if sizes.short_axis_mm is None:
                    sizes = replace(sizes, short_axis_mm=both[1])
                elif not isclose(sizes.short_axis_mm, both[1], rel_tol=0.01):
                    self._refuse(
                        f"the short axis is {both[1]:g} mm in one column, "
                        f"{sizes.short_axis_mm:g} mm in the other"
                    )
        return sizes

    def _choice(
        self, name: str, words: Mapping[str, _Word], kinds: Iterable[_Word]
    ) -> _Word | None:
        text = self.text(name)
        if not text:
            return None
        value = words.get(word_key(text))
        if value is None:
            column = self.columns.text[name]
            self._refuse(f"{column} {text!r} is none of {', '.join(str(kind) for kind in kinds)}")
        return value

    def _status(self) -> Status | None:
        """What the row says of its lesion: in a column of its own, or in place of a size."""
        said = self._choice("status", STATUS_WORDS, Status)
        instead = {
            status: column.name
            for columns in self.columns.sizes.values()
            for column in columns
            if (status := _status_word(self.row.cells[column.name])) is not None
        }
        for status, name in instead.items():
            if said is not None and status is not said:
                self._refuse(f"{name} says {status.value}, the row also {said.value}")
            said = said or status
        return said

    def has_new_lesion(self) -> bool:
        """Whether the row says that its visit shows a new lesion."""
        text = self.text("new_lesion")
        try:
            return bool(text) and parse_flag(text)
        except CellError as error:
            self._refuse(f"new lesion: {error}")
            return False

    def _unit_of(self, column: SizeColumn, kind: str) -> float | None:
        """The unit of a column, or what a column of units says where that has none."""
        known = VOLUME_UNITS_ML if kind == "volume" else LENGTH_UNITS_MM
        of_row = known.get(self.text("unit").lower().strip(".[]() "))
        if column.unit is None or of_row is None or of_row == column.unit:
            return column.unit or of_row
        raise CellError(f"the unit of the row is {self.text('unit')}, that of the column another")

    def _place(self) -> tuple[Point | None, float | None]:
        """The position, or the height of the slice where no more is said."""
        texts = [self.text(name) for name in ("x_mm", "y_mm", "z_mm")]
        if not any(texts):
            return None, None
        if not texts[2] or bool(texts[0]) != bool(texts[1]):
            self._refuse("the place needs x_mm, y_mm and z_mm, or z_mm alone")
            return None, None
        try:
            numbers = [parse_number(text) for text in texts if text]
        except CellError as error:
            self._refuse(f"place: {error}")
            return None, None
        if len(numbers) == 1:
            return None, numbers[0]
        return (numbers[0], numbers[1], numbers[2]), None
