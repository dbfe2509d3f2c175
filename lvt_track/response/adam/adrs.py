"""ADRS: the response of every visit, and what follows from it for a patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lvt_track.core.response.categories import Category, Standing
from lvt_track.core.response.response import Response
from lvt_track.response.adam.subjects import RECORD_COLUMNS, Record, Subject, numbered
from lvt_track.response.best import best_overall_response
from lvt_track.response.standings import category_of, standing_of
from lvt_track.response.tables.answers import cdisc_term

__all__ = ["ADRS_COLUMNS", "adrs_records", "first_response"]

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
# As admiralonco numbers them; progression that awaits confirmation has no number there.
_VALUES = {
    Standing.COMPLETE: 1,
    Standing.PARTIAL: 2,
    Standing.STABLE: 3,
    Standing.NEITHER: 4,
    Standing.PROGRESSION: 5,
    Standing.UNKNOWN: 6,
}
_RESPONSES = (Standing.COMPLETE, Standing.PARTIAL)
_STABLE = (Standing.STABLE, Standing.NEITHER)


def adrs_records(subjects: Sequence[Subject]) -> list[Record]:
    """Records by the names of `ADRS_COLUMNS`.

    PARAMCD is OVR (each visit), PD, RSP, BOR, CBOR (confirmed after 28 days) and LSTA (the last
    assessment). Stable disease counts for BOR from 42 days on.
    """
    return numbered(record for subject in subjects for record in _of_subject(subject))


def first_response(responses: Sequence[Response]) -> Response | None:
    """The first complete or partial response before progression."""
    return next((one for one in _until_progression(responses) if _is_response(one)), None)


def _of_subject(subject: Subject) -> Iterator[Record]:
    later = subject.responses[1:]
    for response in later:
        yield _judged(subject, "OVR", "Overall Response", category_of(response), response)
    progressed = next((r for r in later if standing_of(r) is Standing.PROGRESSION), None)
    yield _flag(subject, "PD", "Disease Progression", progressed)
    responded = first_response(later)
    yield _flag(subject, "RSP", "Response (confirmation not required)", responded)
    best = best_overall_response(subject.responses)
    words = "Best Overall Response (confirmation not required)"
    yield _judged(subject, "BOR", words, best, _shown(best, later))
    best = best_overall_response(subject.responses, confirm_after_days=CONFIRM_DAYS)
    words = "Best Confirmed Overall Response"
    yield _judged(subject, "CBOR", words, best, _shown(best, later))
    if later:
        last = later[-1]
        yield _judged(subject, "LSTA", "Last Disease Assessment", category_of(last), last)


def _judged(
    subject: Subject, code: str, words: str, category: Category, shown: Response | None
) -> Record:
    """A category, with the day of the visit that shows it."""
    return {
        **subject.record(code, words, _GROUP),
        "AVALC": cdisc_term(category),
        "AVAL": _VALUES.get(category.standing),
        **(subject.timing(shown.date) if shown else {}),
        "ANL01FL": "Y",
    }


def _flag(subject: Subject, code: str, words: str, shown: Response | None) -> Record:
    """Whether something was seen, with the day of the first visit that shows it."""
    return {
        **subject.record(code, words, _GROUP),
        "AVALC": "Y" if shown else "N",
        "AVAL": int(shown is not None),
        **(subject.timing(shown.date) if shown else {}),
        "ANL01FL": "Y",
    }


def _shown(best: Category, later: Sequence[Response]) -> Response | None:
    """The first visit that showed the best response, or a response that was not confirmed."""
    shown = next((one for one in _until_progression(later) if one.category == best), None)
    return first_response(later) if shown is None and best.standing in _STABLE else shown


def _until_progression(responses: Sequence[Response]) -> Iterator[Response]:
    """The later visits up to the first that shows progression, that one included."""
    for response in responses:
        yield response
        if standing_of(response) is Standing.PROGRESSION:
            return


def _is_response(response: Response) -> bool:
    return standing_of(response) in _RESPONSES
