"""ADTTE: time to progression, duration of response and, with ADSL, survival."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lvt_track.core.response.categories import Standing
from lvt_track.core.response.response import Response
from lvt_track.response.adam.adrs import first_progression, first_response
from lvt_track.response.adam.subjects import RECORD_COLUMNS, Record, Subject, numbered
from lvt_track.response.standings import standing_of

__all__ = ["ADTTE_COLUMNS", "adtte_records"]

ADTTE_COLUMNS = (
    *RECORD_COLUMNS,
    "AVAL",
    "AVALU",
    "STARTDT",
    "ADT",
    "CNSR",
    "EVNTDESC",
    "CNSDTDSC",
)
_GROUP = "Time to Event"


@dataclass(frozen=True)
class _End:
    """When a time ends, and by what; censored where that is no event."""

    date: dt.date
    why: str
    is_event: bool = False


def adtte_records(subjects: Sequence[Subject]) -> list[Record]:
    """Records by the names of `ADTTE_COLUMNS`.

    TTP for all, RSD for those who responded; where ADSL is known also PFS and OS, and a death
    ends RSD too. Days count the first and the last, as ADaM does. A time without an event ends
    with the last visit before progression that could be judged, OS with the last day known alive.
    """
    return numbered(record for subject in subjects for record in _of_subject(subject))


def _of_subject(subject: Subject) -> Iterator[Record]:
    start = subject.start
    if start is None:
        return
    later = subject.responses[1:]
    progressed = first_progression(later)
    progression = None if progressed is None else _End(progressed.date, "Disease Progression", True)
    begun = "Baseline" if subject.enrolment is None else "Randomization or Treatment Start"
    censored = _last_judged(later) or _End(start, f"{begun}, No Evaluable Assessment")
    yield _timed(subject, ("TTP", "Time to Progression"), start, progression or censored)
    enrolment = subject.enrolment
    death = None
    if enrolment is not None and enrolment.death is not None:
        death = _End(enrolment.death, "Death", True)
    events = [event for event in (progression, death) if event is not None]
    first = min(events, key=lambda event: event.date, default=censored)
    if enrolment is not None:
        yield _timed(subject, ("PFS", "Progression Free Survival"), start, first)
        alive = enrolment.last_alive
        if death is not None or alive is not None:
            end = death or _End(alive or start, "Alive During Study")
            yield _timed(subject, ("OS", "Overall Survival"), start, end)
    response = first_response(later)
    if response is not None:
        yield _timed(subject, ("RSD", "Duration of Response"), response.date, first)


def _last_judged(responses: Sequence[Response]) -> _End | None:
    known = [one for one in responses if standing_of(one) is not Standing.UNKNOWN]
    return _End(known[-1].date, "Last Evaluable Assessment") if known else None


def _timed(subject: Subject, parameter: tuple[str, str], start: dt.date, end: _End) -> Record:
    return {
        **subject.record(*parameter, _GROUP),
        "AVAL": (end.date - start).days + 1,
        "AVALU": "DAYS",
        "STARTDT": start.isoformat(),
        "ADT": end.date.isoformat(),
        "CNSR": int(not end.is_event),
        "EVNTDESC" if end.is_event else "CNSDTDSC": end.why,
    }
