"""What only several rows together can show to be wrong: doubles, roles, organs, units."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.response.assessment import Assessment, Role, Status
from lvt_track.response.cells import Problem

__all__ = ["by_patient", "check_rows", "refuse_if_fatal"]

# A diameter a tenth of the lesion's others is rather centimetres than a tumour's answer.
_LEAST_UNIT_SLIP = 7.0
_MOST_UNIT_SLIP = 14.0


def by_patient(rows: Iterable[Assessment]) -> dict[str, list[Assessment]]:
    """The rows of each patient, by name."""
    patients: dict[str, list[Assessment]] = defaultdict(list)
    for row in rows:
        patients[row.patient].append(row)
    return dict(sorted(patients.items()))


def check_rows(rows: Sequence[Assessment]) -> tuple[Problem, ...]:
    """Everything that is wrong between the rows of a table, of any number of patients."""
    problems: list[Problem] = []
    for own in by_patient(rows).values():
        ordered = sorted(own, key=lambda row: (row.date, row.line or 0))
        problems += _doubles(ordered)
        problems += _roles(ordered)
        problems += _organs(ordered)
        problems += _unit_slips(ordered)
        problems += _missing_targets(ordered)
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def refuse_if_fatal(problems: Sequence[Problem], path: Path | None) -> tuple[str, ...]:
    """The remarks among the problems, in words.

    Raises:
        InputError: when a row cannot be used; it lists all of them.
    """
    fatal = [str(problem) for problem in problems if problem.is_fatal]
    if fatal:
        count = "one row" if len(fatal) == 1 else f"{len(fatal)} rows"
        listed = "".join(f"\n  {text}" for text in fatal)
        raise InputError(f"{count} cannot be used:{listed}", path=path)
    return tuple(str(problem) for problem in problems)


def _doubles(rows: Sequence[Assessment]) -> Iterator[Problem]:
    first: dict[tuple[dt.date, str], Assessment] = {}
    for row in rows:
        other = first.setdefault((row.date, row.lesion), row)
        if other is not row:
            where = "" if other.line is None else f", first on line {other.line}"
            yield Problem(row.line, f"lesion {row.lesion} stands twice on {row.date}{where}", True)


def _roles(rows: Sequence[Assessment]) -> Iterator[Problem]:
    start = rows[0].date
    roles = {row.lesion: row.role for row in rows if row.date == start}
    has_targets = Role.TARGET in roles.values()
    for row in rows:
        if row.date == start:
            if row.role is Role.NEW:
                what = f"lesion {row.lesion} is called new at the first visit: taken as non-target"
                yield Problem(row.line, what, False)
            if row.role is Role.TARGET and row.status is not Status.MEASURED:
                what = f"target {row.lesion} is {row.status.value} at the first visit"
                yield Problem(row.line, what, True)
            continue
        if row.lesion not in roles:
            if row.role is Role.TARGET and not row.derived_from:
                what = f"lesion {row.lesion} is called a target, the first visit has none"
                yield Problem(row.line, what, True)
            elif row.role is Role.NON_TARGET and not row.derived_from:
                what = f"lesion {row.lesion} is called non-target, the first visit has none: new"
                yield Problem(row.line, what, False)
        elif row.role is Role.NEW:
            what = (
                f"lesion {row.lesion} is called new, the first visit shows it: not counted as new"
            )
            yield Problem(row.line, what, False)
        elif row.role is not None and has_targets:
            before = roles[row.lesion] or Role.NON_TARGET
            if row.role is not before:
                what = f"lesion {row.lesion} was {before.value} at the first visit: kept so"
                yield Problem(row.line, what, False)


def _organs(rows: Sequence[Assessment]) -> Iterator[Problem]:
    first: dict[str, Assessment] = {}
    for row in rows:
        before = first.setdefault(row.lesion, row)
        if row.organ != before.organ:
            what = (
                f"lesion {row.lesion} is in {row.organ}, before it was in {before.organ}: kept so"
            )
            yield Problem(row.line, what, False)


def _unit_slips(rows: Sequence[Assessment]) -> Iterator[Problem]:
    lesions: dict[str, list[Assessment]] = defaultdict(list)
    for row in rows:
        if row.long_axis_mm is not None:
            lesions[row.lesion].append(row)
    for name, own in lesions.items():
        for row in own:
            others = [r.long_axis_mm for r in own if r is not row and r.long_axis_mm is not None]
            if not others or row.long_axis_mm is None:
                continue
            usual = statistics.median(others)
            if _LEAST_UNIT_SLIP <= usual / row.long_axis_mm <= _MOST_UNIT_SLIP:
                what = (
                    f"lesion {name} has {row.long_axis_mm:g} mm, at other visits {usual:g} mm: "
                    "is this in cm?"
                )
                yield Problem(row.line, what, False)


def _missing_targets(rows: Sequence[Assessment]) -> Iterator[Problem]:
    start = rows[0].date
    targets = {row.lesion for row in rows if row.date == start and row.role is Role.TARGET}
    found: dict[dt.date, set[str]] = defaultdict(set)
    for row in rows:
        found[row.date] |= {row.lesion, *row.derived_from}
    for date, names in found.items():
        for name in sorted(targets - names):
            yield Problem(None, f"target {name} has no row on {date}: not evaluable", False)
