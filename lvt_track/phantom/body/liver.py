"""The liver: two lobes under the diaphragm, cut by fissures and by its neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Box
from lvt_track.phantom.body.canvas import Canvas
from lvt_track.phantom.body.habitus import Habitus, LiverShape
from lvt_track.phantom.body.shapes import (
    Float32,
    capsule_level,
    ellipsoid_level,
    half_space_level,
    smooth_max,
    smooth_min,
)
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.body.torso import Torso

__all__ = ["HILUM_MM", "LIVER_BOX_MM", "draw_gallbladder", "draw_liver"]

HILUM_MM = (-24.0, -48.0, -22.0)
"""Where the portal vein enters the liver, in the template."""

_COARSE_MM = 3.5

LIVER_BOX_MM = ((-160.0, -140.0, -175.0), (125.0, 90.0, 125.0))


def draw_gallbladder(canvas: Canvas, torso: Torso, rng: np.random.Generator) -> None:
    """A pear below the liver, between its lobes; drawn before it, so that it makes its fossa."""
    neck = np.array([-34.0, -48.0, -32.0]) + rng.normal(0, 3, 3)
    fundus = np.array([-58.0, -84.0, -66.0]) + rng.normal(0, 9, 3)
    radius = float(rng.uniform(9, 21))
    low, high = np.minimum(neck, fundus) - 28, np.maximum(neck, fundus) + 28
    box = canvas.box(low, high)
    at = canvas.coordinates(box)
    level = capsule_level(at, neck, fundus, radius * 0.35, radius)
    level = np.maximum(level + canvas.field(rng, box, 20.0, 1.0), torso.cavity[box] + 4)
    filled = canvas.paint(box, level, Tissue.GALLBLADDER_WALL, float(rng.uniform(0.0, 2.5)))
    lumen = filled & (level < -float(rng.choice([1.4, 1.8, 3.5], p=[0.5, 0.35, 0.15])))
    canvas.labels[box][lumen] = Tissue.GALLBLADDER
    if rng.random() < 0.15:
        stone = ellipsoid_level(
            at, fundus + np.array([0, radius * 0.4, -2]), np.full(3, radius * 0.4)
        )
        canvas.labels[box][lumen & (stone < 0)] = Tissue.GALLSTONE


def draw_liver(
    canvas: Canvas, torso: Torso, habitus: Habitus, rng: np.random.Generator
) -> tuple[Box, NDArray[np.bool_]]:
    """Draw the parenchyma; returns its box and mask there."""
    box = canvas.box(*LIVER_BOX_MM)
    at = canvas.coordinates(box)
    # Smooth forms are found on a coarse grid and interpolated.
    coarse = canvas.cut(box).coarser(_COARSE_MM)
    level = canvas.refine(_lobes(coarse, habitus, rng), coarse, box)
    gap = 2.6 * habitus.visceral_fat - 0.7 + canvas.field(rng, box, 35.0, 1.2)
    gap = gap + habitus.ascites_mm * (0.6 + canvas.field(rng, box, 50.0, 0.35))
    level = np.maximum(level, torso.cavity[box] + np.clip(gap, 0.0, None))
    rough = 1.0 if habitus.liver_shape is not LiverShape.CIRRHOTIC else 3.0
    if rough > 1:
        level = level + canvas.field(rng, box, 9.0, float(rng.uniform(0.8, 2.2)))
    fissures = canvas.refine(_fissures(coarse, habitus, rng), coarse, box)
    level = np.maximum(level, -fissures)
    if habitus.ascites_mm > 0:
        fluid = (torso.cavity[box] < -0.5) & (level > 0) & (level < habitus.ascites_mm * 1.6)
        fluid &= (canvas.labels[box] == Tissue.VISCERAL_FAT) & ~canvas.taken[box]
        canvas.labels[box][fluid & (at[2] > -120)] = Tissue.ASCITES
    gap_mm = 0.4 + 3.0 * habitus.visceral_fat + canvas.field(rng, box, 40.0, 1.4)
    filled = canvas.paint(box, level.astype(np.float32), Tissue.LIVER, np.clip(gap_mm, 0.0, 9.0))
    # What neighbours have cut off from the liver is not liver.
    pieces, count = ndimage.label(filled)
    if count > 1:
        largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
        canvas.labels[box][filled & (pieces != largest)] = Tissue.VISCERAL_FAT
        filled = pieces == largest
    return box, filled


def _lobes(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> Float32:
    box = (slice(None), slice(None), slice(None))
    at = canvas.coordinates(box)
    shape = habitus.liver_shape
    size = habitus.liver_scale
    hilum = np.array(HILUM_MM)
    down = float(rng.normal(0, 8)) + (size - 1) * 130
    # Visceral surface of the right lobe: it rises from the lower edge to the hilum.
    right = half_space_level(
        at,
        hilum + np.array([0, 0, -4 - down * 0.6]),
        [0.50 + rng.normal(0, 0.07), 0.33 + rng.normal(0, 0.07), -0.80],
    )
    if shape is LiverShape.RIEDEL:
        tongue = ellipsoid_level(at, [-98, -35, -85], [32, 45, 75])
        right = smooth_min(right, tongue, 25.0)
    lowest = (-95 - down * 1.3 - at[2]).astype(np.float32)
    if shape is LiverShape.RIEDEL:
        lowest = lowest - 55
    right = smooth_max(right, lowest, 20.0)
    bulk = ellipsoid_level(at, [-72, -22, 10], np.array([86, 98, 125]) * (0.94 + 0.06 * size))
    right = smooth_max(right, bulk, 12.0)
    # Medially the right lobe ends at the vena cava and the fissure of the round ligament.
    right = smooth_max(right, half_space_level(at, [2, -30, 20], [0.85, 0.5, -0.05]), 14.0)
    reach = {
        LiverShape.LONG_LEFT: float(rng.uniform(75, 105)),
        LiverShape.SHORT_LEFT: float(rng.uniform(5, 22)),
        LiverShape.LEFT_RESECTED: -20.0,
        LiverShape.RIGHT_RESECTED: float(rng.uniform(60, 90)),
    }.get(shape, float(rng.uniform(32, 85)))
    thick = float(rng.normal(0, 7)) + (12 if shape is LiverShape.RIGHT_RESECTED else 0)
    left = half_space_level(
        at,
        [0, -58 + thick, -18],
        [0.30 + rng.normal(0, 0.06), 0.70, -0.60 + rng.normal(0, 0.1)],
    )
    tip = half_space_level(at, [reach, -60, 30], [0.9, 0.25, 0.15])
    left = smooth_max(left, tip, 16.0)
    left = smooth_max(left, (-58 - down * 0.5 - at[2]).astype(np.float32), 14.0)
    left = np.maximum(left, half_space_level(at, [-70, 0, 0], [-1, 0, 0]))
    caudate = ellipsoid_level(
        at, [-10, -42, 4], np.array([21, 19, 33]) * (1.25 if shape is LiverShape.CIRRHOTIC else 1)
    )
    if shape is LiverShape.RIGHT_RESECTED:
        right = smooth_max(right, half_space_level(at, [-55, -60, 0], [-0.9, 0.4, 0]), 12.0)
    level = smooth_min(smooth_min(right, left, 12.0), caudate, 8.0)
    return level + canvas.field(rng, box, 45.0, 3.0) + canvas.field(rng, box, 20.0, 0.9)


def _fissures(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> Float32:
    """Clefts filled with fat: round ligament, venous ligament, hilum."""
    box = (slice(None), slice(None), slice(None))
    at = canvas.coordinates(box)
    bent = canvas.field(rng, box, 22.0, 2.5)
    wide = 1.2 + 4.0 * habitus.visceral_fat * float(rng.uniform(0.3, 1.2))
    deep = float(rng.uniform(0.3, 1.0))
    x0 = 4.0 + float(rng.normal(0, 5))
    ligament = np.maximum(
        np.abs(at[0] - x0 - 0.12 * (at[1] + 70) + bent) - wide,
        half_space_level(at, [x0, -62 - 25 * deep, -30 + 28 * deep], [0.0, 0.35, 0.9]),
    )
    venous = np.maximum(
        np.abs(half_space_level(at, [2, -58, 5], [0.35, 0.9, 0.1]) + bent) - wide * 0.7,
        np.maximum(np.abs(at[2] - 5) - 30 * deep, np.abs(at[0] - 12) - 26),
    )
    hilum = capsule_level(
        at, [-2, -46, -34], np.array(HILUM_MM) + np.array([-6, 0, 4]), 15, 7 + wide
    )
    result: Float32 = np.minimum(np.minimum(ligament, venous), hilum).astype(np.float32)
    return result
