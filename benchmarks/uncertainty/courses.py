"""Courses without images: the truth, and what a reader or a model makes of it.

A reader errs by the spread between readers. A model errs as the embedded one did on phantoms
(`drawn_lesions.csv`): of a quarter of the patients it does not see a part of each
lesion, the same part at every visit; beyond that sizes err from visit to visit by some percent and
some tenths of a millimetre; small lesions are missed more often than large ones, some of them at
all visits; few false ones are added, most of them small.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from lvt_track.core.quantities import reported_mm
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.doubt.doubts import Doubts
from lvt_track.response.doubt.shares import with_doubt
from lvt_track.response.timepoints.walk import classify

__all__ = ["CAUSES", "MODEL", "READER", "Judged", "categories", "draw_course", "judge"]

VISITS = 4
DATES = [dt.date(2024, 1, 1) + dt.timedelta(days=60 * k) for k in range(VISITS)]
SLICES_MM = (1.5, 2.5, 5.0)
READER, MODEL = "a reader's", "a model's"
# One of two readers: limits of -22 to +25 % between them (Yoon et al. 2016).
_READER_SD = 0.085
_HIDING, _HIDDEN, _HIDDEN_SD = 0.25, -0.30, 0.12
_LESION_SD, _VISIT_SD, _VISIT_MM = 0.05, 0.05, 0.6
# Missed at a visit, by size; half of the variance of the luck belongs to the lesion.
_MISSED = ((8.0, 0.35), (10.0, 0.20), (15.0, 0.05), (np.inf, 0.02))
_SHARE_OF_LESION = 0.5
_FALSE, _FALSE_MM = 0.15, (4.0, 11.0)
# A lesion that earlier scans show, missed there, is only possibly new.
_LOOKED_BACK = 0.9
SIZES, HIDDEN = "errors of sizes from visit to visit", "parts that it sees at no visit"
MISSED, FALSE = "missed lesions", "false lesions"
CAUSES = (SIZES, HIDDEN, MISSED, FALSE)
"""Of a model's errors."""

Rows = list[Assessment]
Chances = Callable[[Rows, Rows, np.random.Generator], Mapping[str, float]]


@dataclass(frozen=True)
class Judged:
    """One visit: what was told, with which share, and what is true."""

    told: str
    share: float
    truth: str


def judge(seed: int, setting: str, told_of: Chances | None = None) -> list[Judged]:
    """The visits of one course after the baseline.

    Args:
        seed: of the course.
        setting: who errs.
        told_of: the probability of each drawn lesion that it is one, of the drawn rows, the true
            ones and a source of chance; None where nothing is told.
    """
    truth = draw_course(np.random.default_rng([seed, 5]))
    spoil = read if setting == READER else drawn
    rows, looked = spoil(truth, np.random.default_rng([seed, 6]))
    probability = told_of(rows, truth, np.random.default_rng([seed, 7])) if told_of else {}
    doubts = Doubts(frozenset(DATES if setting == MODEL else ()), (), looked, probability)
    told = with_doubt(classify(rows, RECIST_1_1, DATES), rows, RECIST_1_1, DATES, doubts)
    true = classify(truth, RECIST_1_1, DATES)
    return [
        Judged(one.category, one.doubt.share_of(one.category), other.category)
        for one, other in zip(told, true, strict=True)
        if one.doubt is not None
    ]


def categories(seed: int, without: Collection[str]) -> list[tuple[str, str]]:
    """What a model's errors make of the categories of a course, and the true ones.

    Args:
        seed: of the course.
        without: errors of `CAUSES` that are not made; all else errs as it does with them.
    """
    truth = draw_course(np.random.default_rng([seed, 5]))
    rows, _ = drawn(truth, np.random.default_rng([seed, 6]), without)
    judged = (classify(one, RECIST_1_1, DATES)[1:] for one in (rows, truth))
    return [(one.category, other.category) for one, other in zip(*judged, strict=True)]


def draw_course(rng: np.random.Generator) -> Rows:
    """The true rows: one to five lesions that change alike; some vanish, and some are new."""
    thickness_mm = float(rng.choice(SLICES_MM))
    drift = rng.normal(0.0, 0.15)
    rows: Rows = []
    for k in range(rng.integers(1, 6)):
        size_mm = float(np.exp(rng.uniform(np.log(9.0), np.log(45.0))))
        gone = rng.integers(1, VISITS) if rng.random() < 0.1 else VISITS
        for visit, date in enumerate(DATES):
            row = Assessment(date, f"T{k}", slice_thickness_mm=thickness_mm)
            is_gone = visit >= gone or size_mm < 4.0
            if is_gone:
                rows.append(replace(row, status=Status.ABSENT))
            else:
                rows.append(replace(row, long_axis_mm=reported_mm(size_mm)))
            size_mm *= float(np.exp(drift + rng.normal(0.0, 0.06)))
    if rng.random() < 0.25:
        size_mm, first = rng.uniform(6.0, 18.0), rng.integers(1, VISITS)
        for date in DATES[first:]:
            row = Assessment(date, "N", role=Role.NEW, slice_thickness_mm=thickness_mm)
            rows.append(replace(row, long_axis_mm=reported_mm(size_mm)))
            size_mm *= 1.15
    return rows


