"""Which lesion of a reader's table is which of ours.

Where both sides say where a lesion lies, place decides. Else the sizes over all visits do: two
lists of diameters that rise and fall together are rarely of two lesions; where the reader names
the slice, only among lesions near it. Each is one assignment over all lesions, so that no lesion
is given away twice.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from lvt_track.core.assessment import Assessment, Status
from lvt_track.core.geometry import FloatArray

__all__ = ["LesionPair", "Pairing", "pair_lesions"]

# Two readers click up to so far from each other's centre in a lesion, beside its own radius.
_REACH_MM = 10.0

# Root mean square of log ratios: two readers differ by 0.12 (limits of -22 to +25 %), and three
# times that is no longer one lesion.
_WIDEST_LOG_RATIO = 0.36

# Added to diameters before ratios are taken, so that an absent lesion has one too.
_FLOOR_MM = 3.0

_FORBIDDEN = 1e6

_ByDate = Mapping[dt.date, Assessment]
_Cost = Callable[[_ByDate, _ByDate], float | None]


@dataclass(frozen=True)
class LesionPair:
    """One lesion under both its names.

    Attributes:
        reader, own: its name in the reader's table and in ours.
        confidence: 1 where nothing else comes near, 0 at the limit or where another fits as well.
        by: `place`, `slice and size` or `size`.
    """

    reader: str
    own: str
    confidence: float
    by: str


@dataclass(frozen=True)
class Pairing:
    """All lesions of both sides: paired, or left over.

    Attributes:
        pairs: by name of the reader.
        only_reader, only_own: names that found no partner.
    """

    pairs: tuple[LesionPair, ...]
    only_reader: tuple[str, ...]
    only_own: tuple[str, ...]


def pair_lesions(reader: Sequence[Assessment], own: Sequence[Assessment]) -> Pairing:
    """Pair the lesions of two tables of one patient.

    Args:
        reader, own: rows of both tables.
    """
    left, right = _by_lesion(reader), _by_lesion(own)
    only_reader, only_own = dict(left), dict(right)
    pairs: list[LesionPair] = []
    for by, cost_of, is_told in _STEPS:
        found = _assign(left, right, cost_of, by)
        pairs += found
        # Who has a place and found nobody there is not to be paired by size with another place.
        told = {name for name, rows in left.items() if is_told(rows)} if found else set()
        settled = told | {pair.reader for pair in found}
        left = {name: rows for name, rows in left.items() if name not in settled}
        for pair in found:
            del right[pair.own], only_reader[pair.reader], only_own[pair.own]
    pairs.sort(key=lambda pair: pair.reader)
    return Pairing(tuple(pairs), tuple(sorted(only_reader)), tuple(sorted(only_own)))


def _by_lesion(rows: Sequence[Assessment]) -> dict[str, _ByDate]:
    lesions: dict[str, dict[dt.date, Assessment]] = defaultdict(dict)
    for row in rows:
        lesions[row.lesion][row.date] = row
    return {
        name: found
        for name, found in sorted(lesions.items())
        if any(row.status is not Status.ABSENT for row in found.values())
    }


def _has_place(rows: _ByDate) -> bool:
    return any(row.position_mm is not None for row in rows.values())


def _has_height(rows: _ByDate) -> bool:
    return any(row.height_mm is not None for row in rows.values())


def _assign(
    left: Mapping[str, _ByDate],
    right: Mapping[str, _ByDate],
    cost_of: _Cost,
    by: str,
) -> list[LesionPair]:
    """The cheapest pairs; costs are 0 for a perfect fit and 1 at the limit, None beyond it."""
    if not left or not right:
        return []
    costs: FloatArray = np.full((len(left), len(right)), _FORBIDDEN)
    for i, a in enumerate(left.values()):
        for j, b in enumerate(right.values()):
            cost = cost_of(a, b)
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


def _distance_cost(a: _ByDate, b: _ByDate) -> float | None:
    """Mean distance at the visits where both say where it lies, over how far it may be."""
    shares = []
    for date in a.keys() & b.keys():
        p, q = a[date].position_mm, b[date].position_mm
        if p is not None and q is not None:
            radius = max(a[date].long_axis_mm or 0.0, b[date].long_axis_mm or 0.0) / 2
            shares.append(float(np.linalg.norm(np.subtract(p, q))) / (_REACH_MM + radius))
    return float(np.mean(shares)) if shares else None


def _slice_cost(a: _ByDate, b: _ByDate) -> float | None:
    """The cost by sizes, of lesions that the reader's slices may have shown."""
    shares = []
    for date in a.keys() & b.keys():
        height_mm, position = a[date].height_mm, b[date].position_mm
        if height_mm is not None and position is not None:
            radius = (b[date].long_axis_mm or 0.0) / 2
            shares.append(abs(height_mm - position[2]) / (_REACH_MM + radius))
    if not shares or float(np.mean(shares)) > 1.0:
        return None
    return _pattern_cost(a, b)


def _pattern_cost(a: _ByDate, b: _ByDate) -> float | None:
    """Root mean square of the log ratios of diameters at common visits, over how far it may be."""
    ratios = []
    for date in a.keys() & b.keys():
        p, q = _diameter_mm(a[date]), _diameter_mm(b[date])
        if p is not None and q is not None and max(p, q) > 0:
            ratios.append(np.log((p + _FLOOR_MM) / (q + _FLOOR_MM)))
    if not ratios:
        return None
    return float(np.sqrt(np.mean(np.square(ratios)))) / _WIDEST_LOG_RATIO


def _diameter_mm(row: Assessment) -> float | None:
    if row.status is Status.ABSENT:
        return 0.0
    if row.status is Status.TOO_SMALL and row.long_axis_mm is None:
        return 5.0
    return row.long_axis_mm if row.long_axis_mm is not None else row.short_axis_mm


_STEPS: tuple[tuple[str, _Cost, Callable[[_ByDate], bool]], ...] = (
    ("place", _distance_cost, _has_place),
    ("slice and size", _slice_cost, _has_height),
    ("size", _pattern_cost, lambda _: False),
)
