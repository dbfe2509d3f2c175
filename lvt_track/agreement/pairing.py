"""Which lesion of a reader's table is which of ours, and at each visit which size is which.

Where both sides say where a lesion lies, place decides. Else the sizes over all visits do: two
lists of diameters that rise and fall together are rarely of two lesions; where the reader names
the slice, only among lesions near it. Each is one assignment over all lesions, so that no lesion
is given away twice. A lesion is what it began as, with all its later pieces and mergers, and never
pairs with one of another organ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from lvt_track.agreement.strands import Strand, diameter_mm, organ_of_strand, strands
from lvt_track.agreement.visit_pairs import REACH_MM, VisitPair, nearest_share, pair_visits
from lvt_track.core.geometry import FloatArray
from lvt_track.core.response.assessment import Assessment

__all__ = ["LesionPair", "Pairing", "pair_lesions"]

# Root mean square of log ratios: two readers differ by 0.12 (limits of -22 to +25 %), and three
# times that is no longer one lesion.
_WIDEST_LOG_RATIO = 0.36

# Added to diameters before ratios are taken, so that an absent lesion has one too.
_FLOOR_MM = 3.0

_FORBIDDEN = 1e6

_Cost = Callable[[Strand, Strand], float | None]


@dataclass(frozen=True)
class LesionPair:
    """One lesion under both its names.

    Attributes:
        reader, computed: its name in the reader's table and in ours, as it began.
        confidence: 1 where nothing else comes near, 0 at the limit or where another fits as well.
        by: `place`, `slice and size` or `size`.
    """

    reader: str
    computed: str
    confidence: float
    by: str


@dataclass(frozen=True)
class Pairing:
    """All lesions of both sides: paired, or left over.

    Attributes:
        pairs: by name of the reader.
        only_reader, only_computed: names that found no partner at any visit.
        reader_strands, computed_strands: the rows of every lesion by visit.
        visits: what is compared at each visit, by lesion of the reader and date.
        single: names of both sides that lie together at some visits only, such as what the reader
            called anew when it had merged.
    """

    pairs: tuple[LesionPair, ...]
    only_reader: tuple[str, ...]
    only_computed: tuple[str, ...]
    reader_strands: Mapping[str, Strand]
    computed_strands: Mapping[str, Strand]
    visits: tuple[VisitPair, ...]
    single: tuple[tuple[str, str], ...]


def pair_lesions(reader: Sequence[Assessment], computed: Sequence[Assessment]) -> Pairing:
    """Pair the lesions of two tables of one patient.

    Args:
        reader, computed: rows of both tables.
    """
    reader_strands, computed_strands = strands(reader), strands(computed)
    left, right = dict(reader_strands), dict(computed_strands)
    pairs: list[LesionPair] = []
    for by, cost_of, is_decisive in _STEPS:
        step_pairs = _assign(left, right, cost_of, by)
        pairs += step_pairs
        # Who has a place and found nobody there is not to be paired by size with another place.
        decided = (
            {name for name, rows in left.items() if is_decisive(rows)} if step_pairs else set()
        )
        settled = decided | {pair.reader for pair in step_pairs}
        left = {name: rows for name, rows in left.items() if name not in settled}
        for pair in step_pairs:
            del right[pair.computed]
    pairs.sort(key=lambda pair: pair.reader)
    partners = {pair.reader: pair.computed for pair in pairs}
    visits = pair_visits(reader_strands, computed_strands, partners)
    at_place = [visit for visit in visits if visit.by == "place" and visit.lesion not in partners]
    single = tuple({visit.lesion: visit.computed[0].lesion for visit in at_place}.items())
    rows = {row.lesion for visit in visits for row in visit.computed}
    known = {*partners, *(name for name, _ in single)}
    known_computed = {*partners.values(), *_roots(computed_strands, rows)}
    return Pairing(
        tuple(pairs),
        tuple(name for name in reader_strands if name not in known),
        tuple(name for name in computed_strands if name not in known_computed),
        reader_strands,
        computed_strands,
        visits,
        single,
    )


def _roots(strands_by_name: Mapping[str, Strand], lesions: set[str]) -> set[str]:
    """The lesions through time that have one of these rows."""
    return {
        name
        for name, strand in strands_by_name.items()
        for rows in strand.values()
        for row in rows
        if row.lesion in lesions
    }


def _has_place(rows: Strand) -> bool:
    return any(row.position_mm is not None for visit_rows in rows.values() for row in visit_rows)


def _has_height(rows: Strand) -> bool:
    return any(row.height_mm is not None for visit_rows in rows.values() for row in visit_rows)


def _assign(
    left: Mapping[str, Strand],
    right: Mapping[str, Strand],
    cost_of: _Cost,
    by: str,
) -> list[LesionPair]:
    """The cheapest pairs; costs are 0 for a perfect fit and 1 at the limit, None beyond it."""
    if not left or not right:
        return []
    costs: FloatArray = np.full((len(left), len(right)), _FORBIDDEN)
    for i, a in enumerate(left.values()):
        for j, b in enumerate(right.values()):
            organs = {organ_of_strand(a), organ_of_strand(b)} - {None}
            cost = cost_of(a, b) if len(organs) < 2 else None
            if cost is not None and cost <= 1.0:
                costs[i, j] = cost
    names = list(left), list(right)
    pairs = []
    for i, j in np.stack(linear_sum_assignment(costs), axis=1).tolist():
        if costs[i, j] < _FORBIDDEN:
            others = np.concatenate([np.delete(costs[i], j), np.delete(costs[:, j], i)])
            rival = min(float(others.min(initial=_FORBIDDEN)), 1.0)
            margin = 1.0 - costs[i, j] / rival if rival > 0 else 0.0
            confidence = float(np.clip(margin, 0.0, 1.0))
            pairs.append(LesionPair(names[0][i], names[1][j], confidence, by))
    return pairs


def _distance_cost(a: Strand, b: Strand) -> float | None:
    """Mean distance at the visits where both say where it lies, over how far it may be."""
    shares = [
        share
        for date in a.keys() & b.keys()
        if (share := nearest_share(a[date], b[date])) is not None
    ]
    return float(np.mean(shares)) if shares else None


def _slice_cost(a: Strand, b: Strand) -> float | None:
    """The cost by sizes, of lesions that the reader's slices may have shown."""
    shares = []
    for date in a.keys() & b.keys():
        at_visit = [
            abs(row.height_mm - other.position_mm[2]) / (REACH_MM + (other.long_axis_mm or 0) / 2)
            for row in a[date]
            for other in b[date]
            if row.height_mm is not None and other.position_mm is not None
        ]
        if at_visit:
            shares.append(min(at_visit))
    if not shares or float(np.mean(shares)) > 1.0:
        return None
    return _pattern_cost(a, b)


def _pattern_cost(a: Strand, b: Strand) -> float | None:
    """Root mean square of the log ratios of diameters at common visits, over how far it may be."""
    ratios = []
    for date in sorted(a.keys() & b.keys()):
        p, q = diameter_mm(a[date]), diameter_mm(b[date])
        if p is not None and q is not None and max(p, q) > 0:
            ratios.append(np.log((p + _FLOOR_MM) / (q + _FLOOR_MM)))
    if not ratios:
        return None
    return float(np.sqrt(np.mean(np.square(ratios)))) / _WIDEST_LOG_RATIO


_STEPS: tuple[tuple[str, _Cost, Callable[[Strand], bool]], ...] = (
    ("place", _distance_cost, _has_place),
    ("slice and size", _slice_cost, _has_height),
    ("size", _pattern_cost, lambda _: False),
)
