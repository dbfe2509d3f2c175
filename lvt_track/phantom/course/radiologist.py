"""A radiologist's table of a phantom's course, with the errors that readers make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np

from lvt_track.core.lesion.caliper import Point
from lvt_track.core.lesion.lesion import Edge
from lvt_track.phantom.course.truth import TrueLesion

__all__ = ["Reading", "read_course"]

# Two readers differ by -22 to +25 % for one lesion (95 % limits of agreement), which is a standard
# deviation of 0.12 of the logarithm of their ratio, and of 0.12 / √2 for each of them. Half of the
# variance is how a reader sees this lesion, the same at every visit; half is the day's.
_LOG_ERROR = 0.12 / np.sqrt(2)
_SHARE_OF_LESION = 0.5

_TOO_SMALL_MM = 5.0
_MEASURABLE_MM = 10.0
_CLICK_MM = 1.5
_SITE = "liver"
# RECIST 1.1: at most two target lesions in one organ.
_TARGETS = 2


@dataclass(frozen=True)
class Reading:
    """One row of a radiologist's table.

    Attributes:
        date: of the visit.
        lesion: the reader's name for it: T1, T2 for targets, N1, … for other lesions of the first
            visit, and S1, … for those that came later; a letter is added for a split-off piece.
        role: target, non-target or new.
        site: the organ.
        status: measured, too small or absent.
        long_axis_mm, short_axis_mm: whole mm; None unless measured.
        position_mm: LPS point in the lesion; None when absent.
    """

    date: dt.date
    lesion: str
    role: str
    site: str
    status: str
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    position_mm: Point | None = None


@dataclass(frozen=True)
class _Known:
    """A lesion the reader follows: its name and role, and the reader's lasting error of it."""

    name: str
    role: str
    log_error: float


def read_course(
    dates: Sequence[dt.date],
    visits: Sequence[Sequence[TrueLesion]],
    edges: Sequence[Edge],
    seed: int,
) -> tuple[Reading, ...]:
    """Read a whole course as one radiologist would.

    Small lesions are sometimes missed until they are larger; once known, a lesion is looked for
    at every visit. When lesions merge, the largest keeps its name and the others are absent; when
    one splits, the largest piece keeps the name.

    Args:
        dates: date of each visit.
        visits: true lesions of each visit.
        edges: which lesion became which.
        seed: of the reader's errors.
    """
    rng = np.random.default_rng(seed)
    pasts: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for edge in edges:
        pasts.setdefault(edge.later, []).append(edge.earlier)
    known: dict[tuple[int, int], _Known] = {}
    followed: list[_Known] = []
    readings = []
    for visit, (date, lesions) in enumerate(zip(dates, visits, strict=True)):
        shown: dict[str, TrueLesion] = {}
        for lesion in sorted(lesions, key=lambda one: -one.long_axis_mm):
            before = [known[key] for key in pasts.get(lesion.key, ()) if key in known]
            if before:
                one = min(before, key=followed.index)
                if one.name in shown:
                    one = _piece_of(one, followed, rng)
            elif _is_missed(lesion.long_axis_mm, rng):
                continue
            else:
                one = _first_seen(lesion, visit, followed, rng)
            known[lesion.key] = one
            shown[one.name] = lesion
            if one not in followed:
                followed.append(one)
        readings += [_read(date, one, shown.get(one.name), rng) for one in followed]
    return tuple(readings)


def _is_missed(long_axis_mm: float, rng: np.random.Generator) -> bool:
    """Whether an unknown lesion is overlooked: half of those of 5 mm, few of those of 15 mm."""
    return bool(rng.random() < 0.5 * np.exp(-(long_axis_mm - _TOO_SMALL_MM) / 4.0))


def _first_seen(
    lesion: TrueLesion, visit: int, followed: Sequence[_Known], rng: np.random.Generator
) -> _Known:
    targets = sum(one.role == "target" for one in followed)
    if visit > 0:
        letter, role = "S", "new"
    elif lesion.long_axis_mm >= _MEASURABLE_MM and targets < _TARGETS:
        letter, role = "T", "target"
    else:
        letter, role = "N", "non-target"
    number = 1 + sum(one.name[0] == letter and one.name[1:].isdigit() for one in followed)
    return _Known(f"{letter}{number}", role, _log_error(_SHARE_OF_LESION, rng))


def _piece_of(whole: _Known, followed: Sequence[_Known], rng: np.random.Generator) -> _Known:
    taken = {one.name for one in followed}
    name = next(n for letter in ascii_lowercase[1:] if (n := whole.name + letter) not in taken)
    return _Known(name, whole.role, _log_error(_SHARE_OF_LESION, rng))


def _read(
    date: dt.date, one: _Known, lesion: TrueLesion | None, rng: np.random.Generator
) -> Reading:
    if lesion is None:
        return Reading(date, one.name, one.role, _SITE, "absent")
    x, y, z = np.array(lesion.centroid_mm) + rng.normal(0.0, _CLICK_MM, 3)
    position = (float(x), float(y), float(z))
    log_errors = one.log_error + np.array([_log_error(1 - _SHARE_OF_LESION, rng) for _ in "ab"])
    read = np.exp(log_errors) * (lesion.long_axis_mm, lesion.short_axis_mm)
    long_mm, short_mm = (float(mm) for mm in np.round(sorted(read, reverse=True)))
    if long_mm < _TOO_SMALL_MM:
        return Reading(date, one.name, one.role, _SITE, "too small", position_mm=position)
    return Reading(date, one.name, one.role, _SITE, "measured", long_mm, short_mm, position)


def _log_error(share: float, rng: np.random.Generator) -> float:
    return float(rng.normal(0.0, _LOG_ERROR * np.sqrt(share)))
