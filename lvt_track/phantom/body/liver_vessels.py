"""Portal and hepatic veins, hepatic artery and bile ducts, from their trunks into the liver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvt_track.core.geometry import Box, FloatArray
from lvt_track.phantom.body.canvas import Canvas
from lvt_track.phantom.body.habitus import Habitus
from lvt_track.phantom.body.liver import HILUM_MM
from lvt_track.phantom.body.shapes import capsule_level
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.body.trees import MURRAY, VesselTree, grow_tree

__all__ = ["CAVA_MM", "LiverVessels", "draw_liver_vessels", "draw_tree"]

CAVA_MM = (-24.0, -36.0, 57.0)
"""Where the hepatic veins enter the vena cava, in the template."""

_TARGETS = 420


@dataclass(frozen=True, eq=False)
class LiverVessels:
    """The trees within the liver, in the coordinates of the template."""

    portal: tuple[VesselTree, ...]
    hepatic: tuple[VesselTree, ...]
    artery: tuple[VesselTree, ...]


def draw_liver_vessels(
    canvas: Canvas,
    box: Box,
    liver: NDArray[np.bool_],
    habitus: Habitus,
    rng: np.random.Generator,
) -> LiverVessels:
    """Grow the trees and draw them where there is parenchyma."""
    x, y, z = canvas.coordinates(box)
    inside = np.flatnonzero(liver)
    if len(inside) == 0:
        return LiverVessels((), (), ())
    # Chance is spent on fractions of the voxel list, so that it does not depend on the spacing.
    share = np.sort(rng.random(_TARGETS))
    chosen = inside[(share * len(inside)).astype(np.int64)]
    targets = np.stack([a.reshape(-1)[chosen] for a in (x, y, z)], axis=-1).astype(np.float64)
    least = float(rng.uniform(1.0, 1.95))
    # Small livers have thinner vessels.
    size = (len(inside) * canvas.geometry.voxel_volume_ml / 1500.0) ** (1 / 3)
    portal = _portal(rng, targets, least, size)
    hepatic = _hepatic(rng, targets, least, size)
    artery = tuple(_beside(rng, t, 0.32, 0.55) for t in portal)
    painters: list[tuple[tuple[VesselTree, ...], Tissue]] = [
        (artery, Tissue.HEPATIC_ARTERY),
        (hepatic, Tissue.HEPATIC_VEIN),
        (portal, Tissue.PORTAL_VEIN),
    ]
    if habitus.has_dilated_ducts:
        wide = float(rng.uniform(0.4, 1.1))
        ducts = tuple(_beside(rng, t, wide, 0.8) for t in portal)
        painters.insert(0, (ducts, Tissue.BILE_DUCT))
    allowed = np.zeros_like(canvas.taken)
    allowed[box] = liver
    for trees, tissue in painters:
        for tree in trees:
            draw_tree(canvas, tree, tissue, allowed)
    return LiverVessels(portal, hepatic, artery)


def _portal(
    rng: np.random.Generator, targets: FloatArray, least: float, size: float
) -> tuple[VesselTree, ...]:
    hilum = np.array(HILUM_MM)
    fork = hilum + np.array([-7, 2, 7])
    is_left = targets[:, 0] > -10 + rng.normal(0, 7) - 0.15 * (targets[:, 1] + 60)
    is_left |= (targets[:, 0] > -25) & (targets[:, 1] < -75)
    radius = float(rng.uniform(6.2, 9.5)) * size
    right = targets[~is_left]
    left = targets[is_left]
    trees = []
    ways: list[tuple[FloatArray, list[ArrayLike]]] = [
        (right, [hilum, fork, fork + np.array([-14, 4, 5])]),
        (left, [fork, fork + np.array([14, -6, 12]), [2, -62, 2], [4, -74, 6]]),
    ]
    for part, way in ways:
        if len(part) < 3:
            continue
        thick = radius * (len(part) / len(targets)) ** (1 / MURRAY)
        trees.append(grow_tree(rng, way, part, min(thick, radius * 0.95), least))
    return tuple(trees)


def _hepatic(
    rng: np.random.Generator, targets: FloatArray, least: float, size: float
) -> tuple[VesselTree, ...]:
    cava = np.array(CAVA_MM)
    angle = np.arctan2(targets[:, 1] - cava[1], -(targets[:, 0] - cava[0]))
    # From the right (0) over the front (-pi/2) to the left (-pi).
    angle = np.where(angle > 1.8, angle - 2 * np.pi, angle)
    right = angle > -0.62 + rng.normal(0, 0.1)
    left = angle < -1.75 + rng.normal(0, 0.12)
    low = right & (targets[:, 2] < -25) & (targets[:, 1] > -40) & (rng.random() < 0.25)
    trees = []
    for part, way in (
        (right & ~low, [cava + np.array([-2, 2, 0]), cava + np.array([-24, 6, -5])]),
        (~right & ~left, [cava + np.array([0, -4, 0]), cava + np.array([-7, -22, -9])]),
        (left, [cava + np.array([4, -4, 0]), cava + np.array([16, -20, -4])]),
        (low, [[-28, -32, -4], [-46, -22, -12]]),
    ):
        if part.sum() < 5:
            continue
        radius = float(rng.uniform(6.6, 10.2)) * size * (part.sum() / len(targets)) ** (1 / MURRAY)
        trees.append(grow_tree(rng, way, targets[part], radius, least))
    return tuple(trees)


def _beside(rng: np.random.Generator, tree: VesselTree, ratio: float, least: float) -> VesselTree:
    """A thinner companion of the thicker branches of a tree."""
    side = rng.normal(0, 1, 3)
    side /= np.linalg.norm(side)
    radius0, radius1 = tree.start_radius_mm * ratio, tree.end_radius_mm * ratio
    keep = radius1 > least
    shift0 = side * (tree.start_radius_mm * (1 + ratio) * 0.9)[:, None]
    shift1 = side * (tree.end_radius_mm * (1 + ratio) * 0.9)[:, None]
    number = np.cumsum(keep) - 1
    parent = np.where(tree.parent >= 0, number[tree.parent], -1)
    return VesselTree(
        (tree.start_mm + shift0)[keep],
        (tree.end_mm + shift1)[keep],
        radius0[keep],
        radius1[keep],
        parent[keep],
        tree.generation[keep],
    )


def draw_tree(canvas: Canvas, tree: VesselTree, tissue: Tissue, allowed: NDArray[np.bool_]) -> None:
    """Draw a tree where `allowed` (z, y, x) is, on a canvas, in the template's coordinates."""
    # A branch thinner than the grid still fills the voxels whose centres lie near its axis.
    spacing = float(np.mean(canvas.geometry.spacing_mm))
    floor = 0.55 * spacing
    for i in range(len(tree)):
        if tree.start_radius_mm[i] < 0.3 * spacing:
            continue
        a, b = tree.start_mm[i], tree.end_mm[i]
        r0, r1 = max(tree.start_radius_mm[i], floor), max(tree.end_radius_mm[i], floor)
        reach = max(r0, r1) + 2.0
        box = canvas.tight_box((a + b) / 2, float(np.linalg.norm(b - a)) / 2 + reach)
        if any(s.stop <= s.start for s in box):
            continue
        level = capsule_level(canvas.coordinates(box), a, b, r0, r1)
        canvas.labels[box][(level < 0) & allowed[box]] = tissue
