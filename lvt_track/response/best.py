"""Best overall response over the visits of a patient, with and without confirmation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from lvt_track.core.records import Category, Response

__all__ = ["best_overall_response"]

# From best to worst; an iRECIST progression that was confirmed stands before one that was not.
_RANK = (
    *(Category.CR, Category.PR, Category.SD, Category.NON_CR_NON_PD, Category.PD),
    *(Category.ICR, Category.IPR, Category.ISD, Category.NON_ICR_NON_IUPD),
    *(Category.ICPD, Category.IUPD),
)
_END = (Category.PD, Category.ICPD)
_COMPLETE = (Category.CR, Category.ICR)
_STABLE = (Category.SD, Category.ISD, Category.NON_CR_NON_PD, Category.NON_ICR_NON_IUPD)
# What a response counts as that was not confirmed: with targets, and without.
_UNCONFIRMED = {
    Category.CR: (Category.SD, Category.NON_CR_NON_PD),
    Category.PR: (Category.SD, Category.NON_CR_NON_PD),
    Category.ICR: (Category.ISD, Category.NON_ICR_NON_IUPD),
    Category.IPR: (Category.ISD, Category.NON_ICR_NON_IUPD),
}


def best_overall_response(
    responses: Sequence[Response],
    *,
    stable_after_days: int = 42,
    confirm_after_days: int | None = None,
) -> Category:
    """Best response from the start until progression (RECIST 1.1, 4.4 and table 3).

    Args:
        responses: of one patient and one criterion, in order of time; the first is the baseline.
        stable_after_days: stable disease counts as best response only where it was seen at least
            this long after the baseline; the protocol says how long, 6 weeks is usual.
        confirm_after_days: None for no confirmation, as for randomised trials. Else CR and PR
            count only when a visit at least so many days later confirms them; RECIST asks for
            28. Visits between, and visits that could not be evaluated, do not stand in the way.

    Returns:
        CR, PR, SD, Non-CR/Non-PD, PD or NE; for iRECIST iCR to iCPD, or iUPD where progression was
        never confirmed.
    """
    if not responses:
        return Category.NE
    start = responses[0].date
    has_targets = responses[0].nadir is not None
    seen: list[tuple[dt.date, Category]] = []
    for response in responses[1:]:
        category = Category(response.category)
        seen.append((response.date, category))
        if category in _END:
            break
    counted = []
    for k, (date, category) in enumerate(seen):
        if category in _UNCONFIRMED and not _is_confirmed(k, seen, confirm_after_days):
            category = _UNCONFIRMED[category][0 if has_targets else 1]
        if category in _STABLE and (date - start).days < stable_after_days:
            category = Category.NE
        counted.append(category)
    return min(
        (category for category in counted if category in _RANK),
        key=_RANK.index,
        default=Category.NE,
    )


def _is_confirmed(
    k: int, seen: Sequence[tuple[dt.date, Category]], confirm_after_days: int | None
) -> bool:
    """Whether the next evaluable visit after the wait shows that response, or a complete one."""
    if confirm_after_days is None:
        return True
    date, category = seen[k]
    later = [
        other
        for day, other in seen[k + 1 :]
        if (day - date).days >= confirm_after_days and other is not Category.NE
    ]
    return bool(later) and (later[0] is category or later[0] in _COMPLETE)