def read(truth: Rows, rng: np.random.Generator) -> tuple[Rows, frozenset[str]]:
    """The rows as a reader has them; no lesion is known from looking back."""
    rows = [
        row
        if row.long_axis_mm is None
        else replace(row, long_axis_mm=_times(row.long_axis_mm, rng.normal(0.0, _READER_SD)))
        for row in truth
    ]
    return rows, frozenset()


def drawn(
    truth: Rows, rng: np.random.Generator, without: Collection[str] = ()
) -> tuple[Rows, frozenset[str]]:
    """The rows as a model has them, and `lvt track` after it; what looking back shows earlier.

    Errors that are left out are drawn all the same, so that the others stay as they are.
    """
    is_hiding = rng.random() < _HIDING
    biases: dict[str, float] = {}
    luck: dict[str, float] = {}
    rows: Rows = []
    for row in truth:
        if row.lesion not in biases:
            hidden = min(rng.normal(_HIDDEN, _HIDDEN_SD), 0.0) if is_hiding else 0.0
            biases[row.lesion] = hidden * (HIDDEN not in without)
            biases[row.lesion] += rng.normal(0.0, _LESION_SD) * (SIZES not in without)
            luck[row.lesion] = rng.normal()
        size_mm = row.long_axis_mm
        if size_mm is None:
            rows.append(row)
            continue
        chance = next(chance for limit, chance in _MISSED if size_mm < limit)
        own = np.sqrt(_SHARE_OF_LESION) * luck[row.lesion]
        is_missed = own + np.sqrt(1 - _SHARE_OF_LESION) * rng.normal() < stats.norm.ppf(chance)
        if is_missed and MISSED not in without:
            rows.append(replace(row, long_axis_mm=None, status=Status.ABSENT))
            continue
        error = rng.normal(0.0, np.hypot(_VISIT_SD, _VISIT_MM / size_mm)) * (SIZES not in without)
        rows.append(replace(row, long_axis_mm=_times(size_mm, biases[row.lesion] + error)))
    rows, looked = _as_first_seen(rows, truth, rng)
    if FALSE not in without:
        rows = _with_false(rows, truth, rng)
    return _as_tracks(rows), looked


def _times(size_mm: float, log_error: float) -> float:
    return max(reported_mm(size_mm * float(np.exp(log_error))), 0.1)


def _as_first_seen(
    rows: Rows, truth: Rows, rng: np.random.Generator
) -> tuple[Rows, frozenset[str]]:
    """What a model missed at the baseline looks new later, unless looking back shows it."""
    there = {row.lesion for row in truth if row.date == DATES[0] and row.long_axis_mm}
    start = {row.lesion for row in rows if row.date == DATES[0] and row.long_axis_mm is not None}
    missed = sorted(there - start)
    looked = frozenset(name for name in missed if rng.random() < _LOOKED_BACK)
    kept = [row for row in rows if row.lesion in start]
    seen: set[str] = set()
    for row in rows:
        if row.lesion in start or row.date == DATES[0]:
            continue
        if row.long_axis_mm is None and row.lesion not in seen:
            continue
        seen.add(row.lesion)
        new = replace(row, role=Role.NEW)
        is_open = row.lesion in looked and row.long_axis_mm is not None
        kept.append(replace(new, status=Status.EQUIVOCAL) if is_open else new)
    return kept, looked


def _with_false(rows: Rows, truth: Rows, rng: np.random.Generator) -> Rows:
    thickness_mm = truth[0].slice_thickness_mm
    for k, date in enumerate(DATES):
        for n in range(rng.poisson(_FALSE)):
            name, role = f"F{k}{n}", Role.NEW if k else None
            row = Assessment(date, name, role=role, slice_thickness_mm=thickness_mm)
            size_mm = reported_mm(float(np.exp(rng.uniform(*np.log(_FALSE_MM)))))
            rows = [*rows, replace(row, long_axis_mm=size_mm)]
            rows += [replace(row, date=d, status=Status.ABSENT) for d in DATES[k + 1 :]]
    return rows


def _as_tracks(rows: Rows) -> Rows:
    """New lesions that a model calls so below 10 mm do not count yet, as in `lvt track`."""
    return [
        replace(row, status=Status.EQUIVOCAL)
        if row.role is Role.NEW and row.long_axis_mm is not None and row.long_axis_mm < 10.0
        else row
        for row in rows
    ]
