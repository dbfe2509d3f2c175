"""Best overall response over the visits of a patient, with and without confirmation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lvt_track.core.response.categories import Category, Standing
from lvt_track.core.response.response import Response
from lvt_track.response.standings import category_of, standing_of

__all__ = [
    "BestRules",
    "best_overall_response",
    "best_visit",
    "is_confirmed",
    "is_response",
    "until_progression",
]

# From best to worst; a progression that was confirmed stands before one that was not.
_RANK = (
    Standing.COMPLETE,
    Standing.PARTIAL,
    Standing.STABLE,
    Standing.NEITHER,
    Standing.PROGRESSION,
    Standing.UNCONFIRMED,
    Standing.UNKNOWN,
)
_RESPONSES = (Standing.COMPLETE, Standing.PARTIAL)
_STABLE = (Standing.STABLE, Standing.NEITHER)


@dataclass(frozen=True)
class BestRules:
    """What a protocol asks of a best response; defaults as admiralonco's, of stable disease as is
    usual.

    Attributes:
        stable_after_days: stable disease counts only where it was seen at least so long after the
            start; 6 weeks is usual.
        confirm_after_days: None for no confirmation, as for randomised trials. Else CR and PR
            count only when a visit at least so many days later confirms them; RECIST asks for
            28. Visits between must show a response too.
        most_not_evaluable: visits between that could not be evaluated and are let pass.
        accepts_stable: whether one stable disease between lets a PR be confirmed.

    Raises:
        ValueError: for a number that is negative.
    """

    stable_after_days: int = 42
    confirm_after_days: int | None = None
    most_not_evaluable: int = 1
    accepts_stable: bool = False

    def __post_init__(self) -> None:
        numbers = (self.stable_after_days, self.confirm_after_days or 0, self.most_not_evaluable)
        if min(numbers) < 0:
            raise ValueError(f"days and visits must not be negative, got {numbers}")


def best_overall_response(
    responses: Sequence[Response], rules: BestRules | None = None, start: dt.date | None = None
) -> Category:
    """Best response from the start until progression (RECIST 1.1, 4.4 and table 3).

    Args:
        responses: of one patient and one criterion, in order of time; the first is the baseline.
        rules: of the protocol.
        start: from which stable disease counts, such as the first day of treatment; by default
            the baseline.

    Returns:
        CR, PR, SD, Non-CR/Non-PD, PD or NE; for iRECIST iCR to iCPD, or iUPD where progression was
        never confirmed.
    """
    return best_visit(responses, rules, start)[0]


def best_visit(
    responses: Sequence[Response], rules: BestRules | None = None, start: dt.date | None = None
) -> tuple[Category, Response | None]:
    """The same with the first visit that counts as it; None where there is no later visit.

    A response that is not confirmed counts as stable disease, and stable disease that is seen too
    early as not evaluable: the visit may show another category than it counts as.
    """
    rules = rules or BestRules()
    if not responses:
        return Category.NE, None
    start = start or responses[0].date
    has_targets = responses[0].nadir is not None
    seen = list(until_progression(responses[1:]))
    best: tuple[Category, Response | None] = Category.NE, None
    for k, response in enumerate(seen):
        category = category_of(response)
        if is_response(response) and not is_confirmed(seen[k:], rules):
            category = category.sibling(Standing.STABLE if has_targets else Standing.NEITHER)
        if category.standing in _STABLE:
            is_early = (response.date - start).days < rules.stable_after_days
            category = Category.NE if is_early else category
        if category.standing not in _RANK:
            continue
        if best[1] is None or _rank(category) < _rank(best[0]):
            best = category, response
    return best


def until_progression(responses: Sequence[Response]) -> Iterator[Response]:
    """The visits up to the first that shows progression, that one included."""
    for response in responses:
        yield response
        if standing_of(response) is Standing.PROGRESSION:
            return


def is_response(response: Response) -> bool:
    """Whether a visit shows a complete or a partial response."""
    return standing_of(response) in _RESPONSES


def is_confirmed(responses: Sequence[Response], rules: BestRules) -> bool:
    """Whether later visits confirm the response of the first, as admiralonco's rules say.

    The first visit after the wait that shows the response, or a complete one, decides: those
    between must show CR (for PR also PR), but for as many as the rules let pass; a PR after a CR
    confirms nothing.

    Args:
        responses: the visit, and all later ones until progression.
        rules: of the protocol; without confirmation every response counts.
    """
    if rules.confirm_after_days is None:
        return True
    first, *later = responses
    accepted = _RESPONSES if standing_of(first) is Standing.PARTIAL else (Standing.COMPLETE,)
    between: list[Standing] = []
    for response in later:
        standing = standing_of(response)
        waited = (response.date - first.date).days >= rules.confirm_after_days
        if waited and standing in accepted:
            return _may_stand_between([*between, standing], accepted, rules)
        between.append(standing)
    return False


def _may_stand_between(
    standings: Sequence[Standing], accepted: Sequence[Standing], rules: BestRules
) -> bool:
    others = [standing for standing in standings if standing not in accepted]
    unknown = others.count(Standing.UNKNOWN)
    stable = others.count(Standing.STABLE)
    most_stable = int(rules.accepts_stable and Standing.PARTIAL in accepted)
    answers = [standing for standing in standings if standing in accepted]
    return (
        len(others) == unknown + stable
        and unknown <= rules.most_not_evaluable
        and stable <= most_stable
        and answers == sorted(answers, key=_RESPONSES.index, reverse=True)
    )


def _rank(category: Category) -> int:
    return _RANK.index(category.standing)
