"""Vertebral column, ribs, sternum, pelvis, arms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box
from lvt_track.phantom.body.canvas import Canvas
from lvt_track.phantom.body.habitus import Habitus
from lvt_track.phantom.body.shapes import Float32, capsule_level, ellipsoid_level, smooth_min
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.body.torso import Torso, spine_shift

__all__ = ["draw_skeleton"]


def draw_skeleton(canvas: Canvas, torso: Torso, habitus: Habitus, rng: np.random.Generator) -> None:
    """Draw the bones and close them to the organs."""
    _draw_ribs(canvas, torso, rng)
    _draw_spine(canvas, rng)
    _draw_pelvis(canvas, rng)
    if habitus.arms_down:
        _draw_arms(canvas, habitus, rng)


def _bone(canvas: Canvas, box: tuple[slice, slice, slice], level: Float32, shell_mm: float) -> None:
    labels = canvas.labels[box]
    labels[level < 0] = Tissue.CORTICAL_BONE
    labels[level < -shell_mm] = Tissue.MARROW
    canvas.taken[box] |= level < 1.0


def _draw_spine(canvas: Canvas, rng: np.random.Generator) -> None:
    box = canvas.box([-50, -60, -240], [50, 110, 300])
    x, y, z = canvas.coordinates(box)
    y = y - spine_shift(z)
    pitch = np.float32(33.0)
    within = np.abs((z / pitch) % 1.0 - 0.5) * pitch
    body = (np.sqrt((x / 1.22) ** 2 + (y * 1.05) ** 2) - 18.5).astype(np.float32)
    waist = body + 2.0 * (1 - within / (pitch / 2))
    disc = within > 12.5
    labels = canvas.labels[box]
    labels[(body < 0) & disc] = Tissue.DISC
    bone = (waist < 0) & ~disc
    labels[bone] = Tissue.CORTICAL_BONE
    labels[bone & (waist < -1.6) & (within < 11.5)] = Tissue.MARROW
    arch = np.sqrt((x / 1.3) ** 2 + (y - 26) ** 2) - 14
    canal = np.sqrt((x / 1.15) ** 2 + (y - 25) ** 2) - 8.5
    spinous = np.maximum(np.abs(x) - 3.2, np.abs(y - 48) - 18) + np.maximum(0, within - 9) * 0.6
    transverse = np.maximum(np.abs(x) - 36, np.maximum(np.abs(y - 28), np.abs(within - 3)) - 4.5)
    facets = np.sqrt(((np.abs(x) - 15) / 1.1) ** 2 + (y - 32) ** 2) - 8
    back = np.minimum(np.minimum(spinous, transverse), np.minimum(facets, arch)).astype(np.float32)
    labels[(back < 0) & (body > 0)] = Tissue.CORTICAL_BONE
    labels[(back < -2.2) & (body > 0)] = Tissue.MARROW
    labels[canal < 0] = Tissue.SPINAL_CANAL
    canvas.taken[box] |= np.minimum(body, back) < 1.5


def _draw_ribs(canvas: Canvas, torso: Torso, rng: np.random.Generator) -> None:
    box = canvas.box([-220, -180, -60], [220, 150, 300])
    x, y, z = canvas.coordinates(box)
    # Distance outwards from the inner surface of the chest.
    depth = torso.ribcage[box]
    # 0 behind, pi in front; ribs fall on their way round and their cartilage rises again.
    angle = np.arctan2(np.abs(x), y + 15)
    fall = np.interp(angle, [0, 0.6, 1.6, 2.3, 2.8, 3.2], [0, 14, 62, 88, 82, 60])
    along = (z + fall.astype(np.float32) - 14) / np.float32(28.0)
    number = np.floor(along)
    across = np.abs(along - number - 0.5) * 28.0
    reach = np.interp(number, [-2, -1, 0, 1, 2, 3, 9], [0, 0, 1.25, 1.7, 2.15, 2.3, 2.45])
    middle = float(rng.uniform(3.8, 5.0))
    rib = np.maximum(across - 5.8, np.abs(depth - middle) - 3.4).astype(np.float32)
    labels = canvas.labels[box]
    shown = (rib < 0) & (torso.wall[box] < -1) & (angle > 0.16)
    bony = shown & (angle < reach)
    labels[bony] = Tissue.CORTICAL_BONE
    labels[bony & (rib < -1.5)] = Tissue.MARROW
    # Cartilage is thicker than the ribs, swells inwards, and lies bare on the liver.
    # From a stream of its own: the rest of the body does not hang on it.
    cartilage_rng = rng.spawn(1)[0]
    swell, inwards = cartilage_rng.uniform(0.0, [3.5, 5.0])
    gristle = np.maximum(
        across - 5.8 - 0.5 * swell, np.abs(depth - middle + inwards) - 3.4 - 0.5 * swell
    )
    costal = (gristle < 0) & (torso.wall[box] < -1)
    costal &= (angle >= reach) & (number > 1) & (angle < 3.05)
    labels[costal] = Tissue.CARTILAGE
    labels[costal & _calcified(canvas, box, gristle, cartilage_rng)] = Tissue.CORTICAL_BONE
    canvas.taken[box] |= costal
    sternum = np.maximum(np.abs(x) - 15, np.abs(depth - 5) - 4.5)
    sternum = np.where((y < -60) & (z > 78), sternum, 9).astype(np.float32)
    labels[sternum < 0] = Tissue.CORTICAL_BONE
    labels[sternum < -1.5] = Tissue.MARROW


def _calcified(
    canvas: Canvas, box: Box, level: Float32, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Islands of bone in cartilage, more of them at its surface; few in the young, many later."""
    islands = canvas.field(rng, box, 6.0, 1.0) + np.where(level > -1.8, 0.8, 0.0)
    calcified: NDArray[np.bool_] = islands > rng.uniform(1.0, 3.5)
    return calcified


