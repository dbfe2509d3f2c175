"""What would settle a category: the one lesion, link or size that is likeliest to change it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from lvt_track.core.quantities import natural, sized
from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.core.response.categories import Category
from lvt_track.core.response.doubt import Settling
from lvt_track.core.response.response import Response
from lvt_track.response.doubt.draws import Sampler, broken, removed, scaled, settled_new
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.walk import classify

__all__ = ["settlings"]

_REACH = 1.96
_STEPS = 9
_MOST_SIZES = 4
_UNJUDGED = 0.5
"""Growth that nobody has judged may be progression as well as not."""


@dataclass(frozen=True)
class _Candidate:
    """One thing that changes the category of a visit.

    Attributes:
        probability: that it is so.
        settling: what to say.
    """

    probability: float
    settling: Settling


def settlings(
    sampler: Sampler, criterion: Criterion, dates: Sequence[dt.date]
) -> tuple[Settling | None, ...]:
    """For each visit what is likeliest to change its category; None where no one thing does.

    Sizes are changed within their 95 % interval, one lesion at one visit at a time; a doubtful
    lesion is taken for sure or for none, a doubtful link for wrong, a non-target that grew for one
    that has progressed.

    Args:
        sampler: the rows and what is in doubt of them.
        criterion: that judges them.
        dates: of all visits.
    """

    def judged(rows: Sequence[Assessment]) -> list[str]:
        return [response.category for response in classify(rows, criterion, dates)]

    responses = classify(sampler.rows, criterion, dates)
    categories = [response.category for response in responses]
    candidates: list[list[_Candidate]] = [[] for _ in dates]
    for k, candidate in _doubtful(sampler, judged, categories):
        candidates[k].append(candidate)
    for k, candidate in _growth(sampler, judged, responses):
        candidates[k].append(candidate)
    for k, candidate in _sizes(sampler, criterion, judged, categories):
        candidates[k].append(candidate)
    return tuple(
        max(of_visit, key=lambda one: (one.probability, one.settling.words)).settling
        if of_visit
        else None
        for of_visit in candidates
    )


Judge = Callable[[Sequence[Assessment]], list[str]]


def _doubtful(
    sampler: Sampler, judged: Judge, categories: Sequence[str]
) -> Iterator[tuple[int, _Candidate]]:
    """Lesions that may be none or new, absent ones that may be there, links that may be wrong."""
    rows = sampler.rows
    for name in sorted(sampler.existence, key=natural):
        chance = sampler.existence[name]
        first = min(row.date for row in rows if row.lesion == name)
        is_open = any(r.lesion == name and r.status is Status.EQUIVOCAL for r in rows)
        if is_open:
            other, words = judged(settled_new(rows, name)), f"if {name} is a new lesion"
        else:
            other, words, chance = (
                judged(removed(rows, name)),
                f"if {name} is no lesion",
                1 - chance,
            )
        for k, category in _changes(categories, other):
            yield k, _Candidate(chance, Settling(name, first, f"{words}, {category}"))
    for i, (chance, missed_row) in sampler.missed.items():
        words = f"if {missed_row.lesion} was missed on {missed_row.date}"
        for k, category in _changes(categories, judged([*rows[:i], missed_row, *rows[i + 1 :]])):
            yield (
                k,
                _Candidate(
                    chance, Settling(missed_row.lesion, missed_row.date, f"{words}, {category}")
                ),
            )
    for link in sampler.links:
        words = f"if {link.lesion} of {link.since} is another lesion than before"
        for k, category in _changes(categories, judged(broken(rows, link))):
            settling = Settling(link.lesion, link.since, f"{words}, {category}")
            yield k, _Candidate(1 - link.confidence, settling)


def _growth(
    sampler: Sampler, judged: Judge, responses: Sequence[Response]
) -> Iterator[tuple[int, _Candidate]]:
    """Non-targets that grew, if a reader calls that unequivocal progression."""
    for k, response in enumerate(responses):
        for name in response.grown_non_targets[:1]:
            rows = [
                replace(row, status=Status.PROGRESSION)
                if row.date == response.date and name in (row.lesion, *row.derived_from)
                else row
                for row in sampler.rows
            ]
            category = judged(rows)[k]
            if category != response.category:
                words = f"if the growth of {name} is unequivocal progression, {category}"
                yield k, _Candidate(_UNJUDGED, Settling(name, response.date, words))


def _changes(categories: Sequence[str], other: Sequence[str]) -> Iterator[tuple[int, str]]:
    pairs = enumerate(zip(categories, other, strict=True))
    return ((k, b) for k, (a, b) in pairs if a != b and a != Category.BASELINE)


def _sizes(
    sampler: Sampler, criterion: Criterion, judged: Judge, categories: Sequence[str]
) -> Iterator[tuple[int, _Candidate]]:
    """Sizes that another reading may well have put on the other side of a limit."""
    flips: list[list[tuple[float, int, float]]] = [[] for _ in categories]
    for i, row in enumerate(sampler.rows):
        size = criterion.scale.size(row) if row.status is Status.MEASURED else None
        if not size:
            continue
        for z in (-_REACH, _REACH):
            for k, _ in _changes(categories, judged(_with(sampler, i, z))):
                flips[k].append((size * sampler.spreads[i][0], i, z))
    for k, of_visit in enumerate(flips):
        # The sizes with the largest errors move the sum most.
        for _, i, reach in sorted(of_visit, reverse=True)[:_MOST_SIZES]:
            z = _limit(sampler, judged, i, reach, (k, categories[k]))
            row = sampler.rows[i]
            for limit in _rounded(criterion, row, scaled(row, z, sampler.spreads[i])):
                z = _steps_to(criterion, row, limit, sampler.spreads[i]) if limit > 0 else 0.0
                category = judged(_with(sampler, i, z))[k]
                if category == categories[k]:
                    continue
                unit = criterion.scale.unit
                shown = f"{sized(criterion.scale.size(row) or 0.0, unit)} of {row.date}"
                words = f"if {row.lesion}'s {shown} is {sized(limit, unit)}, {category}"
                chance = 0.5 * math.erfc(abs(z) / math.sqrt(2))
                yield k, _Candidate(chance, Settling(row.lesion, row.date, words))
                break


def _with(sampler: Sampler, index: int, z: float) -> list[Assessment]:
    rows = list(sampler.rows)
    rows[index] = scaled(rows[index], z, sampler.spreads[index])
    return rows


def _limit(
    sampler: Sampler, judged: Judge, index: int, reach: float, visit: tuple[int, str]
) -> float:
    """The least change of a size, in standard deviations, that changes the category of a visit."""
    same, other = 0.0, reach
    k, category = visit
    for _ in range(_STEPS):
        middle = (same + other) / 2
        if judged(_with(sampler, index, middle))[k] == category:
            same = middle
        else:
            other = middle
    return other


def _rounded(criterion: Criterion, row: Assessment, moved: Assessment) -> tuple[float, float]:
    """The limit as it is written: the last digit before or at it, and the next one beyond."""
    size, limit = criterion.scale.size(row) or 0.0, criterion.scale.size(moved) or 0.0
    step = {"mm": 0.1, "mm²": 1.0}.get(criterion.scale.unit)
    if step is None:
        step = 10.0 ** (math.floor(math.log10(limit)) - 2)
    count = limit / step
    if limit > size:
        return math.floor(count) * step, math.ceil(count) * step
    return math.ceil(count) * step, math.floor(count) * step


def _steps_to(
    criterion: Criterion, row: Assessment, size: float, spreads: tuple[float, float]
) -> float:
    """By how many standard deviations a row must change to have this size."""
    one = criterion.scale.size(scaled(row, 1.0, spreads)) or 0.0
    now = criterion.scale.size(row) or 0.0
    return math.log(size / now) / math.log(one / now)
