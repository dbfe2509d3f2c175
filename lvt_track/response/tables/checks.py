"""What only several rows together can show to be wrong: doubles, roles, organs, units."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from math import isclose
from pathlib import Path

from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.errors import InputError
from lvt_track.response.tables.cells import Problem

__all__ = ["by_patient", "check_rows", "refuse_if_fatal"]

# A diameter a tenth of the lesion's others is rather centimetres than a tumour's answer, and one
# of ten times the others has lost its point.
_LEAST_UNIT_SLIP = 7.0
_MOST_UNIT_SLIP = 14.0
# Where the larger is longer than most lesions, less is rather a unit than a tumour's answer.
_LEAST_LARGE_SLIP, _LARGE_MM = 5.0, 100.0

# A size that no ruler reads is one in another unit, however much the lesion grew or shrank.
_LEAST_READ_MM = 3.0

# Nobody follows a patient whose every lesion is below what RECIST measures, 10 mm.
_LEAST_MEASURED_MM = 10.0
_LEAST_MEASURED_ML = 0.5  # of a ball of that size
_FEWEST_SIZES = 2

# No lesion of a body is longer than this, and no table has only such as are longer than that.
_LONGEST_MM, _UNUSUAL_MM = 500.0, 150.0

_BONE = "bone"

# Nobody is followed from one visit to the next after so long.
_LONGEST_GAP_YEARS = 20

# Nobody reads more lines of one kind, and a table of a million rows may have as many.
_MOST_LISTED = 100


def by_patient(rows: Iterable[Assessment]) -> dict[str, list[Assessment]]:
    """The rows of each patient, by name."""
    patients: dict[str, list[Assessment]] = defaultdict(list)
    for row in rows:
        patients[row.patient].append(row)
    return dict(sorted(patients.items()))


def check_rows(rows: Sequence[Assessment], unread: Collection[str] = ()) -> tuple[Problem, ...]:
    """Everything that is wrong between the rows of a table, of any number of patients.

    Args:
        rows: of the table.
        unread: names of lesions of which a row could not be read; what such a row may have said
            is not held against the lesion's others.
    """
    problems = [*_nameless(rows), *_sums(rows), *_table_of_another_unit(rows), *_too_long(rows)]
    for of_patient in by_patient(rows).values():
        ordered = sorted(of_patient, key=lambda row: (row.date, row.line or 0))
        problems += _doubles(ordered)
        whole = [row for row in ordered if row.lesion not in unread]
        if whole:
            problems += _roles(whole)
            problems += _renamed(whole)
            problems += _hard_to_measure(whole)
            problems += _gaps(whole)
            problems += _in_future(whole)
            problems += _organs(whole)
            problems += _unit_slips(whole)
            problems += _missing(whole)
    return tuple(problems)


def refuse_if_fatal(problems: Sequence[Problem], path: Path | None) -> tuple[str, ...]:
    """The remarks among the problems, in words.

    Raises:
        InputError: when a row cannot be used; it lists all of them.
    """
    ordered = sorted(problems, key=lambda problem: problem.line or 0)
    fatal = [problem for problem in ordered if problem.is_fatal]
    if fatal:
        rows = len({problem.line for problem in fatal})
        listed = "".join(f"\n  {problem}" for problem in fatal[:_MOST_LISTED])
        if len(fatal) > _MOST_LISTED:
            listed += f"\n  and {len(fatal) - _MOST_LISTED} more"
        count = "one row" if rows == 1 else f"{rows} rows"
        raise InputError(f"{count} cannot be used:{listed}", path=path)
    return tuple(str(problem) for problem in ordered)


def _nameless(rows: Sequence[Assessment]) -> Iterator[Problem]:
    if any(row.patient for row in rows):
        for row in rows:
            if not row.patient:
                yield Problem(row.line, "no patient is named, other rows name one", True)


def _table_of_another_unit(rows: Sequence[Assessment]) -> Iterator[Problem]:
    sizes = [row.long_axis_mm for row in rows if row.long_axis_mm is not None]
    if len(sizes) >= _FEWEST_SIZES and max(sizes) < _LEAST_MEASURED_MM:
        what = f"no long axis reaches {_LEAST_MEASURED_MM:g} mm: is the table in cm?"
        yield Problem(None, what, False)
    if len(sizes) >= _FEWEST_SIZES and min(sizes) > _UNUSUAL_MM:
        what = f"every long axis is above {_UNUSUAL_MM:g} mm: is the table in mm?"
        yield Problem(None, what, False)
    volumes = [row.volume_ml for row in rows if row.volume_ml]
    if len(volumes) >= _FEWEST_SIZES and max(volumes) < _LEAST_MEASURED_ML:
        what = f"no volume reaches {_LEAST_MEASURED_ML:g} mL, a ball of 10 mm: is the unit right?"
        yield Problem(None, what, False)


def _too_long(rows: Sequence[Assessment]) -> Iterator[Problem]:
    for row in rows:
        if row.long_axis_mm is not None and row.long_axis_mm > _LONGEST_MM:
            what = f"lesion {row.lesion} has {row.long_axis_mm:g} mm, which none has"
            yield Problem(row.line, f"{what}: look for a missing point or another unit", True)


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
    unsaid: set[str] = set()
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
            if row.role is None and not row.derived_from and row.lesion not in unsaid:
                unsaid.add(row.lesion)
                what = f"lesion {row.lesion} has no row at the first visit: taken as new"
                yield Problem(row.line, what, False)
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


def _renamed(rows: Sequence[Assessment]) -> Iterator[Problem]:
    """Visits none of whose lesions bears a name of before, and none is said to be new."""
    known: set[str] = set()
    for _, group in groupby(rows, lambda row: row.date):
        visit = list(group)
        names = {row.lesion for row in visit}
        if known and not any(
            row.role is Role.NEW or row.derived_from or row.lesion in known for row in visit
        ):
            what = (
                f"no lesion of {visit[0].date} has a name of the visits before "
                f"({', '.join(sorted(known)[:5])}): give each the name it had, or the role new"
            )
            yield Problem(visit[0].line, what, True)
        known |= names


def _sums(rows: Sequence[Assessment]) -> Iterator[Problem]:
    """Rows without a role whose long axis is at every visit the sum of all others."""
    for of_patient in by_patient(rows).values():
        visits: dict[dt.date, dict[str, float]] = defaultdict(dict)
        for row in of_patient:
            if row.long_axis_mm is not None:
                visits[row.date][row.lesion] = row.long_axis_mm
        unsaid = {row.lesion for row in of_patient if row.role is None}
        for name in unsaid if len(visits) > 1 else ():
            if all(
                name in sizes
                and len(sizes) > 2
                and isclose(2 * sizes[name], sum(sizes.values()), abs_tol=0.01)
                for sizes in visits.values()
            ):
                line = next(row.line for row in of_patient if row.lesion == name)
                what = f"{name} is at every visit the sum of the others: call it sum, or a role"
                yield Problem(line, what, True)


def _hard_to_measure(rows: Sequence[Assessment]) -> Iterator[Problem]:
    """Lesions of the first visit whose long axis RECIST 1.1 does not count as it stands.

    Bone is measurable by its soft tissue part alone (3.1.2), a node by its short axis (3.1.1).
    """
    for row in rows:
        if row.date != rows[0].date:
            return
        if row.long_axis_mm is None or row.role is Role.NON_TARGET:
            continue
        if row.organ == _BONE:
            what = f"lesion {row.lesion} is in bone, of which only a soft tissue part is measurable"
            yield Problem(row.line, f"{what}: see to it that this is what was measured", False)
        elif row.is_nodal and row.short_axis_mm is None:
            what = f"node {row.lesion} has no short axis, by which nodes are measured"
            yield Problem(row.line, f"{what}: it cannot be a target", False)


def _gaps(rows: Sequence[Assessment]) -> Iterator[Problem]:
    for before, row in pairwise(rows):
        if row.date.year - before.date.year > _LONGEST_GAP_YEARS:
            what = f"{row.date} follows {before.date}: is a digit of the year wrong?"
            yield Problem(row.line, what, False)


def _in_future(rows: Sequence[Assessment]) -> Iterator[Problem]:
    last = max(rows, key=lambda row: row.date)
    if last.date > dt.date.today():
        what = f"{last.date} lies in the future: dates that were moved, or a wrong digit"
        yield Problem(last.line, what, False)


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
    lesions: dict[str, list[tuple[Assessment, float]]] = defaultdict(list)
    for row in rows:
        if row.long_axis_mm is not None:
            lesions[row.lesion].append((row, row.long_axis_mm))
    for name, sizes in lesions.items():
        ordered = sorted(size for _, size in sizes)
        for row, size in sizes if len(sizes) > 1 else ():
            usual = _median_without(ordered, size)
            contrast = f"lesion {name} has {size:g} mm, at other visits {usual:g} mm"
            ratio = usual / size
            if _LEAST_UNIT_SLIP <= ratio <= _MOST_UNIT_SLIP or (
                ratio > _MOST_UNIT_SLIP and size < _LEAST_READ_MM
            ):
                yield Problem(row.line, f"{contrast}: is this in cm?", False)
            elif _LEAST_LARGE_SLIP <= ratio <= _MOST_UNIT_SLIP and usual >= _LARGE_MM:
                yield Problem(row.line, f"{contrast}: is one of them in another unit?", False)
            # Of two sizes nobody can tell which is wrong; the smaller one was asked for already.
            is_slip = _LEAST_UNIT_SLIP <= size / usual <= _MOST_UNIT_SLIP
            if is_slip and len(sizes) > 2:
                yield Problem(row.line, f"{contrast}: is a decimal point missing?", False)


def _median_without(ordered: Sequence[float], size: float) -> float:
    """The median of sizes in order, without one of them."""
    place, rest = bisect_left(ordered, size), len(ordered) - 1

    def at(k: int) -> float:
        return ordered[k + (k >= place)]

    return (at((rest - 1) // 2) + at(rest // 2)) / 2


def _missing(rows: Sequence[Assessment]) -> Iterator[Problem]:
    """Lesions of the first visit without a row later: targets, or all where none is called so."""
    baseline = [row for row in rows if row.date == rows[0].date]
    has_targets = any(row.role is Role.TARGET for row in baseline)
    followed = [row for row in baseline if row.role is Role.TARGET or not has_targets]
    by_date: dict[dt.date, set[str]] = defaultdict(set)
    for row in rows:
        by_date[row.date] |= {row.lesion, *row.derived_from}
    dates_listed = 0
    for date, names in by_date.items():
        gone = [first for first in followed if first.lesion not in names]
        what = "target" if has_targets else "lesion"
        for first in gone[:_MOST_LISTED]:
            yield Problem(
                first.line, f"{what} {first.lesion} has no row on {date}: not evaluable", False
            )
        if len(gone) > _MOST_LISTED:
            rest = f"{len(gone) - _MOST_LISTED} more {what}s have no row on {date}: not evaluable"
            yield Problem(None, rest, False)
        dates_listed += bool(gone)
        if dates_listed == _MOST_LISTED:
            yield Problem(None, "later dates were not looked at for lesions without a row", False)
            return
