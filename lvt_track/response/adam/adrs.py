"""ADRS: the response of every visit, and what follows from it for a patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lvt_track.core.response.categories import Category, Standing
from lvt_track.core.response.response import Response
from lvt_track.response.adam.subjects import RECORD_COLUMNS, Record, Subject, numbered
from lvt_track.response.best import best_overall_response
from lvt_track.response.standings import standing_of
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
        yield _judged(subject, "OVR", "Overall Response", response)
    progressed = next((r for r in later if standing_of(r) is Standing.PROGRESSION), None)
    yield _flag(subject, "PD", "Disease Progression", progressed)
    responded = first_response(later)
    yield _flag(subject, "RSP", "Response (confirmation not required)", responded)
    best = best_overall_response(subject.responses)
    yield _best(subject, "BOR", "Best Overall Response (confirmation not required)", best)
    confirmed = best_overall_response(subject.responses, confirm_after_days=CONFIRM_DAYS)
    yield _best(subject, "CBOR", "Best Confirmed Overall Response", confirmed)
    if later:
        yield _judged(subject, "LSTA", "Last Disease Assessment", later[-1])


def _judged(subject: Subject, code: str, words: str, response: Response) -> Record:
    return {
        **subject.record(code, words, _GROUP),
        "AVALC": cdisc_term(response.category),
        "AVAL": _VALUES.get(standing_of(response)),
        **subject.timing(response.date),
        "ANL01FL": "Y",
    }


def _flag(subject: Subject, code: str, words: str, response: Response | None) -> Record:
    return {
        **subject.record(code, words, _GROUP),
        "AVALC": "Y" if response else "N",
        "AVAL": int(response is not None),
        **(subject.timing(response.date) if response else {}),
        "ANL01FL": "Y",
    }


def _best(subject: Subject, code: str, words: str, best: Category) -> Record:
    """The best response, at the first visit that showed it, or a response not confirmed."""
    later = subject.responses[1:]
    shown = next((one for one in _until_progression(later) if one.category == best), None)
    if shown is None and best.standing in _STABLE:
        shown = first_response(later)
    return {
        **subject.record(code, words, _GROUP),
        "AVALC": cdisc_term(best),
        "AVAL": _VALUES.get(best.standing),
        **(subject.timing(shown.date) if shown else {}),
        "ANL01FL": "Y",
    }


def _until_progression(responses: Sequence[Response]) -> Iterator[Response]:
    """The later visits up to the first that shows progression, that one included."""
    for response in responses:
        yield response
        if standing_of(response) is Standing.PROGRESSION:
            return


def _is_response(response: Response) -> bool:
    return standing_of(response) in _RESPONSES
