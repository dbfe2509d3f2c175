"""The heights at which the upper and the lower segments of the right liver part: those of the
portal vein and of its branches."""

from __future__ import annotations

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.planning.territories.sheets import VeinSurface, angle_about_cava
from lvt_track.planning.vessels.graph import Branch
from lvt_track.planning.vessels.trees import PORTAL, VesselTrees

__all__ = ["right_levels_mm"]

_LEAST_POINTS = 8
# The right anterior portal vein: how far to the right of the fork, and how wide.
_ANTERIOR_MM, _ANTERIOR_RADIUS_MM = (12.0, 50.0), 2.2
# The right posterior one divides so far from the vena cava; its stem is the widest vessel there.
_POSTERIOR_MM, _POSTERIOR_RADIUS = (25.0, 80.0), 0.6
_APART_MM = 10.0  # at most, the levels of both right sectors
# The level part of the right portal vein: about the fork, how wide beside the widest, how steep.
_TRUNK_MM, _STEM_MM = 20.0, 50.0
_STEM_BESIDE_MM = (-8.0, 45.0)
_STEM_RADIUS, _STEM_RISE = 0.55, 0.75
# Of two heights that tell the same, and where the cava is not seen, half of each.
_HALF = 0.5


def right_levels_mm(
    trees: VesselTrees, fork_mm: FloatArray, right: VeinSurface
) -> tuple[float, float]:
    """Heights of the border between 8 and 5, and of that between 7 and 6.

    Each is half-way between the height of the vessels of its sector and that of the right portal
    vein, at which atlases draw both.

    Args:
        trees: of the liver.
        fork_mm: where the portal vein divides (3,).
        right: the sheet of the right hepatic vein, which parts both sectors.
    """
    points, radii = trees.points(PORTAL)
    inside = trees.liver[tuple(trees.lattice.index(points).T)]
    points, radii = points[inside], radii[inside]
    near, far = _ANTERIOR_MM
    beside = fork_mm[0] - points[:, 0]
    chosen = (beside > near) & (beside < far) & (radii > _ANTERIOR_RADIUS_MM)
    anterior = _mean_height_mm(points[chosen], radii[chosen])
    level = float(fork_mm[2]) if anterior is None else anterior
    posterior = _posterior_mm(points, radii, trees, right)
    apart = 0.0 if posterior is None else float(np.clip(posterior - level, -_APART_MM, _APART_MM))
    if not trees.cava.is_seen:
        apart *= _HALF
    stem = _stem_mm(trees, fork_mm)
    if stem is None:
        return level, level + apart
    return _HALF * (level + stem), _HALF * (level + apart + stem)


def _posterior_mm(
    points: FloatArray, radii: FloatArray, trees: VesselTrees, vein: VeinSurface
) -> float | None:
    """Height of the widest portal vessels behind the right hepatic vein, where their stem divides;
    None where there are too few."""
    if len(points) == 0:
        return None
    away = np.linalg.norm(points[:, :2] - trees.cava.axis_at(points[:, 2]), axis=1)
    near, far = _POSTERIOR_MM
    behind = angle_about_cava(points, trees) > vein.at(points[:, 2])
    behind &= (away > near) & (away < far)
    wide = behind & (radii > _POSTERIOR_RADIUS * np.max(radii[behind], initial=0.0))
    return _mean_height_mm(points[wide], radii[wide])


def _stem_mm(trees: VesselTrees, fork_mm: FloatArray) -> float | None:
    """Height of the right portal vein where it runs level; None where too little of it is seen."""
    branches = trees.branches(PORTAL)
    widest = max(
        (float(b.radius_mm.max()) for b in branches if _away_mm(b, fork_mm).min() < _TRUNK_MM),
        default=0.0,
    )
    points, radii = [np.zeros((0, 3))], [np.zeros(0)]
    for branch in branches:
        course = np.gradient(branch.points_mm, axis=0)
        rise = np.abs(course[:, 2]) / np.maximum(np.linalg.norm(course, axis=1), 1e-6)
        beside = fork_mm[0] - branch.points_mm[:, 0]
        kept = (beside > _STEM_BESIDE_MM[0]) & (beside < _STEM_BESIDE_MM[1])
        kept &= (branch.radius_mm > _STEM_RADIUS * widest) & (rise < _STEM_RISE)
        kept &= _away_mm(branch, fork_mm) < _STEM_MM
        points.append(branch.points_mm[kept])
        radii.append(branch.radius_mm[kept])
    return _mean_height_mm(np.concatenate(points), np.concatenate(radii))


def _away_mm(branch: Branch, place_mm: FloatArray) -> FloatArray:
    away: FloatArray = np.linalg.norm(branch.points_mm - place_mm, axis=1)
    return away


def _mean_height_mm(points: FloatArray, radii: FloatArray) -> float | None:
    """Mean height of vessels by their cross-section; None for too few."""
    if len(points) < _LEAST_POINTS:
        return None
    return float(np.average(points[:, 2], weights=radii**2))
