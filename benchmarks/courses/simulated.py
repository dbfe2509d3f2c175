"""Courses with known truth: half of a real CT that is moved and given lesions, half phantoms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from courses.moved_ct import real_visits
from courses.visit import SLICES_MM, SimulatedVisit, corrupted
from lvt_track.core.series import Phase
from lvt_track.phantom.course.render import render_visit
from lvt_track.phantom.course.scans import Protocol
from lvt_track.phantom.course.script import draw_course
from scans.real import REAL

__all__ = ["SimulatedVisit", "corrupted", "draw_phases", "phantom_visits", "real_course"]

PROTOCOL = Protocol((1.5, 1.8), SLICES_MM, None, 20.0, 2.0)
CASES = ("lits0", "ircad19")
OTHERS = (Phase.ARTERIAL, Phase.NATIVE, Phase.DELAYED)
_SHARE_PORTAL = 0.65


def draw_phases(seed: int, visits: int) -> list[Phase]:
    """Contrast phase of each visit: two thirds portal venous, the others drawn."""
    rng = np.random.default_rng([seed, 3])
    return [
        Phase.PORTAL if rng.random() < _SHARE_PORTAL else OTHERS[rng.integers(len(OTHERS))]
        for _ in range(visits)
    ]


def real_course(seed: int, phases: Sequence[Phase], more_new: int = 0) -> list[SimulatedVisit]:
    """A course of one of the real CTs, in turn; `more_new` lesions more appear in it."""
    return real_visits(REAL / CASES[seed % len(CASES)], seed, len(phases), phases, more_new)


def phantom_visits(seed: int, phases: Sequence[Phase]) -> list[SimulatedVisit]:
    """A course of a synthetic patient."""
    extra = {k: (phase,) for k, phase in enumerate(phases) if phase is not Phase.PORTAL}
    patient = draw_course(seed, visits=len(phases), protocol=PROTOCOL, extra_phases=extra)
    course = []
    for k, phase in enumerate(phases):
        item = render_visit(patient, k, phase)
        scan = next(scan for scan in patient.visits[k].scans if scan.phase is phase)
        course.append(
            SimulatedVisit(
                item.date,
                phase,
                item.volume,
                item.masks,
                item.identities,
                scan.motion.to_anatomy,
            )
        )
    return course
