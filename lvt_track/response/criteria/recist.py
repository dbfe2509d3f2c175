"""RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009;45:228-247) as rules.

Other criteria that add up sizes are composed of the same rules with other limits. Where the
working group has answered a question since, its answer is followed (recist.eortc.org, FAQ).
"""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.quantities import sized
from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.core.response.categories import Category
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.evidence import Evidence, change_percent
from lvt_track.response.timepoints.rules import Rule, always
from lvt_track.response.timepoints.scale import NODE_NORMAL_MM, Scale, at_least
from lvt_track.response.timepoints.sums import burden_ml
from lvt_track.response.timepoints.visit import listed

__all__ = [
    "LEAST_LONG_AXIS_MM",
    "LEAST_NODE_MM",
    "NON_TARGET_RULES",
    "OVERALL_RULES",
    "RECIST_1_1",
    "UNJUDGED_GROWTH",
    "diameter_mm",
    "has_progressed",
    "is_measurable",
    "least_measurable_mm",
    "target_rules",
]

LEAST_LONG_AXIS_MM = 10.0
"""Shortest long axis of a measurable lesion."""

LEAST_NODE_MM = 15.0
"""Shortest short axis of a node that can be a target."""

UNJUDGED_GROWTH = "a reader must say whether that is progression"
"""What reasons say of non-targets that grew; tables of many patients are searched for it."""

_THIN_SLICE_MM = 5.0


def least_measurable_mm(slice_thickness_mm: float | None) -> float:
    """Smallest long axis of a target: 10 mm, or twice the slices where these exceed 5 mm."""
    if slice_thickness_mm is None or slice_thickness_mm <= _THIN_SLICE_MM:
        return LEAST_LONG_AXIS_MM
    return 2.0 * slice_thickness_mm


def diameter_mm(row: Assessment) -> float | None:
    """Nodes count by their short axis; what merged, by the longest diameter of the whole."""
    if row.is_nodal and len(row.derived_from) < 2:
        return row.short_axis_mm
    return row.long_axis_mm


def is_measurable(row: Assessment) -> bool:
    """Whether a lesion is large enough to be a target."""
    if row.is_nodal:
        short = row.short_axis_mm
        return short is not None and at_least(short, LEAST_NODE_MM)
    least = least_measurable_mm(row.slice_thickness_mm)
    return row.long_axis_mm is not None and at_least(row.long_axis_mm, least)


def has_progressed(total: float, nadir: float, percent: float, least: float) -> bool:
    """Whether a sum has risen over the nadir as far as progression asks for.

    Any rise from a nadir of 0 is progression: nothing was left, and a lesion came back.
    """
    if nadir == 0:
        return total > 0
    return at_least(total, nadir * (1 + percent / 100)) and at_least(total - nadir, least)


def target_rules(
    response_percent: float, progression_percent: float, progression_least: float
) -> tuple[Rule, ...]:
    """The rules for target lesions: complete, progression, partial, stable, in this order.

    Args:
        response_percent: fall of the sum from baseline that partial response needs, negative.
        progression_percent: rise over the nadir that progression needs.
        progression_least: the rise in the unit of the scale that it needs as well.
    """

    def progressed(e: Evidence) -> bool:
        return has_progressed(e.total, e.history.nadir, progression_percent, progression_least)

    def responded(e: Evidence) -> bool:
        return at_least(e.start.total * (1 + response_percent / 100), e.total)

    return (
        Rule("no targets", Category.NONE, _has_no_targets, _no_targets_words),
        Rule("part progressed", Category.PD, lambda e: _is_partial(e) and progressed(e), _part),
        Rule("not assessed", Category.NE, _is_partial, _gap_words),
        Rule("all gone", Category.CR, lambda e: e.targets.is_gone, _gone_words),
        Rule("came back", Category.PD, _came_back, _back_words),
        Rule("progressed", Category.PD, progressed, _progress_words),
        Rule("responded", Category.PR, responded, _fall_words),
        # "A confirmed PR at a next visit is considered to be a continuing PR unless the criteria
        # for PD are met" (recist.eortc.org, RECIST 1.1, the definition of SD: a clarification).
        Rule("continues", Category.PR, lambda e: e.history.confirmed_on is not None, _continuing),
        Rule("stable", Category.SD, always, lambda e: f"{_fall_words(e)}; {_over_words(e)}"),
    )


def _has_no_targets(e: Evidence) -> bool:
    return not e.baseline.targets


def _no_targets_words(e: Evidence) -> str:
    return "no target lesions at baseline"


def _is_partial(e: Evidence) -> bool:
    return bool(e.targets.missing)


def _came_back(e: Evidence) -> bool:
    return e.history.gone_on is not None and e.targets.solid > 0


def _part(e: Evidence) -> str:
    part = f"the assessed part alone is {sized(e.total, e.scale.unit)}"
    return f"{part}, {_over_words(e)}; not assessed: {listed(e.targets.missing)}"


def _gap_words(e: Evidence) -> str:
    return f"target lesions not assessed: {listed(e.targets.missing)}, the sum cannot be formed"


def _gone_words(e: Evidence) -> str:
    nodes = f" and nodes below {NODE_NORMAL_MM:g} mm" if e.total > 0 else ""
    return f"all target lesions {_how_gone(e, e.baseline.targets)}{nodes}"


