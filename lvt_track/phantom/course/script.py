"""The script of a synthetic patient: an anatomy, its tumours' fates, the scans of each visit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvt_track.core.lesion.caliper import Point
from lvt_track.core.series import Phase
from lvt_track.phantom.body.anatomy import Anatomy, draw_anatomy
from lvt_track.phantom.course.lesion_trajectory import TOUCHING, Fate, draw_sizes
from lvt_track.phantom.course.placement import Placement
from lvt_track.phantom.course.scans import SMALL, Protocol, Scan, draw_scans, torso_of
from lvt_track.phantom.course.tumors import Tumor, TumorKind, draw_tumor

__all__ = ["PhantomPatient", "ScriptedTumor", "ScriptedVisit", "demo_patient", "draw_course"]

_FIRST_VISIT = dt.date(2022, 1, 10)
_DIAMETER_MM = (9.0, 48.0)
_PAIR_DIAMETER_MM = (22.0, 32.0)
_DEMO_SEED = 37
_KINDS = {
    TumorKind.HYPODENSE: 5,
    TumorKind.RIM_ENHANCING: 3,
    TumorKind.NECROTIC: 2,
    TumorKind.HYPERVASCULAR: 1,
    TumorKind.CALCIFIED: 1,
}


@dataclass(frozen=True)
class ScriptedTumor:
    """One tumour and its size at each visit.

    Attributes:
        identity: its number, from 1.
        fate: its script.
        tumor: its place and shape at its largest.
        sizes: factor of its radii at each visit; 0 where it is not there.
    """

    identity: int
    fate: Fate
    tumor: Tumor
    sizes: tuple[float, ...]

    def at(self, visit: int) -> Tumor | None:
        """The tumour as it is at a visit; None where it is not there."""
        size = self.sizes[visit]
        if size <= 0:
            return None
        x, y, z = (radius * size for radius in self.tumor.radii_mm)
        return replace(self.tumor, radii_mm=(x, y, z))


@dataclass(frozen=True)
class ScriptedVisit:
    """One study: its date and its scans, the one to be followed first."""

    date: dt.date
    scans: tuple[Scan, ...]


@dataclass(frozen=True, eq=False)
class PhantomPatient:
    """A synthetic patient; `lvt_track.phantom.course.render` turns it into scans.

    Attributes:
        name: of the patient.
        seed: everything follows from it.
        anatomy: the body without tumours, in its own frame.
        tumors: the tumours and their fates.
        doubles: what is mistaken for tumours, such as cysts; the same at every visit.
        visits: the studies, by date.
    """

    name: str
    seed: int
    anatomy: Anatomy
    tumors: tuple[ScriptedTumor, ...]
    doubles: tuple[Tumor, ...]
    visits: tuple[ScriptedVisit, ...]

    def tumors_at(self, visit: int) -> dict[int, Tumor]:
        """The tumours that are there at a visit, by identity."""
        shown = ((scripted.identity, scripted.at(visit)) for scripted in self.tumors)
        return {identity: tumor for identity, tumor in shown if tumor is not None}


def draw_course(
    seed: int,
    visits: int = 4,
    protocol: Protocol = SMALL,
    fates: Sequence[Fate] | None = None,
    extra_phases: Mapping[int, Sequence[Phase]] | None = None,
) -> PhantomPatient:
    """Draw the script of a synthetic patient.

    Args:
        seed: everything follows from it.
        visits: number of studies.
        protocol: how scans are taken.
        fates: of the tumours; MERGE and SPLIT make two each. 4 to 8 drawn when None.
        extra_phases: for some visits (by index), phases scanned besides the portal one.

    Raises:
        ValueError: when a fate needs more visits.
    """
    rng = np.random.default_rng([seed, 0xC0])
    anatomy = draw_anatomy(seed, spacing_mm=protocol.anatomy_mm, field="upper")
    placement = Placement.of(anatomy.labels, anatomy.geometry)
    if fates is None:
        fates = _draw_fates(visits, rng)
    tumors = _script_tumors(fates, visits, placement, rng)
    doubles = _draw_doubles(placement, rng)
    torso = torso_of(anatomy)
    dates = _draw_dates(visits, protocol.interval_weeks, rng)
    extra = extra_phases or {}
    scripted = tuple(
        ScriptedVisit(
            date, draw_scans(anatomy, torso, protocol, (Phase.PORTAL, *extra.get(k, ())), rng)
        )
        for k, date in enumerate(dates)
    )
    return PhantomPatient(f"phantom-{seed}", seed, anatomy, tumors, doubles, scripted)


def demo_patient(protocol: Protocol = SMALL) -> PhantomPatient:
    """The patient of `lvt demo`: four visits in fourteen months, and one of every event."""
    return draw_course(
        _DEMO_SEED,
        visits=4,
        protocol=replace(protocol, interval_weeks=(18, 22)),
        fates=(
            Fate.GROW,
            Fate.SHRINK,
            Fate.STABLE,
            Fate.NEW,
            Fate.VANISH,
            Fate.MERGE,
            Fate.SPLIT,
        ),
        extra_phases={0: (Phase.ARTERIAL,)},
    )


def _draw_fates(visits: int, rng: np.random.Generator) -> tuple[Fate, ...]:
    if visits == 1:
        return (Fate.STABLE,) * int(rng.integers(1, 8))
    choices = [f for f in Fate if visits >= 3 or f is not Fate.REAPPEAR]
    weights = np.array(
        [
            {Fate.GROW: 5, Fate.SHRINK: 4, Fate.STABLE: 4, Fate.NEW: 4, Fate.VANISH: 2}.get(f, 1)
            for f in choices
        ]
    )
    picked = rng.choice(len(choices), int(rng.integers(4, 9)), p=weights / weights.sum())
    return tuple(choices[i] for i in picked)


def _script_tumors(
    fates: Sequence[Fate], visits: int, placement: Placement, rng: np.random.Generator
) -> tuple[ScriptedTumor, ...]:
    kinds = [kind for kind in _KINDS for _ in range(_KINDS[kind])]
    main = kinds[int(rng.integers(len(kinds)))]
    scripted: list[ScriptedTumor] = []
    for fate in fates:
        sizes = draw_sizes(fate, visits, rng)
        # Most tumours of one patient are of one kind.
        kind = main if rng.random() < 0.75 else kinds[int(rng.integers(len(kinds)))]
        for tumor in _draw_placed(fate, kind, placement, rng):
            scripted.append(ScriptedTumor(len(scripted) + 1, fate, tumor, sizes))
    return tuple(scripted)


def _draw_placed(
    fate: Fate, kind: TumorKind, placement: Placement, rng: np.random.Generator
) -> tuple[Tumor, ...]:
    """One tumour, or the two of a pair; smaller where the liver is full, none where it is more."""
    is_pair = fate in (Fate.MERGE, Fate.SPLIT)
    low, high = _PAIR_DIAMETER_MM if is_pair else _DIAMETER_MM
    diameter = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    while diameter >= low * 0.8:
        reach = diameter / 2 * (1 + TOUCHING) if is_pair else diameter / 2 * 1.15
        centre = placement.find(reach, rng)
        if centre is not None:
            if is_pair:
                return _draw_pair(centre, diameter, kind, rng)
            return (draw_tumor(rng, centre, diameter, kind),)
        diameter *= 0.85
    return ()


def _draw_pair(
    centre_mm: Point, diameter_mm: float, kind: TumorKind, rng: np.random.Generator
) -> tuple[Tumor, Tumor]:
    """Two nearly round tumours side by side in the slice, overlapping at full size."""
    angle = float(rng.uniform(0, np.pi))
    offset = TOUCHING * diameter_mm / 2 * np.array([np.cos(angle), np.sin(angle), 0.0])
    pair = []
    for side in (-1, 1):
        x, y, z = (float(c) for c in np.array(centre_mm) + side * offset)
        tumor = draw_tumor(rng, (x, y, z), diameter_mm, kind)
        radius = diameter_mm / 2
        pair.append(
            replace(tumor, radii_mm=(radius,) * 3, irregularity=min(tumor.irregularity, 0.04))
        )
    return pair[0], pair[1]


def _draw_doubles(placement: Placement, rng: np.random.Generator) -> tuple[Tumor, ...]:
    doubles = []
    for _ in range(int(rng.integers(0, 3))):
        diameter = float(np.exp(rng.uniform(np.log(5), np.log(25))))
        centre = placement.find(diameter / 2, rng)
        if centre is not None:
            doubles.append(draw_tumor(rng, centre, diameter, TumorKind.CYST))
    return tuple(doubles)


def _draw_dates(
    visits: int, interval_weeks: tuple[int, int], rng: np.random.Generator
) -> tuple[dt.date, ...]:
    first = _FIRST_VISIT + dt.timedelta(days=int(rng.integers(0, 400)))
    weeks = np.concatenate(
        [[0], np.cumsum(rng.integers(interval_weeks[0], interval_weeks[1] + 1, visits - 1))]
    )
    return tuple(first + dt.timedelta(days=int(7 * w + rng.integers(-3, 4))) for w in weeks)
