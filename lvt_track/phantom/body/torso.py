"""The body and its walls: skin, fat, muscle, the abdominal cavity, diaphragm, lungs, heart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lvt_track.phantom.body.canvas import Canvas
from lvt_track.phantom.body.habitus import Habitus
from lvt_track.phantom.body.shapes import (
    Float32,
    ellipsoid_level,
    smooth_min,
    superellipse_level,
)
from lvt_track.phantom.body.tissues import Tissue

__all__ = ["Torso", "draw_torso", "spine_shift"]

# Muscular outline of the template by height: half width, half depth, middle along y, mm.
_HEIGHT = np.array([-420.0, -300.0, -265.0, -150.0, -85.0, 0.0, 100.0, 180.0, 260.0])
_HALF_WIDTH = np.array([175.0, 168.0, 160.0, 138.0, 127.0, 134.0, 140.0, 142.0, 150.0])
_HALF_DEPTH = np.array([95.0, 97.0, 96.0, 87.0, 86.0, 96.0, 103.0, 98.0, 88.0])
_WHOLE = (slice(None), slice(None), slice(None))
_COARSE_MM = 4.5
_MIDDLE = np.array([0.0, -5.0, -5.0, -8.0, -8.0, -14.0, -16.0, -10.0, -5.0])


@dataclass(frozen=True, eq=False)
class Torso:
    """Levels of the walls on the whole grid, negative inside.

    Attributes:
        wall: the muscular outline of the trunk.
        ribcage: inner surface of the body wall, without what protrudes along the spine.
        cavity: the abdominal cavity below the diaphragm and within the wall.
    """

    wall: Float32
    ribcage: Float32
    cavity: Float32


class _Walls(NamedTuple):
    """Levels of what bounds the rooms of the body, negative inside, on one grid."""

    skin: Float32
    wall: Float32
    ribcage: Float32
    inner: Float32
    diaphragm: Float32
    recess: Float32
    cavity: Float32


def _at_height(z: Float32, values: NDArray[np.float64]) -> Float32:
    return np.interp(z, _HEIGHT, values).astype(np.float32)


def draw_torso(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> Torso:
    """Draw the body up to its organs; returns what bounds them."""
    # Walls are smooth: their levels are found on a coarse grid and interpolated.
    coarse = canvas.coarser(_COARSE_MM)
    levels = _Walls(*(canvas.refine(level, coarse) for level in _walls(coarse, habitus, rng)))
    skin, wall, cavity = levels.skin, levels.wall, levels.cavity
    labels = canvas.labels
    labels[skin < 0] = Tissue.FAT
    labels[(skin < 0) & (skin > -1.8)] = Tissue.SKIN
    if habitus.is_female:
        _draw_breasts(canvas, habitus, rng)
    labels[wall < 0] = Tissue.MUSCLE
    _marble(canvas, habitus, rng, wall)
    labels[(cavity < 0) & (wall < 0)] = Tissue.VISCERAL_FAT
    _draw_chest(canvas, habitus, rng, levels)
    canvas.taken |= (wall > 0) | (cavity > 0)
    return Torso(wall, levels.ribcage, cavity)


def _walls(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> _Walls:
    """What bounds the rooms of a body that is so built."""
    x, y, z = canvas.at
    # Along x and y the outline hardly depends on the warp of z: one height per slice is enough.
    height = z[:, z.shape[1] // 2, z.shape[2] // 2]
    half_width, half_depth, middle = (
        _at_height(height, v)[:, None, None] for v in (_HALF_WIDTH, _HALF_DEPTH, _MIDDLE)
    )
    power = float(rng.uniform(2.1, 2.6))
    side, front, back = habitus.fat_mm
    belly = (1 + 0.25 * np.exp(-(((height + 110) / 90) ** 2))).astype(np.float32)[:, None, None]
    front_mm = front * belly
    fat_noise = canvas.field(rng, _WHOLE, 70.0, 0.12 * (side + front) / 2 + 1)
    body = superellipse_level(
        x,
        (y - middle - (back - front_mm) / 2).astype(np.float32),
        (half_width + side * belly).astype(np.float32),
        (half_depth + (back + front_mm) / 2).astype(np.float32),
        power - 0.1,
    )
    wall = superellipse_level(x, y - middle, half_width, half_depth, power)
    wall = wall + canvas.field(rng, _WHOLE, 60.0, 2.0)
    # The back is hollow along the spinous processes.
    wall = wall + (7 * np.exp(-((x / 14) ** 2)) * np.clip(y / 70, 0, 1)).astype(np.float32)
    body = np.minimum(body + fat_noise, wall + 3.0)

    angle = np.arctan2(np.abs(x), y + 15)
    chest = np.clip((height + 20) / 50, 0, 1)[:, None, None]
    pelvis = np.clip((-150 - height) / 100, 0, 1)[:, None, None]
    thick = (10.5 * chest + 13.5 * (1 - chest)) * habitus.muscle + 14 * pelvis
    thick = thick * (1 - 0.3 * np.clip(-y / 80, 0, 1))
    # Latissimus dorsi lies outside of the ribs, behind and at the side.
    thick = thick + 5.0 * habitus.muscle * np.exp(-(((angle - 1.05) / 0.45) ** 2))
    thick = thick + 5.0 * np.clip(y / 60, 0, 1)
    ribcage = (wall + thick + canvas.field(rng, _WHOLE, 40.0, 1.2)).astype(np.float32)
    spine_y = spine_shift(height)[:, None, None]
    column = np.sqrt(x * x + (y - spine_y - 9) ** 2) - np.float32(27.0)
    loins = (np.sqrt(((np.abs(x) - 40) / 34) ** 2 + ((y - spine_y - 66) / 30) ** 2) - 1) * 30
    protruding = np.minimum(column, loins.astype(np.float32))
    inner = np.maximum(ribcage, -protruding)

    dome = _dome_height(canvas, habitus, rng)
    depth = np.clip(-inner / float(rng.uniform(42, 60)), 0, 1)
    drop = 110.0 * (1 - np.sqrt(np.clip(1 - (1 - depth) ** 2.5, 0, 1)))
    # The lung ends above the bottom of the recess between diaphragm and wall.
    recess = z - (-5 + 50 * np.clip((30 - y) / 90, -0.35, 1) + float(rng.uniform(-12, 14)))
    diaphragm = smooth_min((z - (dome - drop)).astype(np.float32), recess.astype(np.float32), 8.0)
    cavity = np.maximum(inner, np.minimum(diaphragm, diaphragm * np.float32(0.6)))
    # The true pelvis is narrow, and its floor closes the cavity.
    pelvic = np.interp(height, [-340, -300, -240, -190, -150], [0, 42, 66, 92, 200])
    funnel = np.sqrt(x * x + (y / 1.25) ** 2) - pelvic.astype(np.float32)[:, None, None]
    cavity = np.maximum(np.maximum(cavity, funnel), -_psoas_level(x, y, z)).astype(np.float32)
    return _Walls(body, wall, ribcage, inner, diaphragm, recess.astype(np.float32), cavity)


def _marble(canvas: Canvas, habitus: Habitus, rng: np.random.Generator, wall: Float32) -> None:
    """Fat between the muscles of the wall."""
    sheet = canvas.field(rng, _WHOLE, 13.0, 1.0)
    width = 0.05 + 0.12 * habitus.visceral_fat + 0.04 * float(rng.random())
    canvas.labels[(np.abs(sheet) < width) & (wall < -2)] = Tissue.FAT


def spine_shift(height: Float32) -> Float32:
    """How far back the vertebral bodies lie, by height: lordosis and kyphosis."""
    return np.interp(
        height, [-300, -230, -180, -120, -60, 20, 120, 250], [70, 52, 22, -2, -4, 2, 18, 26]
    ).astype(np.float32)


def _psoas_level(x: Float32, y: Float32, z: Float32) -> Float32:
    size = np.interp(z, [-300, -220, -130, -70, -10, 0], [10, 17, 20, 15, 6, -5]).astype(np.float32)
    away = np.interp(z, [-300, -200, -120, 0], [88, 62, 44, 30]).astype(np.float32)
    along = np.interp(z, [-300, -200, -120, 0], [-38, -22, 2, 8]).astype(np.float32)
    level: Float32 = np.sqrt((np.abs(x) - away) ** 2 + ((y - along) / 1.15) ** 2) - size
    return level


def _dome_height(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> Float32:
    x, y, _ = canvas.at
    right, left = 92 + rng.normal(0, 6), 78 + rng.normal(0, 7)
    saddle = 70 + rng.normal(0, 5)
    u = np.minimum(np.abs(x / 70), 1) ** 1.5
    dome = np.where(x < 0, right, left) * u + saddle * (1 - u)
    dome = dome + habitus.breath_mm - 0.12 * (y + 20)
    return (dome + canvas.field(rng, _WHOLE, 50.0, 3.0)).astype(np.float32)


def _draw_breasts(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    size = float(rng.uniform(28, 50)) + 0.4 * habitus.fat_mm[1]
    for side in (-1, 1):
        centre = np.array([side * 72.0, -108.0, 150.0])
        reach = np.array([1.25, 0.85, 1.1]) * size
        box = canvas.box(centre - reach, centre + reach)
        at = canvas.coordinates(box)
        level = ellipsoid_level(at, centre, reach)
        outside = canvas.labels[box] == Tissue.AIR
        canvas.labels[box][(level < 0) & outside] = Tissue.FAT
        gland = level + canvas.field(rng, box, 12.0, 10.0) + size * 0.45
        canvas.labels[box][gland < 0] = Tissue.BREAST


def _draw_chest(
    canvas: Canvas,
    habitus: Habitus,
    rng: np.random.Generator,
    levels: _Walls,
) -> None:
    """Lungs above the diaphragm and what lies between them."""
    inner, diaphragm, recess = levels.inner, levels.diaphragm, levels.recess
    x, y, z = canvas.at
    labels = canvas.labels
    above = (diaphragm > 0) & (inner < 0)
    mediastinum = superellipse_level(x - 8, y + 35, 38.0, 75.0, 2.0) + canvas.field(
        rng, _WHOLE, 40.0, 4.0
    )
    speckle = canvas.field(rng, _WHOLE, 5.0, 1.0)
    if not above.any():
        return
    labels[above] = Tissue.DIAPHRAGM
    lung = (diaphragm > float(rng.uniform(1.5, 3.5))) & (inner < -0.5) & (recess > 0)
    middle = lung & (mediastinum < 0)
    lung &= ~middle
    labels[lung] = Tissue.LUNG
    labels[middle] = Tissue.VISCERAL_FAT
    hilum = np.exp(-((np.abs(x) - 30) ** 2 + (y + 20) ** 2 + (z - 170) ** 2) / (2 * 60.0**2))
    labels[lung & (speckle > 2.6 - 0.8 * hilum)] = Tissue.LUNG_VESSEL
    for side, fluid in zip((-1, 1), habitus.effusion_mm, strict=True):
        if fluid > 0:
            flat = (labels == Tissue.LUNG) & (x * side > 0)
            low = y > 62 - fluid - 0.25 * (60 - np.minimum(z, 60))
            labels[flat & low] = Tissue.EFFUSION
            labels[flat & ~low & (y > 55 - fluid - 0.25 * (60 - np.minimum(z, 60)))] = (
                Tissue.ATELECTASIS
            )
    if rng.random() < 0.3:
        labels[(labels == Tissue.LUNG) & (y > 58) & (inner > -7)] = Tissue.ATELECTASIS
    _draw_heart(canvas, rng, diaphragm)


def _draw_heart(canvas: Canvas, rng: np.random.Generator, diaphragm: Float32) -> None:
    size = float(rng.normal(1.0, 0.08))
    centre = np.array([22.0 + rng.normal(0, 5), -58.0, 118.0 + rng.normal(0, 8)])
    radii = np.array([62.0, 48.0, 52.0]) * size
    box = canvas.box(centre - 75, centre + 75)
    at = canvas.coordinates(box)
    outside = np.maximum(
        ellipsoid_level(at, centre, radii) + canvas.field(rng, box, 30.0, 2.0),
        5.0 - diaphragm[box],
    )
    labels = canvas.labels[box]
    allowed = np.isin(
        labels, [Tissue.LUNG, Tissue.LUNG_VESSEL, Tissue.VISCERAL_FAT, Tissue.EFFUSION]
    ) & (diaphragm[box] > 2)
    labels[allowed & (outside < 4)] = Tissue.VISCERAL_FAT
    labels[allowed & (outside < 0)] = Tissue.HEART_MUSCLE
    left = ellipsoid_level(at, centre + np.array([20, 2, -4]), radii * [0.42, 0.5, 0.62])
    right = ellipsoid_level(at, centre + np.array([-22, -8, -2]), radii * [0.5, 0.55, 0.7])
    atrium = ellipsoid_level(at, centre + np.array([2, 28, 14]), radii * [0.5, 0.32, 0.5])
    inside = allowed & (outside < -3)
    labels[inside & (right < 0)] = Tissue.RIGHT_HEART
    labels[inside & (smooth_min(left, atrium, 6.0) < 0)] = Tissue.LEFT_HEART
    labels[inside & (np.abs(right - left) < 5) & (right < 4)] = Tissue.HEART_MUSCLE
