"""ADRS: the response of every visit, and what follows from it for a patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lvt_track.core.response.categories import Category, Standing
from lvt_track.core.response.response import Response
from lvt_track.response.adam.subjects import RECORD_COLUMNS, Record, Subject, numbered
from lvt_track.response.best import (
    BestRules,
    best_visit,
    is_confirmed,
    is_response,
    until_progression,
)
from lvt_track.response.standings import category_of, standing_of
from lvt_track.response.tables.answers import cdisc_term

__all__ = ["ADRS_COLUMNS", "CONFIRM_DAYS", "adrs_records", "first_progression", "first_response"]

ADRS_COLUMNS = (
    *RECORD_COLUMNS,
    "AVALC",
    "AVAL",
    "ADT",
    "ADY",
    "AVISITN",
    "AVISIT",
    "ANL01FL",
)
CONFIRM_DAYS = 28
_GROUP = "Tumor Response"
_MISSING = "MISSING"
# As admiralonco numbers them; progression that awaits confirmation has no number there.
_VALUES = {
    Standing.COMPLETE: 1,
    Standing.PARTIAL: 2,
    Standing.STABLE: 3,
    Standing.NEITHER: 4,
    Standing.PROGRESSION: 5,
    Standing.UNKNOWN: 6,
}
_MISSING_VALUE = 7
_STABLE = (Standing.STABLE, Standing.NEITHER)


def adrs_records(subjects: Sequence[Subject], rules: BestRules | None = None) -> list[Record]:
    """Records by the names of `ADRS_COLUMNS`, as admiralonco's basic template derives them.

    PARAMCD is OVR (each visit), PD, RSP, CB, BOR, BCP (response without confirmation, clinical
    benefit, best response, whether that is CR or PR), CRSP, CCB, CBOR, CBCP (the same with
    confirmation), LSTA (the last assessment), MDIS (measurable at baseline) and, where ADSL is
    known, DEATH.

    Args:
        subjects: of whom.
        rules: of the protocol; confirmed after `CONFIRM_DAYS` where they say no other number.
    """
    rules = rules or BestRules()
    return numbered(record for subject in subjects for record in _of_subject(subject, rules))


def first_response(responses: Sequence[Response]) -> Response | None:
    """The first complete or partial response before progression."""
    return next((one for one in until_progression(responses) if is_response(one)), None)


def first_progression(responses: Sequence[Response]) -> Response | None:
    """The first visit that shows progression."""
    return next((one for one in responses if standing_of(one) is Standing.PROGRESSION), None)


def _of_subject(subject: Subject, rules: BestRules) -> Iterator[Record]:
    later = subject.responses[1:]
    for response in later:
        yield _judged(subject, ("OVR", "Overall Response"), category_of(response), response)
    progressed = first_progression(later)
    yield _flag(subject, ("PD", "Disease Progression"), progressed)
    without = replace(rules, confirm_after_days=None)
    yield from _summary(subject, _NAMES, without)
    confirmed = replace(rules, confirm_after_days=_confirm_days(rules))
    yield from _summary(subject, _CONFIRMED_NAMES, confirmed)
    if later:
        names = ("LSTA", "Last Disease Assessment")
        yield _judged(subject, names, category_of(later[-1]), later[-1])
    measurable = next(iter(subject.responses[:1]), None)
    if measurable is not None and measurable.nadir is None:
        measurable = None
    yield _flag(subject, ("MDIS", "Measurable Disease at Baseline"), measurable)
    if subject.enrolment is not None:
        yield _death(subject)


_NAMES = (
    ("RSP", "Response (confirmation not required)"),
    ("CB", "Clinical Benefit (confirmation for response not required)"),
    ("BOR", "Best Overall Response (confirmation not required)"),
    ("BCP", "Best Overall Response of CR/PR (confirmation not required)"),
)
_CONFIRMED_NAMES = (
    ("CRSP", "Confirmed Response"),
    ("CCB", "Confirmed Clinical Benefit"),
    ("CBOR", "Best Confirmed Overall Response"),
    ("CBCP", "Best Confirmed Overall Response of CR/PR"),
)


def _confirm_days(rules: BestRules) -> int:
    return CONFIRM_DAYS if rules.confirm_after_days is None else rules.confirm_after_days


def _summary(
    subject: Subject, names: Sequence[tuple[str, str]], rules: BestRules
) -> Iterator[Record]:
    """Response, clinical benefit, best response and whether that is a response, by rules."""
    response_name, benefit_name, best_name, answer_name = names
    seen = list(until_progression(subject.responses[1:]))
    responded = next(
        (r for k, r in enumerate(seen) if is_response(r) and is_confirmed(seen[k:], rules)), None
    )
    yield _flag(subject, response_name, responded)
    lasting = next((r for r in seen if _is_lasting(r, subject, rules)), None)
    both = [one for one in (responded, lasting) if one is not None]
    yield _flag(subject, benefit_name, min(both, key=lambda one: one.date, default=None))
    best, shown = best_visit(subject.responses, rules, subject.start)
    yield _judged(subject, best_name, best, shown)
    yield _flag(subject, answer_name, shown if best.standing not in _NO_ANSWER else None)


_NO_ANSWER = frozenset(Standing) - {Standing.COMPLETE, Standing.PARTIAL}


def _is_lasting(response: Response, subject: Subject, rules: BestRules) -> bool:
    """Whether a visit that shows no progression is late enough for stable disease."""
    if subject.start is None or not (is_response(response) or standing_of(response) in _STABLE):
        return False
    return (response.date - subject.start).days >= rules.stable_after_days


def _judged(
    subject: Subject, names: tuple[str, str], category: Category, shown: Response | None
) -> Record:
    """A category, with the day of the visit that shows it; MISSING where no visit does."""
    return {
        **subject.record(*names, _GROUP),
        "AVALC": _MISSING if shown is None else cdisc_term(category),
        "AVAL": _MISSING_VALUE if shown is None else _VALUES.get(category.standing),
        **(subject.timing(shown.date) if shown else {}),
        "ANL01FL": "Y",
    }


def _flag(subject: Subject, names: tuple[str, str], shown: Response | None) -> Record:
    """Whether something was seen, with the day of the first visit that shows it."""
    return {
        **subject.record(*names, _GROUP),
        "AVALC": "Y" if shown else "N",
        "AVAL": int(shown is not None),
        **(subject.timing(shown.date) if shown else {}),
        "ANL01FL": "Y",
    }


def _death(subject: Subject) -> Record:
    died = None if subject.enrolment is None else subject.enrolment.death
    return {
        **subject.record("DEATH", "Death", "Reference Event"),
        "AVALC": "N" if died is None else "Y",
        "AVAL": int(died is not None),
        **({} if died is None else subject.timing(died)),
        "ANL01FL": "Y",
    }
