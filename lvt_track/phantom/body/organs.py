"""Solid organs and great vessels of the upper abdomen, and those of the pelvis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.phantom.body.canvas import Canvas
from lvt_track.phantom.body.habitus import Habitus
from lvt_track.phantom.body.shapes import (
    capsule_level,
    chain_level,
    ellipsoid_level,
    rotation,
)
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.body.torso import Torso

__all__ = [
    "draw_great_vessels",
    "draw_kidneys",
    "draw_pancreas",
    "draw_pelvic_organs",
    "draw_spleen",
]


_Tube = tuple[Sequence[tuple[float, float, float]], Sequence[float], Tissue]
"""The way of a vessel in mm, its radius at each point in mm, and what it is."""

_FORK = (2, -32, -122)
"""Where the aorta parts into the iliac arteries."""

_ESOPHAGUS = ((6, -4, 300), (8, -20, 130), (12, -38, 68), (20, -36, 50))


def draw_great_vessels(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    """Aorta and vena cava with their main branches, oesophagus, portal trunk."""
    tubes = [
        *_aorta_and_cava(float(rng.normal(1.0, 0.12)), float(rng.uniform(0.75, 1.4))),
        *_paired_vessels(-1),
        *_paired_vessels(1),
        *_visceral_vessels(float(rng.uniform(5.5, 7.5))),
        (_ESOPHAGUS, [8, 7.5, 8, 8], Tissue.ESOPHAGUS),
    ]
    for points, radii, tissue in tubes:
        jitter = rng.normal(0, 1.8, (len(points), 3))
        if tissue in (Tissue.VENA_CAVA, Tissue.INFRARENAL_VENA_CAVA, Tissue.PORTAL_TRUNK):
            jitter *= 0.0
        way = np.array(points, dtype=float) + jitter
        # The liver lies on the vena cava; other neighbours keep off by some fat.
        gap_mm = 0.0 if tissue is Tissue.VENA_CAVA else 0.3 + 1.5 * habitus.visceral_fat
        _draw_tube(canvas, (way, radii, tissue), gap_mm)


def _aorta_and_cava(aorta_width: float, cava_width: float) -> list[_Tube]:
    """Both as wide as usual times a factor; the cava is another tissue below the kidneys' veins."""
    aorta = [(16, 0, 300), (18, -4, 150), (12, -22, 60), (9, -28, 0), (5, -34, -80), _FORK]
    cava = [(-14, -42, 100), (-24, -35, 60), (-25, -32, 12), (-22, -30, -40), (-18, -30, -128)]
    aorta_mm = [aorta_width * radius for radius in (12.5, 12, 11, 10, 9, 8)]
    cava_mm = [cava_width * radius for radius in (13, 12.5, 11.5, 11, 9.5)]
    return [
        (aorta, aorta_mm, Tissue.AORTA),
        (cava[:3], cava_mm[:3], Tissue.VENA_CAVA),
        (cava[2:], cava_mm[2:], Tissue.INFRARENAL_VENA_CAVA),
    ]


def _paired_vessels(side: int) -> list[_Tube]:
    """Iliac and renal vessels of the left side (1) or the right one (-1)."""
    artery = [_FORK, (side * 22, -30, -165), (side * 48, -40, -215)]
    artery += [(side * 72, -68, -262), (side * 82, -62, -330)]
    vein = [(-14, -28, -128), (side * 20, -20, -172), (side * 48, -28, -218)]
    vein += [(side * 66, -62, -262), (side * 74, -54, -330)]
    renal_vein = [(side * 10, -26, -40), (side * 32, -18, -46), (side * 55, -8, -48)]
    return [
        (artery, [7, 6, 5, 5, 4.5], Tissue.AORTA),
        (vein, [8, 7, 6.5, 6, 5.5], Tissue.SYSTEMIC_VEIN),
        (renal_vein, [5.0, 4.5, 3.5], Tissue.SYSTEMIC_VEIN),
        ([(9, -28, -36), (side * 50, -4, -44)], [3.2, 2.6], Tissue.AORTA),
    ]


