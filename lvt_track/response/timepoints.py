"""The walk over a patient's visits: sums, nadir, and the category of each visit with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lvt_track.core.assessment import Assessment, Role, Status
from lvt_track.core.records import Response
from lvt_track.errors import InputError
from lvt_track.response.criteria import Criterion
from lvt_track.response.overall import Category, overall_response
from lvt_track.response.targets import Baseline, choose_baseline

__all__ = ["NODE_NORMAL_MM", "classify"]

NODE_NORMAL_MM = 10.0
"""Lymph nodes with a shorter short axis are normal (RECIST 1.1, 4.3.1)."""

Visit = Mapping[str, Assessment]
"""The rows of one visit by lesion."""


@dataclass(frozen=True)
class _TargetSum:
    """What the target lesions of a visit add up to.

    Attributes:
        total: sum over those that were assessed.
        missing: names of those that were not.
        is_gone: whether all are absent, and nodes normal.
        solid: the part of the sum that is not nodal.
        notes: what the sum rests on.
    """

    total: float
    missing: tuple[str, ...]
    is_gone: bool
    solid: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Nadir:
    """Lowest fully assessed sum so far, and when all target lesions were last gone."""

    total: float
    date: dt.date
    gone_on: dt.date | None = None

    def after(self, found: _TargetSum, date: dt.date) -> _Nadir:
        """The nadir for the next visit."""
        gone_on = date if found.is_gone else self.gone_on
        if found.total < self.total:
            return _Nadir(found.total, date, gone_on)
        return replace(self, gone_on=gone_on)


def classify(
    rows: Sequence[Assessment], criterion: Criterion, dates: Sequence[dt.date] = ()
) -> tuple[Response, ...]:
    """Response of one patient at every visit; the first visit is the baseline.

    Args:
        rows: of one patient, in any order; at most one per lesion and date.
        criterion: RECIST 1.1, mRECIST or volume.
        dates: visits that count even where no row speaks of them.

    Returns:
        One response per date, in order of time.

    Raises:
        InputError: when there are no visits, a lesion stands twice on one date, a target has no
            size at baseline, or a later row is called a target that was none at baseline.
    """
    visits = _by_date(rows, dates)
    first, *later = visits
    baseline = choose_baseline(list(visits[first].values()), criterion)
    start = _add_up(visits[first], baseline, criterion)
    if start.missing:
        raise InputError(f"target lesions without a size at baseline: {_listed(start.missing)}")
    _check_roles(rows, baseline)
    responses = [_baseline_response(first, baseline, start, criterion)]
    nadir = _Nadir(start.total, first)
    seen_new: dict[str, dt.date] = {}
    doubtful: dict[str, dt.date] = {}
    for date in later:
        visit = visits[date]
        found = _add_up(visit, baseline, criterion)
        target, why = _target_response(found, start.total, nadir, baseline, criterion)
        non_target, why_non = _non_target_response(visit, baseline)
        new, why_new = _new_lesions(date, visit, baseline, criterion, seen_new, doubtful)
        category = overall_response(target, non_target, new)
        complete = bool(baseline.targets) and not found.missing
        reasons = [why_new if new else "", why, why_non, "" if new else why_new, *found.notes]
        responses.append(
            Response(
                date=date,
                criterion=criterion.name,
                sum_mm=found.total if complete else None,
                nadir_mm=nadir.total if baseline.targets else None,
                change_from_baseline_percent=(
                    _change_percent(found.total, start.total) if complete else None
                ),
                change_from_nadir_percent=(
                    _change_percent(found.total, nadir.total) if complete else None
                ),
                target=target.value,
                non_target=non_target.value,
                new_lesion=new,
                category=category.value,
                reason="; ".join(reason for reason in reasons if reason),
            )
        )
        if complete:
            nadir = nadir.after(found, date)
    return tuple(responses)


def _by_date(
    rows: Sequence[Assessment], dates: Sequence[dt.date]
) -> dict[dt.date, dict[str, Assessment]]:
    days = sorted({*dates, *(row.date for row in rows)})
    if not days:
        raise InputError("there are no visits to judge response from")
    visits: dict[dt.date, dict[str, Assessment]] = {day: {} for day in days}
    for row in sorted(rows, key=lambda row: row.lesion):
        visit = visits[row.date]
        if row.lesion in visit:
            raise InputError(f"lesion {row.lesion} stands twice on {row.date}")
        visit[row.lesion] = row
    return visits


def _check_roles(rows: Sequence[Assessment], baseline: Baseline) -> None:
    targets = {row.lesion for row in baseline.targets}
    for row in rows:
        if row.role is Role.TARGET and row.lesion not in targets and not row.derived_from:
            raise InputError(
                f"lesion {row.lesion} is called a target on {row.date}, at baseline it was not"
            )


def _baseline_response(
    date: dt.date, baseline: Baseline, start: _TargetSum, criterion: Criterion
) -> Response:
    if baseline.targets:
        names = _listed(row.lesion for row in baseline.targets)
        how = "as the reader chose" if baseline.chosen_by == "reader" else "chosen by size"
        reason = f"baseline; target lesions {names}, {how}"
    else:
        reason = "baseline; no lesion that could be a target"
    if baseline.non_targets:
        reason += f"; {len(baseline.non_targets)} non-target"
    return Response(
        date=date,
        criterion=criterion.name,
        sum_mm=start.total if baseline.targets else None,
        nadir_mm=start.total if baseline.targets else None,
        change_from_baseline_percent=None,
        change_from_nadir_percent=None,
        target=Category.NONE.value,
        non_target=Category.NONE.value,
        new_lesion=False,
        category=Category.BASELINE.value,
        reason="; ".join([reason, *baseline.remarks]),
    )


def _add_up(visit: Visit, baseline: Baseline, criterion: Criterion) -> _TargetSum:
    """Add up the target lesions of a visit, pieces and merged lesions included."""
    total = solid = 0.0
    missing, notes, gone = [], [], True
    merged_done: set[str] = set()
    for target in baseline.targets:
        rows = _rows_of(target.lesion, visit)
        merged = next((row for row in rows if len(row.derived_from) > 1), None)
        if merged is not None:
            if merged.lesion in merged_done:
                continue
            merged_done.add(merged.lesion)
            rows = [merged]
            notes.append(f"{_listed(merged.derived_from)} have merged and count once")
        sizes = [_size(row, target, criterion) for row in rows]
        known = [size for size in sizes if size is not None]
        if not rows or len(known) < len(sizes):
            missing.append(target.lesion)
        if len(known) > 1:
            notes.append(f"{target.lesion} has split into {len(known)}, added up")
        for row, size in zip(rows, sizes, strict=True):
            if row.status is Status.TOO_SMALL and size == criterion.too_small:
                notes.append(
                    f"{row.lesion} too small to measure, counted {size:.3g} {criterion.unit}"
                )
        total += sum(known)
        if not target.is_nodal:
            solid += sum(known)
            gone = gone and bool(rows) and all(size == 0 for size in sizes)
        else:
            gone = gone and bool(rows) and all(_is_normal_node(row) for row in rows)
    return _TargetSum(total, tuple(missing), gone and not missing, solid, tuple(notes))


def _rows_of(lesion: str, visit: Visit) -> list[Assessment]:
    """The rows of a visit that speak of a baseline lesion: its own, its pieces, its merger."""
    own = [visit[lesion]] if lesion in visit else []
    kin = [row for row in visit.values() if lesion in row.derived_from and row.lesion != lesion]
    # Beside its pieces, the lesion's own row is one more piece where it has a size.
    return kin + [row for row in own if not kin or _has_size(row)]


def _has_size(row: Assessment) -> bool:
    sizes = (row.long_axis_mm, row.short_axis_mm, row.volume_ml, row.enhancing_mm)
    return row.status is not Status.ABSENT and any(size is not None for size in sizes)


def _size(row: Assessment, target: Assessment, criterion: Criterion) -> float | None:
    if row.status is Status.ABSENT:
        return 0.0
    if row.status is Status.NOT_DONE:
        return None
    size = criterion.size(replace(row, site=target.site))
    if size is None and row.status is Status.TOO_SMALL:
        return criterion.too_small
    return size


def _is_normal_node(row: Assessment) -> bool:
    if row.short_axis_mm is not None and row.status is not Status.ABSENT:
        return row.short_axis_mm < NODE_NORMAL_MM
    return row.status in (Status.ABSENT, Status.TOO_SMALL)


def _target_response(
    found: _TargetSum, start: float, nadir: _Nadir, baseline: Baseline, criterion: Criterion
) -> tuple[Category, str]:
    """Response of the target lesions: complete, progression, partial, stable, in this order."""
    if not baseline.targets:
        return Category.NONE, "no target lesions at baseline"
    unit, total = criterion.unit, found.total
    over = (
        f"{_percent(total, nadir.total)} and {total - nadir.total:+.1f} {unit} against the nadir "
        f"of {nadir.total:.1f} {unit} ({nadir.date})"
    )
    if found.missing:
        gap = f"not assessed: {_listed(found.missing)}"
        if criterion.is_progression(total, nadir.total):
            return Category.PD, f"the assessed part alone is {total:.1f} {unit}, {over}; {gap}"
        return Category.NE, f"target lesions {gap}, the sum cannot be formed"
    if found.is_gone:
        nodes = f" and nodes below {NODE_NORMAL_MM:g} mm" if total > 0 else ""
        return Category.CR, f"all target lesions absent{nodes}"
    if nadir.gone_on is not None and found.solid > 0:
        return Category.PD, f"a target lesion came back after all were gone ({nadir.gone_on})"
    if criterion.is_progression(total, nadir.total):
        return Category.PD, f"sum {total:.1f} {unit}, {over}"
    fall = f"sum {total:.1f} {unit}, {_percent(total, start)} from baseline"
    if criterion.is_response(total, start):
        return Category.PR, fall
    return Category.SD, f"{fall}; {over}"


def _non_target_response(visit: Visit, baseline: Baseline) -> tuple[Category, str]:
    if not baseline.non_targets:
        return Category.NONE, ""
    worse, missing, left, grown = [], [], [], []
    for lesion in baseline.non_targets:
        rows = _rows_of(lesion.lesion, visit)
        if any(row.status is Status.PROGRESSION for row in rows):
            worse.append(lesion.lesion)
        elif not rows or any(row.status is Status.NOT_DONE for row in rows):
            missing.append(lesion.lesion)
        elif not all(_is_cleared(row, lesion.is_nodal) for row in rows):
            left.append(lesion.lesion)
            before, now = lesion.long_axis_mm, sum(row.long_axis_mm or 0.0 for row in rows)
            if before is not None and now >= max(1.2 * before, before + 5.0):
                grown.append(f"{lesion.lesion} ({before:.1f} to {now:.1f} mm)")
    judge = (
        f"non-target {_listed(grown)} grew: a reader must say whether that is progression"
        if grown
        else ""
    )
    if worse:
        return Category.PD, f"unequivocal progression of non-target {_listed(worse)}"
    if missing:
        return Category.NE, "; ".join(
            filter(None, [f"non-target not assessed: {_listed(missing)}", judge])
        )
    if left:
        return Category.NON_CR_NON_PD, judge or f"non-target lesions persist: {_listed(left)}"
    return Category.CR, "all non-target lesions absent"


def _is_cleared(row: Assessment, nodal: bool) -> bool:
    return row.status is Status.ABSENT or (nodal and _is_normal_node(row))


def _new_lesions(
    date: dt.date,
    visit: Visit,
    baseline: Baseline,
    criterion: Criterion,
    seen: dict[str, dt.date],
    doubtful: dict[str, dt.date],
) -> tuple[bool, str]:
    """Whether there are new lesions at this visit; `seen` and `doubtful` remember earlier ones."""
    for name, row in visit.items():
        if name in baseline.names or set(row.derived_from) & baseline.names:
            continue
        if row.status is Status.EQUIVOCAL or criterion.is_doubtful_new(row):
            doubtful.setdefault(name, date)
        elif row.status not in (Status.ABSENT, Status.NOT_DONE):
            seen.setdefault(name, date)
    gone = {name for name, row in visit.items() if row.status is Status.ABSENT}
    present = [name for name in seen if name not in gone]
    if present:
        told = (_told_since(name, date, seen[name], doubtful.get(name, date)) for name in present)
        return True, f"new lesion {_listed(told)}"
    unsure = [name for name in doubtful if name in visit and name not in gone]
    if unsure:
        return False, f"possible new lesion {_listed(unsure)}, not counted"
    return False, ""


def _told_since(name: str, date: dt.date, sure: dt.date, first: dt.date) -> str:
    """A new lesion, and since when: from the first scan that shows it (RECIST 1.1, 4.3.5).

    Args:
        name: of the lesion.
        date: of the visit that is judged.
        sure: when it was first certain.
        first: when it was first equivocal; not before `sure` where it never was.
    """
    if first < sure:
        return f"{name} (new since {first}, equivocal then, confirmed {sure})"
    return f"{name} (seen since {sure})" if sure < date else name


def _change_percent(value: float, reference: float) -> float | None:
    return 100.0 * (value - reference) / reference if reference > 0 else None


def _percent(value: float, reference: float) -> str:
    change = _change_percent(value, reference)
    return "no percentage" if change is None else f"{change:+.1f} %"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
