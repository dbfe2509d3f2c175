"""A course beside the radiologist's own table: lesions paired, sizes and responses compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lvt_track.agreement.pairing import Pairing, pair_lesions
from lvt_track.agreement.records import (
    ComparedPatient,
    JudgedVisit,
    PairedSize,
    Quantity,
    UnpairedSize,
)
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.response.response import Response

__all__ = ["Judge", "compare", "judged_visits"]

SIZES: Mapping[Quantity, str] = {
    Quantity.LONG_AXIS: "long_axis_mm",
    Quantity.SHORT_AXIS: "short_axis_mm",
    Quantity.VOLUME: "volume_ml",
}


@dataclass(frozen=True)
class Judge:
    """How responses are judged; the rules are not this room's.

    Attributes:
        criterion: its name.
        respond: responses from the rows of one patient; none where they cannot be judged.
        targets: the rows of a first visit that are its targets.
    """

    criterion: str
    respond: Callable[[Sequence[Assessment]], tuple[Response, ...]]
    targets: Callable[[Sequence[Assessment]], Sequence[Assessment]]


def compare(
    theirs: Sequence[Assessment],
    ours: Sequence[Assessment],
    responses: Sequence[Response],
    judge: Judge,
) -> tuple[Pairing, ComparedPatient]:
    """Pair the lesions of one patient, and hold sizes, sums and responses against each other.

    Args:
        theirs, ours: rows of both sides.
        responses: ours, at every visit.
        judge: by whose rules sums and responses are formed.
    """
    pairing = pair_lesions(theirs, ours)
    dates = {row.date for row in ours}
    return pairing, ComparedPatient(
        sizes=(*_paired_sizes(pairing), *_paired_sums(pairing, theirs, ours, judge)),
        unpaired=tuple(_unpaired(pairing, theirs, ours, dates)),
        visits=judged_visits(responses, theirs, judge),
    )


def judged_visits(
    responses: Sequence[Response], theirs: Sequence[Assessment], judge: Judge
) -> tuple[JudgedVisit, ...]:
    """The responses at the visits that both sides have.

    Args:
        responses: ours, of one patient; those by other criteria are passed over.
        theirs: the reader's rows of that patient.
        judge: of both.
    """
    ours = {r.date: r for r in responses if r.criterion == judge.criterion}
    return tuple(
        JudgedVisit(
            date=response.date,
            reader_sum_mm=response.sum_mm,
            sum_mm=ours[response.date].sum_mm,
            reader_category=response.category,
            category=ours[response.date].category,
        )
        for response in judge.respond(theirs)
        if response.date in ours
    )


def _paired_sizes(pairing: Pairing) -> Iterator[PairedSize]:
    """Sizes that both gave, by quantity, lesion and date; pieces are added up."""
    # What a reader names anew is no other lesion, if ours of that place is already paired.
    known = {
        row.lesion: pair.reader
        for pair in reversed(pairing.pairs)
        for rows in pairing.computed_strands[pair.computed].values()
        for row in rows
    }
    for quantity, field in SIZES.items():
        for pair in pairing.visits:
            x, y = _added(pair.reader, field), _added(pair.computed, field)
            if x is not None and y is not None:
                names = [
                    " + ".join(row.lesion for row in rows) for rows in (pair.reader, pair.computed)
                ]
                cluster = pair.lesion
                if pair.by == "place":
                    cluster = known.get(pair.computed[0].lesion, pair.lesion)
                yield PairedSize(pair.date, quantity, names[0], names[1], x, y, cluster)


def _added(rows: Sequence[Assessment], field: str) -> float | None:
    values = [getattr(row, field) for row in rows]
    return sum(values) if values and all(value is not None for value in values) else None


def _unpaired(
    pairing: Pairing,
    theirs: Sequence[Assessment],
    ours: Sequence[Assessment],
    dates: set[dt.date],
) -> Iterator[UnpairedSize]:
    """Sizes at common visits that enter no comparison, of the reader first."""
    compared: set[tuple[bool, str, dt.date, Quantity]] = set()
    for quantity, field in SIZES.items():
        for pair in pairing.visits:
            if _added(pair.reader, field) is not None and _added(pair.computed, field) is not None:
                for is_readers, rows in ((True, pair.reader), (False, pair.computed)):
                    compared |= {(is_readers, row.lesion, pair.date, quantity) for row in rows}
    has = {q: any(getattr(row, f) is not None for row in theirs) for q, f in SIZES.items()}
    common = dates & {row.date for row in theirs}
    for is_readers, side in ((True, theirs), (False, ours)):
        for quantity, field in SIZES.items():
            for row in sorted(side, key=lambda row: (row.lesion, row.date)):
                value = getattr(row, field)
                key = (is_readers, row.lesion, row.date, quantity)
                is_comparable = has[quantity] and row.date in common
                if value is not None and is_comparable and key not in compared:
                    yield UnpairedSize(row.date, quantity, row.lesion, value, is_readers)


def _paired_sums(
    pairing: Pairing, theirs: Sequence[Assessment], ours: Sequence[Assessment], judge: Judge
) -> Iterator[PairedSize]:
    """Sums of diameters of the same lesions: those of the reader's targets that are paired.

    Sums of 0 are left out: they have no difference in percent.
    """
    dates = {row.date for row in theirs} & {row.date for row in ours}
    if not dates:
        return
    start = min(dates)
    compared = [row for row in theirs if row.date in dates]
    partner = {pair.reader: pair.computed for pair in pairing.pairs}
    measured = {row.lesion for row in ours if row.date == start and row.status is Status.MEASURED}
    targets = judge.targets([row for row in compared if row.date == start])
    names = sorted(row.lesion for row in targets if partner.get(row.lesion) in measured)
    if not names:
        return
    partners = [partner[name] for name in names]
    reader_mm = _sums_mm(compared, set(names), judge)
    computed_mm = _sums_mm([row for row in ours if row.date in dates], set(partners), judge)
    joined = " + ".join(names), " + ".join(partners)
    for date in sorted(reader_mm.keys() & computed_mm.keys()):
        yield PairedSize(date, Quantity.SUM, *joined, reader_mm[date], computed_mm[date], joined[0])


def _sums_mm(rows: Sequence[Assessment], targets: set[str], judge: Judge) -> dict[dt.date, float]:
    """Sums of diameters above 0 by date, when these lesions are the targets and no others."""
    chosen = []
    for row in rows:
        role = None if row.role is Role.TARGET else row.role
        chosen.append(replace(row, role=Role.TARGET if row.lesion in targets else role))
    sums = judge.respond(chosen)
    return {response.date: response.sum_mm for response in sums if response.sum_mm}
