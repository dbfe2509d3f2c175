"""A liver on a grid, with its territories and trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.components import largest_component
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.phantom.body.canvas import Canvas, Warp
from lvt_track.phantom.body.liver_vessels import draw_tree
from lvt_track.phantom.body.shapes import (
    Coordinates,
    Float32,
    chain_level,
    ellipsoid_level,
    half_space_level,
    smooth_max,
    smooth_min,
)
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.body.trees import VesselTree
from lvt_track.phantom.couinaud.plan import CAVA_MM, LiverPlan
from lvt_track.phantom.couinaud.trees import cava_tube, grow_hepatic, grow_portal, is_trunk, pruned

__all__ = ["CouinaudLiver", "draw_couinaud_liver"]

_LOW_MM, _HIGH_MM = (-178.0, -145.0, -115.0), (112.0, 72.0, 112.0)
_PLACES = 700
_DEPTH_MM = 6.0  # below the surface, and from borders, of places that a portal branch supplies
_BEND_KNOT_MM, _BEND_MM = 60.0, 3.0
_SLIT_MM = 1.6


@dataclass(frozen=True, eq=False)
class CouinaudLiver:
    """A liver whose trees and territories are known.

    Attributes:
        geometry: the grid, axial.
        liver: with the vessels within it, without the vena cava (z, y, x).
        portal: with the trunk (z, y, x).
        hepatic: without the vena cava (z, y, x).
        cava: (z, y, x).
        segments: uint8 (z, y, x), 1 to 8 in the liver.
        plan: its borders.
    """

    geometry: Geometry
    liver: BoolArray
    portal: BoolArray
    hepatic: BoolArray
    cava: BoolArray
    segments: NDArray[np.uint8]
    plan: LiverPlan


def draw_couinaud_liver(
    seed: int, spacing_mm: tuple[float, float, float] = (2.0, 1.2, 1.2)
) -> CouinaudLiver:
    """Draw a liver; everything follows from the seed.

    Args:
        seed: any non-negative integer.
        spacing_mm: of the grid, z, y, x.
    """
    rng = np.random.default_rng([seed, 0xC0])
    scale = rng.normal(1.0, 0.06, 3)
    low, high = (np.array(edge)[::-1] * scale for edge in (_LOW_MM, _HIGH_MM))
    z, y, x = (int(n) for n in np.ceil((high - low) / spacing_mm))
    origin = (float(low[2]), float(low[1]), float(low[0]))
    geometry = Geometry.axial((z, y, x), spacing_mm, origin)
    canvas = Canvas(geometry, Warp.draw(rng, tuple(scale.tolist()), deviation_mm=4.0))
    whole = geometry.whole
    at = canvas.coordinates(whole)
    plan = LiverPlan.draw(rng)
    level = _surface(at, plan, rng) + canvas.field(rng, whole, 45.0, 2.0)
    wide = float(rng.uniform(10.0, 13.0))
    around_cava = chain_level(at, list(CAVA_MM), [wide] * len(CAVA_MM))
    cava = around_cava < 0
    liver = largest_component((level < 0) & ~cava)[0]
    segments = plan.segments(at, canvas.field(rng, whole, _BEND_KNOT_MM, _BEND_MM))
    segments[~liver] = 0
    portal, hepatic = _trees(rng, at, (liver, segments), plan)
    body = np.ones_like(liver)
    for tree in portal:
        draw_tree(canvas, tree, Tissue.PORTAL_VEIN, body)
    for tree in hepatic:
        draw_tree(canvas, tree, Tissue.HEPATIC_VEIN, liver | cava)
    return CouinaudLiver(
        geometry,
        liver,
        (canvas.labels == Tissue.PORTAL_VEIN) & ~cava,
        (canvas.labels == Tissue.HEPATIC_VEIN) & ~cava,
        cava,
        segments,
        plan,
    )


def _trees(
    rng: np.random.Generator,
    at: Coordinates,
    labels: tuple[BoolArray, NDArray[np.uint8]],
    plan: LiverPlan,
) -> tuple[list[VesselTree], list[VesselTree]]:
    """Both trees, pruned where they would touch; of the liver and its segments."""
    liver, segments = labels
    radius = float(rng.uniform(5.5, 7.5))
    inner = {n: _places(rng, at, segments == n, _PLACES // 8) for n in range(1, 9)}
    portal = grow_portal(rng, plan, inner, radius)
    places = _places(rng, at, liver, _PLACES)
    hepatic = grow_hepatic(rng, plan, places, float(rng.uniform(4.5, 6.0)))
    cava = cava_tube(13.5)
    stems = [tree for tree in hepatic if is_trunk(tree)]
    clear = [tree if is_trunk(tree) else pruned(tree, [*stems, cava]) for tree in portal]
    drained = [tree if is_trunk(tree) else pruned(tree, clear) for tree in hepatic]
    return clear, drained


def _places(rng: np.random.Generator, at: Coordinates, mask: BoolArray, count: int) -> FloatArray:
    """Places within a mask, away from its border (n, 3)."""
    steps = np.array([_DEPTH_MM / 2.0, _DEPTH_MM / 1.2, _DEPTH_MM / 1.2])
    size = tuple(2 * int(n) + 1 for n in steps)
    inside = np.flatnonzero(ndimage.minimum_filter(mask, size))
    if len(inside) == 0:
        return np.zeros((0, 3))
    chosen = rng.choice(inside, min(count, len(inside)), replace=False)
    return np.stack([a.reshape(-1)[chosen] for a in at], axis=-1).astype(np.float64)


def _surface(at: Coordinates, plan: LiverPlan, rng: np.random.Generator) -> Float32:
    """Below 0 in the liver: two lobes, the caudate, and the slit of the round ligament."""
    fork = np.array(plan.fork_mm)
    right = ellipsoid_level(at, [-64, -42, -8], np.array([74, 76, 92]) * rng.normal(1, 0.04, 3))
    under = half_space_level(at, fork + np.array([-4.0, 0.0, -12.0]), [0.66, 0.30, -0.69])
    right = smooth_max(right, under, 14.0)
    right = smooth_max(right, half_space_level(at, [6, -28, 20], [0.85, 0.5, -0.05]), 14.0)
    reach = float(rng.uniform(66.0, 92.0))
    left = ellipsoid_level(at, [0, -66, 4], np.array([reach, 46, 44]) * rng.normal(1, 0.04, 3))
    left = smooth_max(left, half_space_level(at, [0, -46, -24], [0.25, 0.75, -0.6]), 14.0)
    caudate = plan.caudate_level(at) * np.float32(12.0)
    level = smooth_min(smooth_min(right, left, 14.0), caudate, 6.0)
    x, y, z = at
    across = np.radians(plan.fissure_deg)
    base = plan.place(plan.fissure_deg, 0.0, float(fork[2]))
    aside = (x - base[0]) * np.sin(across) + (y - base[1]) * np.cos(across)
    ahead = (x - base[0]) * np.cos(across) - (y - base[1]) * np.sin(across)
    low = plan.level_mm[2] - 4.0 - z
    slit = np.maximum(np.abs(aside) - _SLIT_MM, np.maximum(-low, 40.0 - ahead))
    cut: Float32 = np.maximum(level, -slit).astype(np.float32)
    return cut
