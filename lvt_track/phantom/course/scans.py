"""The scans of a course: what is covered, how finely, by which scanner, in which breath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvt_track.core.components import largest_component
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.series import Phase
from lvt_track.phantom.body.anatomy import Anatomy
from lvt_track.phantom.body.tissues import LIVER_TISSUES, Tissue
from lvt_track.phantom.course.motion import Breathing, Motion, Torso, draw_motion
from lvt_track.phantom.image.synthesis import Scanner

__all__ = ["CLINICAL", "SMALL", "Protocol", "Scan", "draw_scans", "torso_of"]

_AIR_MM = 12.0
# Finely enough to know the extent of a liver or a trunk.
_COARSE_MM = 4.0


@dataclass(frozen=True)
class Protocol:
    """How the scans of a course are taken, and how often.

    Attributes:
        pixel_mm: range of the pixel size; where `matrix` is given, the field of view decides
            within it.
        slice_mm: slice spacings to choose from, one per visit.
        matrix: pixels along x and y; None to cover just the body.
        margin_mm: how far the scan reaches beyond the liver, up and down.
        anatomy_mm: voxels the body is drawn in.
        interval_weeks: shortest and longest time between studies.
    """

    pixel_mm: tuple[float, float]
    slice_mm: tuple[float, ...]
    matrix: int | None
    margin_mm: float
    anatomy_mm: float
    interval_weeks: tuple[int, int] = (6, 16)


CLINICAL = Protocol((0.65, 0.95), (1.0, 1.5, 2.0, 2.5, 3.0, 5.0), 512, 40.0, 1.0)
"""As hospitals scan: 512 × 512 pixels, slices of 1 to 5 mm."""

SMALL = Protocol((1.5, 1.5), (3.0,), None, 12.0, 1.5)
"""A coarse scan of the upper abdomen, drawn and processed within seconds."""


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


def draw_scans(
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
    step = max(1, round(_COARSE_MM / anatomy.geometry.spacing_mm[0]))
    coarse = anatomy.labels[::step, ::step, ::step]
    liver = step * np.argwhere(np.isin(coarse, [int(t) for t in LIVER_TISSUES]))
    z_mm = motion.to_visit(anatomy.geometry.to_world(liver))[:, 2]
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


def torso_of(anatomy: Anatomy) -> Torso:
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
    step = max(1, round(_COARSE_MM / anatomy.geometry.spacing_mm[0]))
    coarse = anatomy.labels[::step, ::step, ::step]
    body = (coarse != Tissue.AIR) & (coarse != Tissue.TABLE)
    trunk, _ = largest_component(body)
    index = step * np.argwhere(trunk)
    low = anatomy.geometry.to_world(index.min(axis=0))
    high = anatomy.geometry.to_world(index.max(axis=0))
    return (float(low[0]), float(low[1]), float(low[2])), (
        float(high[0]),
        float(high[1]),
        float(high[2]),
    )
