"""What a table of measurements comes to: its rows as assessments, named, grouped and checked."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.response.sites import SiteWords, default_site_words
from lvt_track.response.tables.cells import Problem, folded
from lvt_track.response.tables.checks import by_patient, check_rows, refuse_if_fatal

__all__ = [
    "VISIT_WINDOW_DAYS",
    "ReadOptions",
    "Readings",
    "Trial",
    "checked_readings",
    "with_origins",
]

VISIT_WINDOW_DAYS = 7
"""Scans of one assessment may be some days apart; trials allow a week, and none are weekly."""


@dataclass(frozen=True)
class ReadOptions:
    """How a table is read.

    Attributes:
        visit_window_days: dates so near each other are one visit, if no lesion has a row on both;
            0 keeps every date apart.
        sites: the words for organs.
        scan_days: on which the patient was scanned, where that is known: they tell day from month.

    Raises:
        ValueError: for a window that is negative.
    """

    visit_window_days: int = VISIT_WINDOW_DAYS
    sites: SiteWords = field(default_factory=default_site_words)
    scan_days: frozenset[dt.date] = frozenset()

    def __post_init__(self) -> None:
        if self.visit_window_days < 0:
            raise ValueError(f"a window cannot be negative, got {self.visit_window_days} days")


@dataclass(frozen=True)
class Trial:
    """What SDTM tables say beside the measurements, and responses keep.

    Attributes:
        studies: STUDYID by patient.
        visits: VISITNUM and VISIT by patient and date; empty where not said.
        evaluator: TREVAL and TREVALID.
    """

    studies: Mapping[str, str]
    visits: Mapping[tuple[str, dt.date], tuple[str, str]]
    evaluator: tuple[str, str]


@dataclass(frozen=True)
class Readings:
    """What a table of measurements holds.

    Attributes:
        rows: one per lesion and visit.
        remarks: what was odd, in words, with line numbers.
        trial: what else SDTM tables say; None for others.
        dates: by patient, visits of which no row need speak, as those that show no lesion.
    """

    rows: tuple[Assessment, ...]
    remarks: tuple[str, ...]
    trial: Trial | None = None
    dates: Mapping[str, tuple[dt.date, ...]] = field(default_factory=dict)


def checked_readings(
    rows: Sequence[Assessment],
    problems: Iterable[Problem],
    path: Path | None,
    options: ReadOptions,
    unread: Collection[str] = (),
) -> Readings:
    """Rows with one name a lesion and one date a visit, after every check between them.

    Args:
        rows: as they were read.
        problems: that reading them has met.
        path: of the table, for messages.
        options: how it is read.
        unread: lesions of which a row could not be read.

    Raises:
        InputError: when rows cannot be used; each with its line.
    """
    problems = [*problems, *_unclear_patients(rows)]
    rows = with_origins(_one_spelling(rows, problems))
    rows = _in_windows(rows, options.visit_window_days, problems)
    rows = _with_organs(rows, options.sites, problems)
    problems += _nothing_understood(rows)
    problems += check_rows(rows, unread)
    return Readings(tuple(rows), refuse_if_fatal(problems, path))


def with_origins(rows: Sequence[Assessment]) -> list[Assessment]:
    """Read pieces and mergers from the names where the rows do not say it.

    After the first visit, `T1.1` or `T1a` is a piece of the lesion `T1`, and `T1+T2` or `T1/T2`
    is what `T1` and `T2` have merged into. What a row calls new is neither.
    """
    result = []
    starts: dict[str, dict[str, str]] = {}
    for patient, of_patient in by_patient(rows).items():
        first = min(row.date for row in of_patient)
        starts[patient] = {
            folded(row.lesion): row.lesion for row in of_patient if row.date == first
        }
    for row in rows:
        start = starts[row.patient]
        origins = tuple(start.get(folded(name), name) for name in row.derived_from)
        if folded(row.lesion) not in start and not origins and row.role is not Role.NEW:
            joined = [folded(part) for part in re.split(r"[+/]", row.lesion)]
            whole = folded(re.sub(r"(\.\w+|(?<=\d)[a-zA-Z])$", "", row.lesion.strip()))
            if len(joined) > 1 and set(joined) <= start.keys():
                origins = tuple(start[part] for part in joined)
            elif whole != folded(row.lesion) and whole in start:
                origins = (start[whole],)
        result.append(replace(row, derived_from=origins))
    return result


def _unclear_patients(rows: Sequence[Assessment]) -> Iterator[Problem]:
    """Patients whose names differ only as one name may in two hands."""
    lines: dict[str, int | None] = {}
    for row in rows:
        lines.setdefault(row.patient, row.line)
    first: dict[str, str] = {}
    for name, line in lines.items():
        plain = re.sub(r"^(\d+)\.0+$", r"\1", "".join(name.casefold().split()))
        same = first.setdefault(re.sub(r"^0+(?=.)", "", plain), name)
        if same != name:
            what = f"patients {same} and {name} may be one: write them alike, or apart"
            yield Problem(line, what, True)


def _one_spelling(rows: Sequence[Assessment], problems: list[Problem]) -> list[Assessment]:
    """`t1`, `T 1` and `T1 (segment 7)` are `T1`, as first written, unless one date has both."""
    names: dict[tuple[str, str], str] = {}
    spelt: dict[tuple[str, str, dt.date], str] = {}
    apart: set[tuple[str, str]] = set()
    bare = {(row.patient, folded(row.lesion)) for row in rows}
    keys = [(row.patient, _name_key(row.lesion, row.patient, bare)) for row in rows]
    for key, row in zip(keys, rows, strict=True):
        names.setdefault(key, row.lesion)
        if spelt.setdefault((*key, row.date), row.lesion) != row.lesion:
            apart.add(key)
    result = []
    reported: set[tuple[str, str]] = set()
    for key, row in zip(keys, rows, strict=True):
        name = row.lesion if key in apart else names[key]
        if name != row.lesion:
            if (row.patient, row.lesion) not in reported:
                problems.append(Problem(row.line, f"lesion {row.lesion} is taken as {name}", False))
            reported.add((row.patient, row.lesion))
            row = replace(row, lesion=name)
        result.append(row)
    return result


def _name_key(lesion: str, patient: str, known: Collection[tuple[str, str]]) -> str:
    """A name as it is compared: without a remark in brackets where the table has it so as well."""
    bare = folded(re.sub(r"\s*\([^()]*\)$", "", lesion))
    return bare if bare and (patient, bare) in known else folded(lesion)


def _in_windows(
    rows: Sequence[Assessment], window_days: int, problems: list[Problem]
) -> list[Assessment]:
    """Rows dated by the first day of their visit."""
    days: dict[tuple[str, dt.date], dt.date] = {}
    for patient, of_patient in by_patient(rows).items():
        lesions: dict[dt.date, set[str]] = defaultdict(set)
        for row in of_patient:
            lesions[row.date].add(row.lesion)
        start: dt.date | None = None
        seen: set[str] = set()
        for date in sorted(lesions):
            if (
                start is not None
                and (date - start).days <= window_days
                and not seen & lesions[date]
            ):
                seen |= lesions[date]
                days[patient, date] = start
                who = f"patient {patient}: " if patient else ""
                what = f"{who}{date} is taken with {start} as one visit"
                problems.append(Problem(None, f"{what} (--visit-window {window_days})", False))
            else:
                start, seen = date, set(lesions[date])
    return [
        replace(row, date=days[row.patient, row.date]) if (row.patient, row.date) in days else row
        for row in rows
    ]


def _with_organs(
    rows: Sequence[Assessment], words: SiteWords, problems: list[Problem]
) -> list[Assessment]:
    """Rows whose sites the user's words explain bear the organ; unknown sites are told once."""
    unknown: dict[str, int | None] = {}
    is_default = words is default_site_words()
    result = []
    for row in rows:
        organ = words.organ(row.site)
        if organ is None:
            unknown.setdefault(row.site, row.line)
        elif not is_default:
            row = replace(row, site=organ)
        result.append(row)
    for site, line in unknown.items():
        what = f"site {site!r} is not known: it counts as an organ of its own"
        problems.append(Problem(line, f"{what} (--sites names more words)", False))
    return result


def _nothing_understood(rows: Sequence[Assessment]) -> Iterator[Problem]:
    """Refuse a table in whose rows nothing was understood but dates and names."""
    for row in rows:
        sizes = (row.long_axis_mm, row.short_axis_mm, row.volume_ml, row.enhancing_mm)
        is_silent = row.role is None and row.status is Status.MEASURED
        if not is_silent or any(size is not None for size in sizes):
            return
    if rows:
        what = "no row has a size, a role or a status: name a column long_axis_mm or volume_ml"
        yield Problem(None, what, True)
