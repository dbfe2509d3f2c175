"""Best overall response over the visits of a patient, with and without confirmation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from lvt_track.core.records import Category, Response

__all__ = ["best_overall_response"]

_RANK = (Category.CR, Category.PR, Category.SD, Category.NON_CR_NON_PD, Category.PD)


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
        CR, PR, SD, Non-CR/Non-PD, PD or NE.
    """
    if not responses:
        return Category.NE
    start = responses[0].date
    seen: list[tuple[dt.date, Category]] = []
    for response in responses[1:]:
        category = Category(response.category)
        seen.append((response.date, category))
        if category is Category.PD:
            break
    counted = [
        _counted(k, seen, start, stable_after_days, confirm_after_days) for k in range(len(seen))
    ]
    return min(
        (category for category in counted if category in _RANK),
        key=_RANK.index,
        default=Category.NE,
    )


def _counted(
    k: int,
    seen: Sequence[tuple[dt.date, Category]],
    start: dt.date,
    stable_after_days: int,
    confirm_after_days: int | None,
) -> Category:
    """What a visit is worth for the best response."""
    date, category = seen[k]
    if category in (Category.CR, Category.PR) and confirm_after_days is not None:
        later = [
            other
            for day, other in seen[k + 1 :]
            if (day - date).days >= confirm_after_days and other is not Category.NE
        ]
        if later[:1] == [Category.CR] or later[:1] == [category]:
            return category
        category = Category.SD
    if category in (Category.SD, Category.NON_CR_NON_PD):
        long_enough = (date - start).days >= stable_after_days
        return category if long_enough else Category.NE
    return category
