"""Best overall response over the visits of a patient, with and without confirmation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from lvt_track.core.response.categories import Category, Standing
from lvt_track.core.response.response import Response
from lvt_track.response.standings import category_of

__all__ = ["best_overall_response"]

# From best to worst; a progression that was confirmed stands before one that was not.
_RANK = (
    Standing.COMPLETE,
    Standing.PARTIAL,
    Standing.STABLE,
    Standing.NEITHER,
    Standing.PROGRESSION,
    Standing.UNCONFIRMED,
)
_RESPONSES = (Standing.COMPLETE, Standing.PARTIAL)
_STABLE = (Standing.STABLE, Standing.NEITHER)


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
        category = category_of(response)
        seen.append((response.date, category))
        if category.standing is Standing.PROGRESSION:
            break
    counted = []
    for k, (date, category) in enumerate(seen):
        is_response = category.standing in _RESPONSES
        if is_response and not _is_confirmed(k, seen, confirm_after_days):
            category = category.sibling(Standing.STABLE if has_targets else Standing.NEITHER)
        if category.standing in _STABLE and (date - start).days < stable_after_days:
            category = Category.NE
        counted.append(category)
    return min(
        (category for category in counted if category.standing in _RANK),
        key=lambda category: _RANK.index(category.standing),
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
    return bool(later) and (later[0] is category or later[0].standing is Standing.COMPLETE)
