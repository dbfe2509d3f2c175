"""A whole body as a label map, drawn from a seed; tumours come later and elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.phantom.body.bowel import draw_bowel, draw_stomach
from lvt_track.phantom.body.canvas import Canvas, Warp
from lvt_track.phantom.body.habitus import Habitus, draw_habitus
from lvt_track.phantom.body.liver import draw_gallbladder, draw_liver
from lvt_track.phantom.body.liver_vessels import LiverVessels, draw_liver_vessels
from lvt_track.phantom.body.organs import (
    draw_great_vessels,
    draw_kidneys,
    draw_pancreas,
    draw_pelvic_organs,
    draw_spleen,
)
from lvt_track.phantom.body.skeleton import draw_skeleton
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.body.torso import draw_torso

__all__ = ["Anatomy", "Field", "draw_anatomy"]

Field = Literal["upper", "abdomen"]
"""`upper`: from the heart to the lower poles of the kidneys; `abdomen`: down to the hips."""

_EXTENT_MM: dict[str, tuple[float, float]] = {"upper": (-150.0, 150.0), "abdomen": (-330.0, 180.0)}


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One body without tumours.

    Attributes:
        labels: uint8 (z, y, x) of `Tissue`.
        geometry: its grid, axial.
        habitus: what kind of body it is.
        vessels: the trees of the liver, in the coordinates of the template body.
        seed: what it was drawn from.
    """

    labels: NDArray[np.uint8]
    geometry: Geometry
    habitus: Habitus
    vessels: LiverVessels
    seed: int


def draw_anatomy(seed: int, spacing_mm: float = 1.5, field: Field = "abdomen") -> Anatomy:
    """Draw a body on an isotropic grid.

    Everything follows from the seed; the spacing changes only how finely it is sampled.

    Args:
        seed: any non-negative integer.
        spacing_mm: edge of a voxel.
        field: how much of the body.

    Returns:
        The body. World z is 0 at the twelfth thoracic disc, x at the midline.
    """
    rng = np.random.default_rng([seed, 0x1A7])
    habitus = draw_habitus(rng)
    bottom, top = (edge * habitus.scale[0] for edge in _EXTENT_MM[field])
    half_x = (150 + habitus.fat_mm[0] * 1.25) * habitus.scale[2] + 22
    if field == "abdomen":
        half_x += 20
    if habitus.arms_down:
        half_x = max(half_x, (178 + habitus.fat_mm[0] + 30) * habitus.scale[2] + 35)
    front = (118 + habitus.fat_mm[1] * 1.25) * habitus.scale[1] + 22
    back = (95 + habitus.fat_mm[2]) * habitus.scale[1] + 40
    size = (top - bottom, front + back, 2 * half_x)
    shape = tuple(round(s / spacing_mm) for s in size)
    geometry = Geometry.axial(
        (shape[0], shape[1], shape[2]), (spacing_mm,) * 3, (-half_x, -front, bottom)
    )
    canvas = Canvas(geometry, Warp.draw(rng, habitus.scale, deviation_mm=5.0))
    torso = draw_torso(canvas, habitus, rng)
    draw_skeleton(canvas, torso, habitus, rng)
    draw_great_vessels(canvas, habitus, rng)
    draw_kidneys(canvas, torso, habitus, rng)
    if habitus.has_gallbladder:
        draw_gallbladder(canvas, torso, rng)
    box, liver = draw_liver(canvas, torso, habitus, rng)
    vessels = draw_liver_vessels(canvas, box, liver, habitus, rng)
    draw_spleen(canvas, torso, habitus, rng)
    draw_stomach(canvas, torso, habitus, rng)
    draw_pancreas(canvas, torso, rng)
    if field == "abdomen":
        draw_pelvic_organs(canvas, torso, habitus, rng)
    draw_bowel(canvas, torso, habitus, rng)
    _draw_table(canvas, rng)
    return Anatomy(canvas.labels, geometry, habitus, vessels, seed)


def _draw_table(canvas: Canvas, rng: np.random.Generator) -> None:

    occupied = np.flatnonzero((canvas.labels != Tissue.AIR).any(axis=(0, 2)))
    if len(occupied) == 0 or rng.random() < 0.1:
        return
    origin, step = canvas.geometry.origin_mm[1], canvas.geometry.spacing_mm[1]
    back = origin + occupied[-1] * step + float(rng.uniform(2, 10))
    rows = origin + np.arange(canvas.labels.shape[1]) * step
    columns = canvas.geometry.origin_mm[0] + np.arange(canvas.labels.shape[2]) * step
    curve = back - float(rng.uniform(0, 25)) * (columns / 200.0) ** 2
    off = rows[:, None] - curve[None, :]
    shell = (off > 0) & (off < max(3.0, step)) & (np.abs(columns) < 215)[None, :]
    shell = np.broadcast_to(shell[None], canvas.labels.shape)
    canvas.labels[shell & (canvas.labels == Tissue.AIR)] = Tissue.TABLE
