"""All criteria, by the names of the command line."""

from __future__ import annotations

from collections.abc import Mapping

from lvt_track.errors import UsageError
from lvt_track.response.criteria.choi import CHOI
from lvt_track.response.criteria.easl import EASL
from lvt_track.response.criteria.irecist import IRECIST
from lvt_track.response.criteria.mrecist import MRECIST
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.criteria.total_volume import TOTAL_VOLUME
from lvt_track.response.criteria.volumetric import VOLUME
from lvt_track.response.timepoints.criterion import Criterion

__all__ = ["CRITERIA", "DEFAULT_CRITERIA", "criteria_named"]

CRITERIA: Mapping[str, Criterion] = {
    "recist1.1": RECIST_1_1,
    "mrecist": MRECIST,
    "volume": VOLUME,
    "irecist": IRECIST,
    "easl": EASL,
    "choi": CHOI,
    **{f"tumorvolume{percent}": criterion for percent, criterion in TOTAL_VOLUME.items()},
}
"""The criteria by the names of the command line."""

DEFAULT_CRITERIA = "recist1.1,volume"
"""What a course is judged by where nothing is asked for."""


def criteria_named(text: str) -> tuple[Criterion, ...]:
    """The criteria of a list such as `recist1.1,volume`; each once, in the order given.

    Raises:
        UsageError: for a criterion that is not known, or where none is named.
    """
    names = list(dict.fromkeys(w.strip().lower() for w in text.split(",") if w.strip()))
    unknown = [name for name in names if name not in CRITERIA]
    if unknown or not names:
        what = f"criterion {unknown[0]!r} is not known" if unknown else "no criterion is named"
        raise UsageError(what, remedy=f"Choose {', '.join(CRITERIA)}")
    return tuple(CRITERIA[name] for name in names)