def _draw_pelvis(canvas: Canvas, rng: np.random.Generator) -> None:
    box = canvas.box([-190, -110, -440], [190, 130, -105])
    if any(s.stop <= s.start for s in box):
        return
    x, y, z = canvas.coordinates(box)
    side = np.abs(x)
    at = (side, y, z)
    turned = (side, y - spine_shift(z), z)
    sacrum = ellipsoid_level(turned, [0, 8, -215], [52, 24, 62])
    shell = ellipsoid_level(at, [0, -30, -170], [118, 122, 150])
    wing = np.maximum(
        np.abs(shell) - np.interp(z, [-250, -200, -120], [9, 5, 7]).astype(np.float32),
        np.maximum(np.maximum(z + 118, -265 - z), 48 - side),
    )
    wing = np.maximum(wing, -y - 55 - 0.35 * (z + 120))
    socket = ellipsoid_level(at, [90, -8, -262], [31, 31, 31])
    ischium = capsule_level(at, [90, 10, -270], [68, 38, -325], 18, 14)
    pubis = capsule_level(at, [88, -25, -262], [14, -62, -292], 12, 9)
    ramus = capsule_level(at, [14, -58, -296], [62, 30, -332], 8, 8)
    pelvis = np.minimum(
        smooth_min(np.minimum(wing, socket), ischium, 6.0), np.minimum(pubis, ramus)
    )
    _bone(canvas, box, np.minimum(sacrum, pelvis).astype(np.float32), 2.2)
    joint = ellipsoid_level(at, [90, -8, -262], [25.5, 25.5, 25.5])
    canvas.labels[box][(joint < 0)] = Tissue.CARTILAGE
    neck = capsule_level(at, [94, -6, -264], [140, 8, -300], 15, 20)
    shaft = capsule_level(at, [138, 6, -305], [130, 2, -480], 17, 15)
    head = ellipsoid_level(at, [90, -8, -262], [23.5, 23.5, 23.5])
    _bone(canvas, box, np.minimum(head, smooth_min(neck, shaft, 8.0)), 3.0)


def _draw_arms(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    away = 178 + habitus.fat_mm[0] + float(rng.uniform(10, 30))
    for side in (-1, 1):
        shoulder = np.array([side * (away - 6), 15.0, 330.0])
        elbow = np.array([side * away, 25.0, -30.0 + float(rng.uniform(-20, 30))])
        wrist = np.array([side * (away - 15), -20.0, -290.0])
        for a, b, r in ((shoulder, elbow, 42.0), (elbow, wrist, 34.0)):
            box = canvas.box(np.minimum(a, b) - 50, np.maximum(a, b) + 50)
            if any(s.stop <= s.start for s in box):
                continue
            level = capsule_level(canvas.coordinates(box), a, b, r, r * 0.8)
            labels = canvas.labels[box]
            empty = labels == Tissue.AIR
            labels[empty & (level < 0)] = Tissue.FAT
            labels[empty & (level < -3 - 0.2 * habitus.fat_mm[0])] = Tissue.MUSCLE
            labels[empty & (level < -r * 0.8 + 11)] = Tissue.CORTICAL_BONE
            labels[empty & (level < -r * 0.8 + 5)] = Tissue.MARROW
