"""Which size is compared with which at each visit, also where one side has split or merged."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from lvt_track.agreement.strands import Strand, diameter_mm, organ_of_strand
from lvt_track.core.geometry import FloatArray
from lvt_track.core.response.assessment import Assessment, Status

__all__ = ["REACH_MM", "VisitPair", "nearest_share", "pair_visits"]

REACH_MM = 10.0
"""Two readers click up to so far from each other's centre in a lesion, beside its own radius."""

_FORBIDDEN = 1e6

_Rows = tuple[Assessment, ...]


@dataclass(frozen=True)
class VisitPair:
    """What both sides measured of one lesion at one visit.

    Attributes:
        date: of the visit.
        lesion: the reader's name for it, as it began.
        reader, computed: the rows whose sizes, added up, are compared: one each, or the pieces
            that the other side measured as one.
        by: how these rows were matched: `lesion` through all visits, or `place` at this one.
    """

    date: dt.date
    lesion: str
    reader: _Rows
    computed: _Rows
    by: str = "lesion"


def pair_visits(
    reader: Mapping[str, Strand], computed: Mapping[str, Strand], partners: Mapping[str, str]
) -> tuple[VisitPair, ...]:
    """Pair the rows of lesions that are one, visit by visit, then what is left over by place.

    Args:
        reader, computed: the lesions of both sides.
        partners: our lesion by the reader's.

    Returns:
        By the reader's lesion and date; no row is in two of them.
    """
    pairs: list[VisitPair] = []
    dates = {date for strand in reader.values() for date in strand}
    dates &= {date for strand in computed.values() for date in strand}
    for date in sorted(dates):
        at_date: list[VisitPair] = []
        for names in _sharing(computed, partners, date):
            left = _measured(reader, names, date)
            right = _measured(computed, [partners[name] for name in names], date)
            at_date += _match(date, names[0], left, right)
        at_date += _left_over(reader, computed, at_date, date)
        pairs += at_date
    return tuple(sorted(pairs, key=lambda pair: (pair.lesion, pair.date)))


def nearest_share(a: Sequence[Assessment], b: Sequence[Assessment]) -> float | None:
    """The least distance between rows of two sides, over how far it may be; None without places."""
    shares = [share for p in a for q in b if (share := _share(p, q)) is not None]
    return min(shares, default=None)


def _share(a: Assessment, b: Assessment) -> float | None:
    distance_mm = _distance_mm(a, b)
    if distance_mm is None:
        return None
    radius_mm = max(a.long_axis_mm or 0.0, b.long_axis_mm or 0.0) / 2
    return distance_mm / (REACH_MM + radius_mm)


def _distance_mm(a: Assessment, b: Assessment) -> float | None:
    if a.position_mm is None or b.position_mm is None:
        return None
    return float(np.linalg.norm(np.subtract(a.position_mm, b.position_mm)))


def _sharing(
    computed: Mapping[str, Strand], partners: Mapping[str, str], date: dt.date
) -> list[list[str]]:
    """The reader's paired lesions, those together whose partners have merged at this visit."""
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for name in sorted(partners):
        rows = computed[partners[name]].get(date, ())
        joined = [row.derived_from for row in rows if len(row.derived_from) > 1]
        merged = frozenset(part for parts in joined for part in parts)
        groups[merged or frozenset([partners[name]])].append(name)
    return list(groups.values())


def _measured(side: Mapping[str, Strand], names: Sequence[str], date: dt.date) -> list[Assessment]:
    """The rows of lesions at a visit that have a size, each once, by name."""
    rows = {row.lesion: row for name in names for row in side[name].get(date, ())}
    return [row for _, row in sorted(rows.items()) if _is_sized(row)]


def _is_sized(row: Assessment) -> bool:
    sizes = (row.long_axis_mm, row.short_axis_mm, row.volume_ml)
    return row.status not in (Status.ABSENT, Status.NOT_DONE) and any(sizes)


