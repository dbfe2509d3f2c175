"""The script of a synthetic patient: an anatomy, its tumours' fates, the scans of each visit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cc3d
import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.records import Phase, Point
from lvt_track.phantom.anatomy import Anatomy, draw_anatomy
from lvt_track.phantom.fates import TOUCHING, Fate, draw_sizes
from lvt_track.phantom.image import Scanner
from lvt_track.phantom.motion import Breathing, Motion, Torso, draw_motion
from lvt_track.phantom.placement import Placement
from lvt_track.phantom.tissues import LIVER_TISSUES, Tissue
from lvt_track.phantom.tumors import Tumor, TumorKind, draw_tumor

__all__ = [
    "CLINICAL",
    "SMALL",
    "PhantomPatient",
    "Protocol",
    "Scan",
    "ScriptedTumor",
    "ScriptedVisit",
    "draw_course",
]

_FIRST_VISIT = dt.date(2022, 1, 10)
_AIR_MM = 12.0
_DIAMETER_MM = (9.0, 48.0)
_PAIR_DIAMETER_MM = (22.0, 32.0)
_KINDS = {
    TumorKind.HYPODENSE: 5,
    TumorKind.RIM_ENHANCING: 3,
    TumorKind.NECROTIC: 2,
    TumorKind.HYPERVASCULAR: 1,
    TumorKind.CALCIFIED: 1,
}


@dataclass(frozen=True)
class Protocol:
    """How the scans of a course are taken.

    Attributes:
        pixel_mm: range of the pixel size; where `matrix` is given, the field of view decides
            within it.
        slice_mm: slice spacings to choose from, one per visit.
        matrix: pixels along x and y; None to cover just the body.
        margin_mm: how far the scan reaches beyond the liver, up and down.
        anatomy_mm: voxels the body is drawn in.
    """

    pixel_mm: tuple[float, float]
    slice_mm: tuple[float, ...]
    matrix: int | None
    margin_mm: float
    anatomy_mm: float


CLINICAL = Protocol((0.65, 0.95), (1.0, 1.5, 2.0, 2.5, 3.0, 5.0), 512, 40.0, 1.0)
"""As hospitals scan: 512 × 512 pixels, slices of 1 to 5 mm."""

SMALL = Protocol((1.5, 1.5), (3.0,), None, 12.0, 1.5)
"""A coarse scan of the upper abdomen, drawn and processed within seconds."""


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
class Scan:
    """One series to be rendered.

    Attributes:
        phase: contrast phase.
        scanner: kernel and noise.
        geometry: its grid.
        motion: how the body lies and breathes in it.
        seed: of its noise.
    """

    phase: Phase
    scanner: Scanner
    geometry: Geometry
    motion: Motion
    seed: int


@dataclass(frozen=True)
class ScriptedVisit:
    """One study: its date and its scans, the one to be followed first."""

    date: dt.date
    scans: tuple[Scan, ...]


@dataclass(frozen=True, eq=False)
class PhantomPatient:
    """A synthetic patient; `lvt_track.phantom.render` turns it into scans.

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
    extra_phases: dict[int, tuple[Phase, ...]] | None = None,
) -> PhantomPatient:
    """Draw the script of a synthetic patient.

    Args:
        seed: everything follows from it.
        visits: number of studies, 6 to 16 weeks apart.
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
    torso = _torso_of(anatomy)
    dates = _draw_dates(visits, rng)
    extra = extra_phases or {}
    scripted = tuple(
        ScriptedVisit(
            date, _draw_scans(anatomy, torso, protocol, (Phase.PORTAL, *extra.get(k, ())), rng)
        )
        for k, date in enumerate(dates)
    )
    return PhantomPatient(f"phantom-{seed}", seed, anatomy, tumors, doubles, scripted)


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


def _draw_dates(visits: int, rng: np.random.Generator) -> tuple[dt.date, ...]:
    first = _FIRST_VISIT + dt.timedelta(days=int(rng.integers(0, 400)))
    weeks = np.concatenate([[0], np.cumsum(rng.integers(6, 17, visits - 1))])
    return tuple(first + dt.timedelta(days=int(7 * w + rng.integers(-3, 4))) for w in weeks)


def _torso_of(anatomy: Anatomy) -> Torso:
    """The measures breathing depends on, from the labels."""
    liver = np.isin(anatomy.labels, [int(t) for t in LIVER_TISSUES])
    used = np.flatnonzero(liver.any(axis=(1, 2)))
    low, high = _extent_mm(anatomy)
    z = anatomy.geometry.to_world([[used[0], 0, 0], [used[-1], 0, 0]])[:, 2]
    return Torso(
        ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2),
        (high[0] - low[0]) / 2,
        (high[1] - low[1]) / 2,
        float(z[1]),
        float(z[0]),
    )


def _extent_mm(anatomy: Anatomy) -> tuple[Point, Point]:
    """Lowest and highest x, y, z of the trunk, without table and arms."""
    coarse = anatomy.labels[::4, ::4, ::4]
    body = (coarse != Tissue.AIR) & (coarse != Tissue.TABLE)
    trunk = cc3d.largest_k(body, k=1, connectivity=6) > 0
    index = 4 * np.argwhere(trunk)
    low = anatomy.geometry.to_world(index.min(axis=0))
    high = anatomy.geometry.to_world(index.max(axis=0))
    return (float(low[0]), float(low[1]), float(low[2])), (
        float(high[0]),
        float(high[1]),
        float(high[2]),
    )


def _draw_scans(
    anatomy: Anatomy,
    torso: Torso,
    protocol: Protocol,
    phases: Sequence[Phase],
    rng: np.random.Generator,
) -> tuple[Scan, ...]:
    """The series of one study: the same posture, a slightly different breath in each."""
    motion = draw_motion(rng, torso)
    slice_mm = float(rng.choice(protocol.slice_mm))
    pixel_mm = float(rng.uniform(*protocol.pixel_mm))
    scans = []
    for number, phase in enumerate(phases):
        if number:
            motion = _breathe_again(motion, rng)
        scanner = Scanner(
            noise_hu=float(rng.uniform(8.0, 15.0)),
            kernel_fwhm_mm=float(rng.uniform(1.0, 1.7)),
            noise_grain_mm=float(rng.uniform(1.0, 1.8)),
            slice_thickness_mm=slice_mm,
            shading_hu=float(rng.uniform(1.0, 3.0)),
        )
        geometry = _grid(anatomy, motion, protocol, slice_mm, pixel_mm)
        scans.append(Scan(phase, scanner, geometry, motion, int(rng.integers(2**31))))
    return tuple(scans)


def _breathe_again(motion: Motion, rng: np.random.Generator) -> Motion:
    return Motion(
        tuple(
            replace(layer, depth_mm=layer.depth_mm + float(rng.normal(0, 3)))
            if isinstance(layer, Breathing)
            else layer
            for layer in motion.layers
        )
    )


def _grid(
    anatomy: Anatomy, motion: Motion, protocol: Protocol, slice_mm: float, pixel_mm: float
) -> Geometry:
    """The grid of a scan that covers the whole liver and the width of the body."""
    liver = np.argwhere(np.isin(anatomy.labels[::4, ::4, ::4], [int(t) for t in LIVER_TISSUES]))
    z_mm = motion.to_visit(anatomy.geometry.to_world(4 * liver))[:, 2]
    low, high = _extent_mm(anatomy)
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    middle[2] = float(z_mm.min() + z_mm.max()) / 2
    x, y, _ = (float(c) for c in motion.to_visit(np.array(middle)))
    bottom = float(z_mm.min()) - protocol.margin_mm
    slices = int(np.ceil((float(z_mm.max()) + protocol.margin_mm - bottom) / slice_mm)) + 1
    width, depth = (high[i] - low[i] + 2 * _AIR_MM for i in (0, 1))
    if protocol.matrix is not None:
        columns = rows = protocol.matrix
        pixel_mm = float(np.clip(max(width, depth) / protocol.matrix, *protocol.pixel_mm))
    else:
        columns, rows = int(np.ceil(width / pixel_mm)), int(np.ceil(depth / pixel_mm))
    origin = (x - (columns - 1) * pixel_mm / 2, y - (rows - 1) * pixel_mm / 2, bottom)
    return Geometry.axial((slices, rows, columns), (slice_mm, pixel_mm, pixel_mm), origin)
