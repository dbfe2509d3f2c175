"""Stomach, duodenum, small bowel and colon with what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box, FloatArray
from lvt_track.phantom.body.canvas import Canvas
from lvt_track.phantom.body.habitus import Habitus
from lvt_track.phantom.body.shapes import Float32, capsule_level, chain_level
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.body.torso import Torso

__all__ = ["draw_bowel", "draw_stomach"]


@dataclass(frozen=True, eq=False)
class _Tube:
    """A piece of bowel: its way (n, 3) in LPS mm, its usual radius and what it holds."""

    points: FloatArray
    radius_mm: float
    content: Tissue


def draw_stomach(canvas: Canvas, torso: Torso, habitus: Habitus, rng: np.random.Generator) -> None:
    """The stomach, from empty to distended, with food, water, contrast and gas."""
    size = habitus.stomach_scale
    points = np.array(
        [
            (30, -22, 52),
            (66, -8, 48),
            (68, -42, 12),
            (48, -76, -30),
            (10, -82, -46),
            (-24, -66, -40),
        ],
        dtype=float,
    ) + rng.normal(0, [6, 5, 8], (6, 3))
    radii = [18 * size, 34 * size, 34 * size, 27 * size, 19 * size, 10]
    box = canvas.box(points.min(0) - 48, points.max(0) + 48)
    at = canvas.coordinates(box)
    level = chain_level(at, list(points), radii, 12.0) + canvas.field(rng, box, 22.0, 2.2)
    level = np.maximum(level, torso.cavity[box] + 1.0)
    filled = canvas.paint(box, level, Tissue.STOMACH_WALL, 0.5 + 1.5 * habitus.visceral_fat)
    folds = canvas.field(rng, box, 8.0, 1.2)
    lumen = filled & (level < -float(rng.uniform(2.2, 5.0)) + folds)
    kinds = [Tissue.STOMACH_CONTENT, Tissue.BOWEL_FLUID, Tissue.BOWEL_CONTRAST]
    chance = [0.3, 0.2, 0.5] if habitus.has_oral_contrast else [0.55, 0.45, 0.0]
    _fill(canvas, box, lumen, kinds[int(rng.choice(3, p=chance))], float(rng.beta(1.2, 2.5)))


def _fill(
    canvas: Canvas,
    box: Box,
    lumen: NDArray[np.bool_],
    content: Tissue,
    gas_fraction: float,
) -> None:
    """Content below, gas on top: the patient lies on the back."""
    if not lumen.any():
        return
    labels = canvas.labels[box]
    labels[lumen] = content
    depth = canvas.at[1][box]
    labels[lumen & (depth < np.quantile(depth[lumen], gas_fraction))] = Tissue.BOWEL_GAS


def _walk(
    rng: np.random.Generator, start: FloatArray, low: FloatArray, high: FloatArray, steps: int
) -> FloatArray:
    """A meandering path that stays within a box."""
    points = [start]
    heading = rng.normal(0, 1, 3)
    for _ in range(steps):
        heading = heading + rng.normal(0, 1.1, 3)
        heading /= np.linalg.norm(heading)
        step = points[-1] + heading * 17.0
        out = (step < low) | (step > high)
        heading = np.where(out, -heading, heading)
        points.append(np.clip(step, low, high))
    return np.array(points)


def draw_bowel(canvas: Canvas, torso: Torso, habitus: Habitus, rng: np.random.Generator) -> None:
    """Duodenum, colon and small bowel in what room the organs leave."""
    duodenum = [(-24, -66, -40), (-42, -50, -48), (-42, -40, -85), (-15, -42, -98), (25, -44, -88)]
    way = np.array(duodenum, dtype=float)
    _draw_tube(canvas, torso, habitus, rng, _Tube(way, 12.0, Tissue.BOWEL_FLUID))
    hepatic = np.array([-92.0, -45.0, -92.0]) + rng.normal(0, [8, 14, 16])
    splenic = np.array([98.0, -12.0, 0.0]) + rng.normal(0, [6, 12, 16])
    sag = float(rng.uniform(-25, 60))
    middle = np.array([5.0, -92.0, -75.0 - sag])
    colon = np.array(
        [
            (-100, -15, -195),
            (-106, -5, -150),
            hepatic,
            (hepatic + middle) / 2 + [0, -20, -5],
            middle,
            (splenic + middle) / 2 + [0, -20, -8],
            splenic,
            (110, 8, -60),
            (112, 5, -130),
            (95, -10, -190),
            (50, -5, -225),
            (5, 15, -205),
            (4, 42, -245),
            (0, 42, -300),
        ],
        dtype=float,
    )
    # The first part is the widest, and holds what is nearly as bright as a native liver.
    wide_mm = 19.0 * float(rng.uniform(0.9, 1.9))
    mush = [Tissue.BOWEL_STOOL, Tissue.STOMACH_CONTENT, Tissue.BOWEL_FLUID]
    held = mush[int(rng.choice(3, p=[0.4, 0.35, 0.25]))]
    ascending = _refine(rng, colon[:3], 18.0)
    _draw_tube(canvas, torso, habitus, rng, _Tube(ascending, wide_mm, held))
    rest = _refine(rng, colon[2:], 18.0)
    _draw_tube(canvas, torso, habitus, rng, _Tube(rest, 19.0, Tissue.BOWEL_STOOL))
    for loop_number in range(18 + round(20 * (1 - habitus.visceral_fat))):
        low, high = np.array([-95.0, -105.0, -235.0]), np.array([95.0, 5.0, -55.0])
        if loop_number % 3 == 0:
            # Jejunum lies on the left, up to the stomach.
            low, high = np.array([0.0, -100.0, -140.0]), np.array([105.0, 10.0, -10.0])
        start = low + rng.random(3) * (high - low)
        loop = _walk(rng, start, low, high, 26)
        radius = float(rng.uniform(8, 14))
        content = Tissue.BOWEL_FLUID
        if habitus.has_oral_contrast and rng.random() < 0.6:
            content = Tissue.BOWEL_CONTRAST
        _draw_tube(canvas, torso, habitus, rng, _Tube(loop, radius, content))


def _refine(rng: np.random.Generator, points: FloatArray, step_mm: float) -> FloatArray:
    out = [points[0]]
    for a, b in pairwise(points):
        n = max(1, int(np.linalg.norm(b - a) / step_mm))
        out += [a + (b - a) * (k + 1) / n + rng.normal(0, 4, 3) * (k + 1 < n) for k in range(n)]
    return np.array(out)


def _draw_tube(
    canvas: Canvas,
    torso: Torso,
    habitus: Habitus,
    rng: np.random.Generator,
    tube: _Tube,
) -> None:
    points, content = tube.points, tube.content
    radii = tube.radius_mm * rng.uniform(0.65, 1.25, len(points))
    wall = float(rng.uniform(1.6, 3.0))
    gap = 0.3 + 2.0 * habitus.visceral_fat
    painted: list[tuple[Box, Float32, NDArray[np.bool_]]] = []
    for i in range(len(points) - 1):
        a, b = points[i], points[i + 1]
        box = canvas.tight_box((a + b) / 2, float(np.linalg.norm(b - a)) / 2 + max(radii) + gap + 3)
        if any(s.stop <= s.start for s in box):
            continue
        level = capsule_level(canvas.coordinates(box), a, b, radii[i], radii[i + 1])
        level = np.maximum(level, torso.cavity[box] + 1.5)
        painted.append((box, level, canvas.paint(box, level, Tissue.BOWEL_WALL)))
    mix = rng.random(3) * [1.0, 0.8, 0.5]
    for box, level, _ in painted:
        labels = canvas.labels[box]
        lumen = (level < -wall) & (labels == Tissue.BOWEL_WALL)
        u = rng.random()
        gas = float(rng.random()) if u < (0.6 if content is Tissue.BOWEL_STOOL else 0.15) else 0.0
        _fill(canvas, box, lumen, content, gas * float(mix.max()))
    for box, level, _ in painted:
        canvas.taken[box] |= level < gap