def _visceral_vessels(portal_mm: float) -> list[_Tube]:
    """Hepatic, splenic and mesenteric arteries; the portal trunk of this radius and its roots."""
    splenic_vein = [(2, -52, -40), (28, -44, -18), (58, -22, -6), (84, 6, 2)]
    mesenteric_vein = [(2, -52, -40), (-4, -58, -75), (-8, -62, -120)]
    return [
        ([(8, -36, -12), (4, -48, -10), (-8, -50, -14)], [4, 3.5, 2.5], Tissue.AORTA),
        ([(4, -48, -10), (30, -40, -6), (70, -10, 2)], [3, 2.6, 2.4], Tissue.AORTA),
        ([(8, -36, -22), (6, -52, -45), (0, -58, -110)], [4, 3.8, 3], Tissue.AORTA),
        ([(-28, -47, -20), (-14, -51, -28), (2, -52, -40)], [portal_mm] * 3, Tissue.PORTAL_TRUNK),
        (splenic_vein, [portal_mm * k for k in (0.75, 0.7, 0.65, 0.5)], Tissue.PORTAL_TRUNK),
        (mesenteric_vein, [portal_mm * k for k in (0.85, 0.7, 0.5)], Tissue.PORTAL_TRUNK),
    ]


def _draw_tube(
    canvas: Canvas, tube: tuple[FloatArray, Sequence[float], Tissue], gap_mm: float
) -> None:
    """Draw a way (n, 3) of radii in mm, segment by segment; others keep a gap from it."""
    way, radii, tissue = tube
    reach = max(radii) + 3
    for i in range(len(way) - 1):
        low, high = np.minimum(way[i], way[i + 1]), np.maximum(way[i], way[i + 1])
        box = canvas.box(low - reach, high + reach)
        if any(s.stop <= s.start for s in box):
            continue
        level = capsule_level(canvas.coordinates(box), way[i], way[i + 1], radii[i], radii[i + 1])
        labels = canvas.labels[box]
        is_free = ~np.isin(labels, [Tissue.CORTICAL_BONE, Tissue.MARROW, Tissue.LEFT_HEART])
        labels[(level < 0) & is_free] = tissue
        canvas.taken[box] |= level < gap_mm


def draw_kidneys(canvas: Canvas, torso: Torso, habitus: Habitus, rng: np.random.Generator) -> None:
    """Kidneys with cortex, medulla, sinus fat and pelvis; adrenals above them."""
    for side in (-1, 1):
        centre = np.array([side * 66.0, 8.0, -58.0 if side < 0 else -44.0])
        centre += rng.normal(0, [5, 5, 11])
        if rng.random() > 0.03:
            _draw_kidney(canvas, torso, habitus, rng, centre)
        top = np.array([side * 38.0, -12.0, 2.0])
        for end in ((6, 16, -14), (-2, 18, -16), (0, -8, 6)):
            tip = top + np.array(end) * [side, 1, 1]
            box = canvas.box(np.minimum(top, tip) - 6, np.maximum(top, tip) + 6)
            level = capsule_level(canvas.coordinates(box), top, tip, 3.2, 2.4)
            canvas.paint(box, level, Tissue.ADRENAL, 1.0)


