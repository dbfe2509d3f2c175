"""What of a patient's rows is in doubt: lesions that may be none, links that may be wrong."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lvt_track.core.response.assessment import Assessment, Status

__all__ = ["DoubtfulLink", "Doubts", "existence"]

# Of findings that may be new: by a reader; by a model, at one visit and at several; and of those
# that an earlier scan shows already.
_OPEN, _OPEN_DRAWN, _OPEN_DRAWN_AGAIN, _OPEN_SHOWN_BEFORE = 0.5, 0.15, 0.6, 0.1
_MEASURABLE_MM = 10.0
_LARGE_MM = 15.0
# Share of lesions that are ones, where one visit alone shows them: by a reader, and by a model.
_READ_ONCE = {"small": 0.9, "measurable": 1.0, "large": 1.0}
_DRAWN_ONCE = {"small": 0.6, "measurable": 0.85, "large": 0.95}
_DRAWN_TWICE_SMALL = 0.9


@dataclass(frozen=True)
class DoubtfulLink:
    """A link of which it is not sure that both its ends are one lesion.

    Attributes:
        lesion: its name.
        since: the first date of what may be another lesion.
        confidence: that it is the same, 0 to 1.
    """

    lesion: str
    since: dt.date
    confidence: float


@dataclass(frozen=True)
class Doubts:
    """What is known of how rows came about, beyond what stands in them.

    Attributes:
        drawn: dates at which a model drew the lesions; a reader did at all others.
        links: those that are not sure.
        shown_before: names of lesions that look new, but that an earlier scan shows.
        tumor_probability: that what a model drew at one visit alone, or against which every scan
            speaks, is a tumour, 0 to 1, by name of the lesion, where that is known.
    """

    drawn: frozenset[dt.date] = frozenset()
    links: tuple[DoubtfulLink, ...] = field(default=())
    shown_before: frozenset[str] = frozenset()
    tumor_probability: Mapping[str, float] = field(default_factory=dict)


def existence(rows: Sequence[Assessment], doubts: Doubts) -> Mapping[str, float]:
    """The probability of each doubtful lesion that it is one, and new where it is called so.

    Doubtful is what is equivocal (one half where a reader says so; less where a model drew it
    once, more where it did at several visits, little where an earlier scan shows it), and what is
    new and one visit alone shows: below 10 mm where a reader saw it, at any size where a model
    drew it; of the baseline, what a model drew and no later visit shows. What is told of a single
    lesion goes before the numbers by size, which were chosen on simulated courses;
    `docs/results/doubt.md` holds them against others.

    Args:
        rows: of one patient.
        doubts: who drew them.

    Returns:
        By name of the lesion; those that are not listed are sure.
    """
    by_lesion: dict[str, list[Assessment]] = defaultdict(list)
    for row in rows:
        by_lesion[row.lesion].append(row)
    start = min((row.date for row in rows), default=dt.date.min)
    heirs = {name for row in rows for name in row.derived_from}
    probabilities = {}
    for name, of_lesion in by_lesion.items():
        seen = [row for row in of_lesion if row.status not in (Status.ABSENT, Status.NOT_DONE)]
        if not seen or name in heirs or any(row.derived_from for row in of_lesion):
            continue
        is_baseline = min(row.date for row in seen) == start
        if any(row.status is Status.EQUIVOCAL for row in seen):
            probabilities[name] = _chance_of_open(name, seen, doubts)
            continue
        chance = _chance(name, seen, doubts)
        # What a reader saw at baseline was there; a model may err there as well.
        if chance < 1.0 and (not is_baseline or _is_gone_since(of_lesion, seen, doubts)):
            probabilities[name] = chance
    return probabilities


def _is_gone_since(
    of_lesion: Sequence[Assessment], seen: Sequence[Assessment], doubts: Doubts
) -> bool:
    """Whether a model drew a lesion at the baseline, and no later visit shows it."""
    is_absent = any(row.status is Status.ABSENT for row in of_lesion)
    return len(seen) == 1 and seen[0].date in doubts.drawn and is_absent


def _chance_of_open(name: str, seen: Sequence[Assessment], doubts: Doubts) -> float:
    """The probability of an equivocal lesion."""
    if name in doubts.shown_before:
        return _OPEN_SHOWN_BEFORE
    if not all(row.date in doubts.drawn for row in seen):
        return _OPEN
    usual = _OPEN_DRAWN_AGAIN if len(seen) > 1 else _OPEN_DRAWN
    return min(usual, doubts.tumor_probability.get(name, 1.0))


def _chance(name: str, seen: Sequence[Assessment], doubts: Doubts) -> float:
    sizes = [row.long_axis_mm or row.short_axis_mm for row in seen]
    size_mm = max((size for size in sizes if size is not None), default=None)
    if size_mm is None:
        return 1.0
    kind = "small" if size_mm < _MEASURABLE_MM else "measurable"
    kind = "large" if size_mm >= _LARGE_MM else kind
    is_drawn = all(row.date in doubts.drawn for row in seen)
    if len(seen) > 1:
        return _DRAWN_TWICE_SMALL if is_drawn and kind == "small" else 1.0
    if not is_drawn:
        return _READ_ONCE[kind]
    return doubts.tumor_probability.get(name, _DRAWN_ONCE[kind])