def _how_gone(e: Evidence, lesions: Sequence[Assessment]) -> str:
    """Absent, or there and without what the criterion counts, which is enhancement."""
    rows = [row for one in lesions if not one.is_nodal for row in e.visit.of(one.lesion)]
    is_present = any(row.status is not Status.ABSENT for row in rows)
    return "absent or without enhancement" if is_present else "absent"


def _back_words(e: Evidence) -> str:
    return f"a target lesion came back after all were gone ({e.history.gone_on})"


def _over_words(e: Evidence) -> str:
    """How the sum stands against the nadir."""
    unit, nadir = e.scale.unit, e.history.nadir
    rise = sized(e.total - nadir, unit, signed=True)
    reference = f"{sized(nadir, unit)} ({e.history.nadir_date})"
    return f"{_percent(e.total, nadir)} and {rise} against the nadir of {reference}"


def _progress_words(e: Evidence) -> str:
    return f"sum {sized(e.total, e.scale.unit)}, {_over_words(e)}"


def _fall_words(e: Evidence) -> str:
    fall = f"{_percent(e.total, e.start.total)} from baseline"
    return f"sum {sized(e.total, e.scale.unit)}, {fall}"


def _continuing(e: Evidence) -> str:
    why = f"a partial response confirmed on {e.history.confirmed_on} continues until progression"
    return f"{_fall_words(e)}; {why}; {_over_words(e)}"


def _percent(value: float, reference: float) -> str:
    change = change_percent(value, reference)
    return "no percentage" if change is None else f"{change:+.1f} %"


def _judgement_words(e: Evidence) -> str:
    """Which non-targets grew, and how the whole tumour burden did.

    "The overall tumour burden has increased sufficiently to merit discontinuation of therapy" is
    what unequivocal progression asks for beside measurable disease (Eisenhauer et al., 4.3.4).
    """
    if not e.non_targets.grown:
        return ""
    grown = listed(map(str, e.non_targets.grown))
    words = f"non-target {grown} grew: {UNJUDGED_GROWTH}"
    before_ml, now_ml = (burden_ml(visit.rows.values()) for visit in (e.first, e.visit))
    if before_ml is None or now_ml is None:
        return words
    volumes = f"{sized(before_ml, 'mL')} to {sized(now_ml, 'mL')}"
    return f"{words} (all lesions {volumes}, {_percent(now_ml, before_ml)})"


def _missing_words(e: Evidence) -> str:
    missing = f"non-target not assessed: {listed(e.non_targets.missing)}"
    return "; ".join(filter(None, [missing, _judgement_words(e)]))


def _left_words(e: Evidence) -> str:
    persist = f"non-target lesions persist: {listed(e.non_targets.left)}"
    words = [_judgement_words(e) or persist]
    if in_doubt := e.non_targets.in_doubt:
        whether = "all of them" if set(in_doubt) == set(e.non_targets.left) else listed(in_doubt)
        words.append(f"in doubt whether tumour: {whether}")
    return "; ".join(words)


NON_TARGET_RULES = (
    Rule(
        "no non-targets", Category.NONE, lambda e: not e.non_targets.any_at_baseline, lambda e: ""
    ),
    Rule(
        "unequivocal",
        Category.PD,
        lambda e: bool(e.non_targets.worse),
        lambda e: f"unequivocal progression of non-target {listed(e.non_targets.worse)}",
    ),
    # After an overall complete response "the reappearance of any malignant lesion results in PD"
    # (recist.eortc.org, FAQ: does a new lesion always result in PD?).
    Rule(
        "came back",
        Category.PD,
        lambda e: bool(e.non_targets.back),
        lambda e: (
            f"non-target {listed(e.non_targets.back)} came back after a complete response "
            f"({e.history.cleared_on})"
        ),
    ),
    Rule("not assessed", Category.NE, lambda e: bool(e.non_targets.missing), _missing_words),
    Rule("persist", Category.NON_CR_NON_PD, lambda e: bool(e.non_targets.left), _left_words),
    Rule(
        "all gone",
        Category.CR,
        always,
        lambda e: f"all non-target lesions {_how_gone(e, e.baseline.non_targets)}",
    ),
)
"""Eisenhauer et al., 4.3.3."""


def _is_cleared_but_non_targets(e: Evidence) -> bool:
    return e.target is Category.CR and e.non_target not in (Category.CR, Category.NONE)


def _gives(rule: str, category: Category) -> Rule:
    """The overall category of what the targets alone have."""
    return Rule(rule, category, lambda e: e.target is category, lambda e: "")


OVERALL_RULES = (
    Rule("new lesion", Category.PD, lambda e: bool(e.new.sure), lambda e: ""),
    Rule(
        "progressed", Category.PD, lambda e: Category.PD in (e.target, e.non_target), lambda e: ""
    ),
    Rule("left", Category.PR, _is_cleared_but_non_targets, lambda e: ""),
    *(_gives(c, c) for c in (Category.CR, Category.PR, Category.SD, Category.NE)),
    *(
        Rule(f"non-targets {c}", c, lambda e, c=c: e.non_target is c, lambda e: "")  # type: ignore[misc]
        for c in (Category.CR, Category.NON_CR_NON_PD)
    ),
    Rule("nothing to judge", Category.NE, always, lambda e: ""),
)
"""Eisenhauer et al., tables 1 and 2."""

RECIST_1_1 = Criterion(
    name="RECIST 1.1",
    scale=Scale(unit="mm", size=diameter_mm, is_measurable=is_measurable, too_small=5.0),
    target=target_rules(-30.0, 20.0, 5.0),
    non_target=NON_TARGET_RULES,
    overall=OVERALL_RULES,
)