def _draw_kidney(
    canvas: Canvas,
    torso: Torso,
    habitus: Habitus,
    rng: np.random.Generator,
    centre: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    side = 1 if centre[0] > 0 else -1
    radii = np.array([27.0, 30.0, 54.0]) * rng.normal(1, 0.07) * rng.normal(1, 0.03, 3)
    turn = rotation(float(rng.normal(-12, 5)), side * float(rng.normal(12, 4)), side * -35.0)
    box = canvas.box(centre - 68, centre + 68)
    at = canvas.coordinates(box)
    level = ellipsoid_level(at, centre, radii, turn) + canvas.field(rng, box, 16.0, 1.3)
    level = np.maximum(level, torso.cavity[box] + 1.0)
    notch = ellipsoid_level(at, centre + np.array([-side * 24, -10, 0]), [16, 13, 20])
    level = np.maximum(level, -notch)
    gap = 0.5 + 4.0 * habitus.visceral_fat + canvas.field(rng, box, 35.0, 1.4)
    filled = canvas.paint(box, level, Tissue.KIDNEY_CORTEX, np.clip(gap, 0.2, None))
    labels = canvas.labels[box]
    lobes = canvas.field(rng, box, 9.0, 1.0)
    labels[filled & (level < -6 + 2.2 * lobes) & (lobes > -0.7)] = Tissue.KIDNEY_MEDULLA
    sinus = ellipsoid_level(at, centre + np.array([-side * 9, -4, 0]), [13, 11, 27]) + 2.5 * lobes
    labels[filled & (sinus < 0)] = Tissue.VISCERAL_FAT
    wide = float(rng.choice([4.0, 6.0, 11.0], p=[0.7, 0.22, 0.08]))
    pelvis = ellipsoid_level(at, centre + np.array([-side * 12, -6, -2]), [wide, wide, wide * 1.8])
    labels[filled & (pelvis + 2 * lobes < 0)] = Tissue.RENAL_PELVIS
    if rng.random() < 0.25:
        spot = centre + rng.normal(0, 1, 3) * radii * 0.7
        cyst = ellipsoid_level(at, spot, np.full(3, float(rng.uniform(4, 20))))
        near = (cyst < 0) & (torso.cavity[box] < 0) & (filled | ~canvas.taken[box])
        labels[near] = Tissue.KIDNEY_CYST
        canvas.taken[box] |= near


def draw_spleen(canvas: Canvas, torso: Torso, habitus: Habitus, rng: np.random.Generator) -> None:
    """The spleen under the left dome."""
    centre = np.array([100.0, 22.0, 10.0 + 0.5 * habitus.breath_mm]) + rng.normal(0, [3, 6, 8])
    radii = np.array([34.0, 50.0, 56.0]) * habitus.spleen_scale
    box = canvas.box(centre - radii - 10, centre + radii + 10)
    at = canvas.coordinates(box)
    turn = rotation(float(rng.normal(-25, 8)), float(rng.normal(10, 6)), float(rng.normal(-20, 8)))
    level = ellipsoid_level(at, centre, radii, turn)
    hollow = ellipsoid_level(at, centre + np.array([-50, -26, -6]), [38, 36, 46])
    level = np.maximum(np.maximum(level, -hollow), torso.cavity[box] + 0.8)
    level = level + canvas.field(rng, box, 25.0, 2.0)
    canvas.paint(box, level, Tissue.SPLEEN, 0.4 + 3 * habitus.visceral_fat)


def draw_pancreas(canvas: Canvas, torso: Torso, rng: np.random.Generator) -> None:
    """The pancreas, from the duodenum to the hilum of the spleen."""
    size = float(rng.uniform(0.7, 1.15))
    points = np.array(
        [(-26, -48, -62), (-20, -56, -44), (2, -64, -30), (30, -56, -18), (72, -22, -2)],
        dtype=float,
    ) + rng.normal(0, 3, (5, 3))
    box = canvas.box(points.min(0) - 22, points.max(0) + 22)
    level = chain_level(
        canvas.coordinates(box), list(points), [r * size for r in (12, 14, 9, 10, 8)], 6.0
    )
    level = level + canvas.field(rng, box, 7.0, 2.2)
    level = np.maximum(level, torso.cavity[box] + 1.0)
    canvas.paint(box, level.astype(np.float32), Tissue.PANCREAS, 1.0)


def draw_pelvic_organs(
    canvas: Canvas, torso: Torso, habitus: Habitus, rng: np.random.Generator
) -> None:
    """Bladder, and prostate or uterus."""
    full = float(rng.uniform(0.5, 1.3))
    centre = np.array([0.0, -35.0, -262.0])
    box = canvas.box(centre - 75, centre + 75)
    if any(s.stop <= s.start for s in box):
        return
    at = canvas.coordinates(box)
    bladder = ellipsoid_level(at, centre, np.array([42.0, 34.0, 34.0]) * full)
    bladder = bladder + canvas.field(rng, box, 30.0, 3.0)
    filled = canvas.paint(box, bladder, Tissue.PELVIC_ORGAN, 2.0)
    canvas.labels[box][filled & (bladder < -3)] = Tissue.BLADDER
    place = [0, 2, -238] if habitus.is_female else [0, -28, -306]
    organ = ellipsoid_level(at, place, [32, 24, 32] if habitus.is_female else [22, 18, 17])
    canvas.paint(box, organ + canvas.field(rng, box, 20.0, 2.0), Tissue.PELVIC_ORGAN, 2.0)
