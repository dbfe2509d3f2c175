"""ADTTE: time to progression, and duration of response."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from lvt_track.response.adam.adrs import first_response
from lvt_track.response.adam.subjects import RECORD_COLUMNS, Record, Subject, numbered
from lvt_track.response.survival import FollowUp, progression

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
_NOBODY = FollowUp(0, False)


def adtte_records(subjects: Sequence[Subject]) -> list[Record]:
    """Records by the names of `ADTTE_COLUMNS`: TTP for all, RSD for those who responded.

    Scans know of no death: progression-free and overall survival need it added. Days count the
    first and the last, as ADaM does.
    """
    return numbered(record for subject in subjects for record in _of_subject(subject))


def _of_subject(subject: Subject) -> Iterator[Record]:
    until = progression(subject.responses) or _NOBODY
    yield _timed(subject, ("TTP", "Time to Progression"), subject.start, until)
    response = first_response(subject.responses[1:])
    if response is not None:
        yield _timed(subject, ("RSD", "Duration of Response"), response.date, until)


def _timed(subject: Subject, parameter: tuple[str, str], start: dt.date, until: FollowUp) -> Record:
    end = subject.start + dt.timedelta(days=until.days)
    record: Record = {
        **subject.record(*parameter, _GROUP),
        "AVAL": (end - start).days + 1,
        "AVALU": "DAYS",
        "STARTDT": start.isoformat(),
        "ADT": end.isoformat(),
        "CNSR": int(not until.progressed),
    }
    if until.progressed:
        return {**record, "EVNTDESC": "Disease Progression"}
    described = "Last Evaluable Assessment" if until.days else "Baseline, No Evaluable Assessment"
    return {**record, "CNSDTDSC": described}
