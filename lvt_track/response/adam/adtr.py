"""ADTR: the sum over the target lesions at every visit, against baseline and nadir."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lvt_track.core.response.categories import Standing
from lvt_track.core.response.response import Response
from lvt_track.response.adam.subjects import RECORD_COLUMNS, Record, Subject, numbered
from lvt_track.response.standings import standing_of

__all__ = ["ADTR_COLUMNS", "adtr_records"]

ADTR_COLUMNS = (
    *RECORD_COLUMNS,
    "AVAL",
    "AVALU",
    "ADT",
    "ADY",
    "AVISITN",
    "AVISIT",
    "ABLFL",
    "BASE",
    "CHG",
    "PCHG",
    "NADIR",
    "CHGNAD",
    "PCHGNAD",
    "PDFL",
    "ANL01FL",
)
_GROUP = "Target Lesion(s)"
_PARAMETERS = {
    "mm": ("SDIAM", "Target Lesions Sum of Diameters"),
    "mL": ("SVOL", "Target Lesions Sum of Volumes"),
    "mm²": ("SPROD", "Target Lesions Sum of Products of Diameters"),
}


def adtr_records(subjects: Sequence[Subject]) -> list[Record]:
    """Records by the names of `ADTR_COLUMNS`: SDIAM, SVOL or SPROD by the criterion's sum.

    A visit whose sum cannot be formed has a record without AVAL and ANL01FL.
    """
    return numbered(record for subject in subjects for record in _of_subject(subject))


def _of_subject(subject: Subject) -> Iterator[Record]:
    base = subject.responses[0].total if subject.responses else None
    if base is None:
        return
    for number, response in enumerate(subject.responses):
        yield {
            **subject.record(*_PARAMETERS[response.unit], _GROUP),
            "AVAL": response.total,
            "AVALU": response.unit,
            **subject.timing(response.date),
            "ABLFL": None if number else "Y",
            "BASE": base,
            "PDFL": "Y" if standing_of(response) is Standing.PROGRESSION else None,
            "ANL01FL": None if response.total is None else "Y",
            **(_changes(response, base) if number else {}),
        }


def _changes(response: Response, base: float) -> Record:
    """Differences from the baseline and from the nadir before the visit; percents as judged."""
    total, nadir = response.total, response.nadir
    return {
        "CHG": None if total is None else round(total - base, 6),
        "PCHG": response.change_from_baseline_percent,
        "NADIR": nadir,
        "CHGNAD": None if total is None or nadir is None else round(total - nadir, 6),
        "PCHGNAD": response.change_from_nadir_percent,
    }
