"""The walk over a patient's visits: sums, nadir, and the category of each visit with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.response.assessment import Assessment, Role
from lvt_track.core.response.categories import Category
from lvt_track.core.response.response import Response
from lvt_track.errors import InputError
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.evidence import Evidence, History, change_percent
from lvt_track.response.timepoints.new_lesions import NewLesionMemory, find_new_lesions
from lvt_track.response.timepoints.non_targets import NonTargets, assess_non_targets
from lvt_track.response.timepoints.rules import judge
from lvt_track.response.timepoints.sums import add_up
from lvt_track.response.timepoints.targets import Baseline, choose_baseline
from lvt_track.response.timepoints.visit import VisitRows, by_date, listed

__all__ = ["classify", "require"]

_CHOSEN = {"reader": "as the reader chose", "rule": "chosen by size", "all": "all that have a size"}


def require(rows: Sequence[Assessment], criterion: Criterion) -> None:
    """See to it that the rows have what a criterion needs.

    Raises:
        InputError: when they lack it.
    """
    if lacking := criterion.lacking(rows):
        raise InputError(lacking, remedy=criterion.remedy)


def classify(
    rows: Sequence[Assessment], criterion: Criterion, dates: Sequence[dt.date] = ()
) -> tuple[Response, ...]:
    """Response of one patient at every visit; the first visit is the baseline.

    Rows that lack what the criterion needs give NE at every visit, with the reason.

    Args:
        rows: of one patient, in any order; at most one per lesion and date.
        criterion: one of `response.criteria`.
        dates: visits that count even where no row speaks of them.

    Returns:
        One response per date, in order of time.

    Raises:
        InputError: when there are no visits, a lesion stands twice on one date, a target has no
            size at baseline, or a later row is called a target that was none at baseline.
    """
    visits = by_date(rows, dates)
    if rows and (lacking := criterion.lacking(rows)):
        return tuple(_not_evaluable(date, criterion, lacking) for date in visits)
    start_date, *later = visits
    first = VisitRows(visits[start_date])
    baseline = choose_baseline(list(first.rows.values()), criterion.scale)
    _check_roles(rows, baseline)
    start = add_up(first, baseline, criterion.scale)
    if start.missing:
        nodes = [first.rows[name].lesion for name in start.missing if first.rows[name].is_nodal]
        raise InputError(
            f"target lesions without a size at baseline: {listed(start.missing)}",
            remedy=f"Nodes are measured by their short axis: {listed(nodes)}" if nodes else "",
        )
    evidence = Evidence(
        date=start_date,
        scale=criterion.scale,
        baseline=baseline,
        first=first,
        visit=first,
        start=start,
        targets=start,
        non_targets=NonTargets(bool(baseline.non_targets)),
        new=find_new_lesions(start_date, first, baseline, criterion.scale, NewLesionMemory())[0],
        history=History(start.total, start_date),
        category=Category.BASELINE,
    )
    responses = [_response(evidence, criterion, [_baseline_reason(baseline)])]
    history = evidence.history
    visit = first
    for date in later:
        visit = VisitRows(visits[date], visit.pieces())
        new, memory = find_new_lesions(date, visit, baseline, criterion.scale, history.new)
        evidence = replace(
            evidence,
            date=date,
            visit=visit,
            targets=add_up(visit, baseline, criterion.scale),
            non_targets=assess_non_targets(visit, baseline, criterion.scale, history.cleared_on),
            new=new,
            history=history,
            target=Category.NONE,
            non_target=Category.NONE,
            category=Category.NONE,
        )
        evidence, reasons = _judged(evidence, criterion)
        responses.append(_response(evidence, criterion, reasons))
        history = history.after(evidence, memory)
    return tuple(responses)


def _judged(evidence: Evidence, criterion: Criterion) -> tuple[Evidence, list[str]]:
    """The evidence with its categories, and the reasons, what is new first."""
    target, why = judge(criterion.target, evidence)
    non_target, why_non = judge(criterion.non_target, evidence)
    evidence = replace(evidence, target=target, non_target=non_target)
    category, why_overall = judge(criterion.overall, evidence)
    new, possible = _new_lesion_words(evidence)
    return replace(evidence, category=category), [
        why_overall,
        new,
        why,
        why_non,
        possible,
        *evidence.targets.notes,
    ]


def _new_lesion_words(evidence: Evidence) -> tuple[str, str]:
    """The new lesions, and those that only may be new."""
    sure = [f"{name}{since}" for name, since in evidence.new.sure.items()]
    new = f"new lesion {listed(sure)}" if sure else ""
    possible = evidence.new.possible
    return new, f"possible new lesion {listed(possible)}, not counted" if possible else ""


def _response(evidence: Evidence, criterion: Criterion, reasons: list[str]) -> Response:
    is_start = evidence.category is Category.BASELINE
    total, start, nadir = evidence.total, evidence.start.total, evidence.history.nadir
    is_compared = evidence.is_complete and not is_start
    return Response(
        date=evidence.date,
        criterion=criterion.name,
        unit=criterion.scale.unit,
        total=total if evidence.is_complete else None,
        nadir=nadir if evidence.baseline.targets else None,
        change_from_baseline_percent=change_percent(total, start) if is_compared else None,
        change_from_nadir_percent=change_percent(total, nadir) if is_compared else None,
        target=str(evidence.target),
        non_target=str(evidence.non_target),
        new_lesion=bool(evidence.new.sure) and not is_start,
        category=str(evidence.category),
        reason="; ".join(reason for reason in [*reasons, criterion.remark(evidence)] if reason),
        new_lesions=() if is_start else tuple(evidence.new.sure),
        grown_non_targets=tuple(n for one in evidence.non_targets.grown for n in one.names),
    )


def _not_evaluable(date: dt.date, criterion: Criterion, lacking: str) -> Response:
    return Response(
        date=date,
        criterion=criterion.name,
        unit=criterion.scale.unit,
        total=None,
        nadir=None,
        change_from_baseline_percent=None,
        change_from_nadir_percent=None,
        target=str(Category.NE),
        non_target=str(Category.NONE),
        new_lesion=False,
        category=str(Category.NE),
        reason=lacking,
    )


def _check_roles(rows: Sequence[Assessment], baseline: Baseline) -> None:
    targets = {row.lesion for row in baseline.targets}
    for row in rows:
        if row.role is Role.TARGET and row.lesion not in targets and not row.derived_from:
            raise InputError(
                f"lesion {row.lesion} is called a target on {row.date}, at baseline it was not"
            )


def _baseline_reason(baseline: Baseline) -> str:
    if baseline.targets:
        names = listed(row.lesion for row in baseline.targets)
        reason = f"baseline; target lesions {names}, {_CHOSEN[baseline.chosen_by]}"
    else:
        reason = "baseline; no lesion that could be a target"
    if baseline.non_targets:
        reason += f"; {len(baseline.non_targets)} non-target"
    return "; ".join([reason, *baseline.remarks])
