"""More courses of a registered one: in the same moved scans other lesions, noise and errors.

Registering costs most of a course, and hangs little on its lesions: it is done once for several.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from courses.moved_ct import moved_visits, redrawn
from courses.registered import Livers, RegisteredCourse, SeenLesions, keep, seen_lesions
from courses.simulated import (
    CASES,
    REAL,
    SimulatedVisit,
    corrupted,
    draw_phases,
)
from lvt_track.lesions.lookback.scan import liver_scan

__all__ = ["MORE_NEW", "redrawn_courses"]

MORE_NEW = 2
"""So many more lesions than in other courses appear after the first visit."""


def redrawn_courses(
    course: RegisteredCourse, count: int, work: Path
) -> Iterator[tuple[RegisteredCourse, Livers]]:
    """So many more courses of one of real CT, drawn once and kept in the folder `work`."""
    paths = [work / f"redrawn-{course.number:03d}-{k}.pickle" for k in range(count)]
    missing = [k for k, path in enumerate(paths) if not path.exists()]
    for k, drawn in _drawn(course, missing) if missing else ():
        keep(drawn, paths[k])
    for path in paths:
        seen, livers = pickle.loads(path.read_bytes())
        yield replace(course, seen=seen), livers


def _drawn(
    course: RegisteredCourse, numbers: Sequence[int]
) -> Iterator[tuple[int, tuple[dict[str, SeenLesions], Livers]]]:
    for k, truth in _truths(course, numbers):
        rng = np.random.default_rng([course.number, k, 62])
        wrong = [corrupted(visit, rng, 1000 * (i + 1)) for i, visit in enumerate(truth)]
        seen = {"given": seen_lesions(truth), "corrupted": seen_lesions(wrong)}
        yield k, (seen, tuple(liver_scan(visit.volume, visit.masks) for visit in wrong))


def _truths(
    course: RegisteredCourse, numbers: Sequence[int]
) -> Iterator[tuple[int, Sequence[SimulatedVisit]]]:
    seed = course.number // 2
    folder = REAL / CASES[seed % len(CASES)]
    phases = draw_phases(course.number, len(course.dates))
    scans = [scan for scan, _ in moved_visits(folder, seed, phases)]
    for k in numbers:
        rng = np.random.default_rng([course.number, k, 61])
        yield k, redrawn(folder, scans, rng, MORE_NEW)