def _match(
    date: dt.date, lesion: str, left: list[Assessment], right: list[Assessment]
) -> list[VisitPair]:
    """Pair rows one to one; what is left of the longer side joins what the other measured whole."""
    if not left or not right:
        return []
    has_places = all(row.position_mm is not None for row in (*left, *right))
    if not has_places and len(left) != len(right):
        # Nothing tells which piece is which: the sums of both sides are of the same tissue.
        return [VisitPair(date, lesion, tuple(left), tuple(right))]
    matched = _by_place(left, right) if has_places else _by_size(left, right)
    pairs = [([left[i]], [right[j]]) for i, j in matched]
    for row in left:
        if not any(row in pair[0] for pair in pairs):
            _join(row, pairs, (0, 1))
    for row in right:
        if not any(row in pair[1] for pair in pairs):
            _join(row, pairs, (1, 0))
    return [VisitPair(date, lesion, tuple(a), tuple(b)) for a, b in pairs]


def _by_place(left: Sequence[Assessment], right: Sequence[Assessment]) -> list[tuple[int, int]]:
    costs: FloatArray = np.array([[_share(a, b) or 0.0 for b in right] for a in left])
    # Paired lesions are one; beyond the limit of place, sizes still are of it if it is alone.
    allowed = costs <= 1.0 if len(left) + len(right) > 2 else np.ones_like(costs, dtype=bool)
    costs = np.where(allowed, costs, _FORBIDDEN)
    chosen = np.stack(linear_sum_assignment(costs), axis=1).tolist()
    return [(i, j) for i, j in chosen if costs[i, j] < _FORBIDDEN]


def _by_size(left: Sequence[Assessment], right: Sequence[Assessment]) -> list[tuple[int, int]]:
    def order(rows: Sequence[Assessment]) -> list[int]:
        return sorted(range(len(rows)), key=lambda k: -(diameter_mm([rows[k]]) or 0.0))

    return list(zip(order(left), order(right), strict=True))


def _join(
    row: Assessment,
    pairs: list[tuple[list[Assessment], list[Assessment]]],
    sides: tuple[int, int],
) -> None:
    """Add a piece to the pair whose other side, one lesion, reaches over its middle."""
    side, other = sides
    for pair in pairs:
        if len(pair[other]) == 1:
            whole = pair[other][0]
            distance_mm = _distance_mm(row, whole)
            if distance_mm is not None and distance_mm <= (whole.long_axis_mm or 0.0) / 2:
                pair[side].append(row)
                return


def _left_over(
    reader: Mapping[str, Strand],
    computed: Mapping[str, Strand],
    pairs: Sequence[VisitPair],
    date: dt.date,
) -> list[VisitPair]:
    """Rows at one visit that no lesion has paired, where they lie together in one organ."""
    taken = {row.lesion for pair in pairs for row in pair.reader}
    taken_computed = {row.lesion for pair in pairs for row in pair.computed}
    left = [
        (name, row)
        for name in reader
        for row in _measured(reader, [name], date)
        if row.lesion not in taken and row.position_mm is not None
    ]
    right = [
        (name, row)
        for name in computed
        for row in _measured(computed, [name], date)
        if row.lesion not in taken_computed and row.position_mm is not None
    ]
    if not left or not right:
        return []
    costs: FloatArray = np.full((len(left), len(right)), _FORBIDDEN)
    for i, (name, a) in enumerate(left):
        for j, (other, b) in enumerate(right):
            organs = {organ_of_strand(reader[name]), organ_of_strand(computed[other])} - {None}
            share = _share(a, b)
            if share is not None and share <= 1.0 and len(organs) < 2:
                costs[i, j] = share
    return [
        VisitPair(date, left[i][0], (left[i][1],), (right[j][1],), "place")
        for i, j in np.stack(linear_sum_assignment(costs), axis=1).tolist()
        if costs[i, j] < _FORBIDDEN
    ]
