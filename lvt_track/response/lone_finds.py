"""Categories that rest on one new lesion alone, which a model drew and no reader has confirmed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import replace

from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.core.response.response import Response
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.walk import classify

__all__ = ["with_lone_finds"]


def with_lone_finds(
    responses: Sequence[Response],
    rows: Sequence[Assessment],
    criterion: Criterion,
    drawn: Collection[dt.date],
    by_reader: Collection[str] = (),
) -> tuple[Response, ...]:
    """The responses, each with the new lesion of a model's on which its category rests alone.

    That is so where without it the visit had another category, and where at no visit so far that
    shows it a reader gave or changed the masks.

    Args:
        responses: as `classify` gives them for the rows and the criterion, one per visit.
        rows: of the patient.
        criterion: that judged them.
        drawn: dates of the visits whose tumours a model drew and no reader changed.
        by_reader: names of the lesions that a reader calls new.
    """
    dates = [response.date for response in responses]
    others: dict[str, tuple[Response, ...]] = {}
    result = []
    for k, response in enumerate(responses):
        named = {name.split(".")[0] for name in response.new_lesions}
        name = next(iter(named)) if len(named) == 1 else ""
        of_lesion = [row for row in rows if row.lesion.split(".")[0] == name]
        seen = [r for r in of_lesion if r.date <= response.date and r.status is not Status.ABSENT]
        if name and name not in by_reader and all(row.date in drawn for row in seen):
            if name not in others:
                left = [row for row in rows if row.lesion.split(".")[0] != name]
                others[name] = classify(left, criterion, dates)
            if others[name][k].category != response.category:
                response = _with_lone_find(response, name)
        result.append(response)
    return tuple(result)


def _with_lone_find(response: Response, name: str) -> Response:
    words = (
        f"{response.category} rests on new lesion {name} alone, which a model drew and no reader "
        "has confirmed"
    )
    return replace(response, reason=f"{response.reason}; {words}", lone_find=name)
