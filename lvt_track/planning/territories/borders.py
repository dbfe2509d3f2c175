"""The borders between the parts of a liver: three hepatic veins, the umbilical portion of the
left portal vein, and the level at which the portal vein divides.

Directions are angles about the vena cava, seen from below: 0 degrees to the patient's left, 90 to
the front, 180 to the right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.planning.vessels.trees import HEPATIC, PORTAL, VesselTrees

__all__ = ["Borders", "VeinSurface", "angle_about_cava", "find_borders"]

_USUAL_DEG = {"right": 172.0, "middle": 118.0, "left": 62.0}
_SPREAD_DEG = 20.0
_BLUR_DEG = 7.0
_NEAR_MM, _FAR_MM = 20.0, 110.0
_WITHIN_DEG = 16.0
_TURN_PRIOR = 60.0  # mm of height over which a vein's direction is taken to be constant
_LEAST_LENGTH_MM = 25.0
# Where the cava is not seen, directions about it and the trees are half believed, and half taken
# to be the usual ones.
_HALF = 0.5
_UMBILICAL_SHARE = 0.25  # of the way from the left to the middle hepatic vein


@dataclass(frozen=True)
class VeinSurface:
    """The sheet through the cava and a hepatic vein.

    Attributes:
        angle_deg: its direction at `height_mm`.
        slope_deg_per_mm: how the direction turns with height.
        height_mm: LPS z in the middle of the vein.
        span_mm: heights between which the vein runs; beyond, the direction is kept.
        is_seen: whether a vein was found there; else it is where it is in most livers.
    """

    angle_deg: float
    slope_deg_per_mm: float
    height_mm: float
    span_mm: tuple[float, float]
    is_seen: bool

    def at(self, z_mm: FloatArray) -> FloatArray:
        """Direction at heights."""
        z = np.clip(z_mm, *self.span_mm)
        angle: FloatArray = self.angle_deg + self.slope_deg_per_mm * (z - self.height_mm)
        return angle


@dataclass(frozen=True)
class Borders:
    """Where the parts of the liver meet.

    Attributes:
        right, middle, left: surfaces through the three hepatic veins.
        umbilical_deg: direction of the umbilical portion of the left portal vein.
        fork_mm: where the portal vein divides, LPS.
        umbilical_mm: the umbilical portion, LPS.
        right_level_mm: height at which the right portal vein divides.
        has_portal: whether the portal places are seen; else they are where they mostly are.
    """

    right: VeinSurface
    middle: VeinSurface
    left: VeinSurface
    umbilical_deg: float
    fork_mm: FloatArray
    umbilical_mm: FloatArray
    right_level_mm: float
    has_portal: bool


def angle_about_cava(points_mm: FloatArray, trees: VesselTrees) -> FloatArray:
    """Directions of points (n, 3) about the cava, -90 (behind) to 270 degrees."""
    centre = trees.cava.axis_at(points_mm[:, 2])
    angle = np.degrees(np.arctan2(centre[:, 1] - points_mm[:, 1], points_mm[:, 0] - centre[:, 0]))
    turned: FloatArray = np.where(angle < -90, angle + 360, angle)
    return turned


def find_borders(trees: VesselTrees) -> Borders:
    """Find the borders from the trees, and where those do not show them, from the liver."""
    surfaces = _vein_surfaces(trees)
    hilum = trees.hilum_mm
    points, radii = trees.points(PORTAL)
    inside = np.zeros(len(points), dtype=bool)
    if len(points):
        inside = trees.liver[tuple(trees.lattice.index(points).T)]
    weight = radii**2
    near = np.linalg.norm((points - hilum) * [1.0, 1.0, 0.7], axis=1) < 45.0
    wide = near & (radii > 0.55 * np.max(radii[near], initial=0.0))
    has_portal = bool(wide.sum() >= 5)
    fork = np.average(points[wide], axis=0, weights=weight[wide]) if has_portal else hilum
    if not trees.cava.is_seen:
        fork = _HALF * fork + (1 - _HALF) * hilum
    umbilical = _umbilical(points, radii, fork, trees) if has_portal else None
    if umbilical is None:
        angle = 0.5 * (surfaces["middle"].angle_deg + surfaces["left"].angle_deg)
        x, y = trees.cava.axis_at(np.array(fork[2]))
        reach = 0.30 * (trees.frame.high_mm[1] - trees.frame.low_mm[1])
        turn = np.radians(angle)
        umbilical = np.array([x + reach * np.cos(turn), y - reach * np.sin(turn), fork[2]])
    umbilical_deg = float(angle_about_cava(umbilical[None], trees)[0])
    middle, left = surfaces["middle"].angle_deg, surfaces["left"].angle_deg
    if not trees.cava.is_seen:
        usual = left + _UMBILICAL_SHARE * (middle - left)
        umbilical_deg = _HALF * umbilical_deg + (1 - _HALF) * usual
    umbilical_deg = float(np.clip(umbilical_deg, min(left - 10, middle - 15), middle - 12))
    right = inside & (points[:, 0] < fork[0] - 12) & (points[:, 0] > fork[0] - 50)
    right &= radii > 2.2
    level = float(np.average(points[right, 2], weights=weight[right])) if right.sum() >= 8 else None
    return Borders(
        surfaces["right"],
        surfaces["middle"],
        surfaces["left"],
        umbilical_deg,
        fork,
        umbilical,
        float(fork[2]) if level is None else level,
        has_portal,
    )


def _vein_surfaces(trees: VesselTrees) -> dict[str, VeinSurface]:
    points, radii = trees.points(HEPATIC)
    axis = trees.cava.axis_at(points[:, 2])
    away = np.linalg.norm(points[:, :2] - axis, axis=1)
    height = trees.frame.share(points)[:, 2]
    kept = (away > _NEAR_MM) & (away < _FAR_MM) & (radii > 1.3) & (height > 0.3)
    points, radii, away = points[kept], radii[kept], away[kept]
    angles = angle_about_cava(points, trees) if len(points) else np.zeros(0)
    weight = radii**2 * np.exp(-away / 80.0)
    grid = np.arange(-60.0, 241.0)
    offsets = (grid[:, None] - angles[None]) / _BLUR_DEG
    density = (np.exp(-0.5 * offsets**2) * weight).sum(axis=1)
    surfaces: dict[str, VeinSurface] = {}
    for name, usual in _USUAL_DEG.items():
        score = density * np.exp(-0.5 * ((grid - usual) / _SPREAD_DEG) ** 2)
        peak = float(grid[score.argmax()]) if len(points) else usual
        near = np.abs(angles - peak) < _WITHIN_DEG
        surfaces[name] = _surface(points[near], angles[near], weight[near], usual, trees)
    return surfaces


def _surface(
    points: FloatArray, angles: FloatArray, weight: FloatArray, usual: float, trees: VesselTrees
) -> VeinSurface:
    step = trees.lattice.spacing_mm
    if len(points) * step < _LEAST_LENGTH_MM:
        middle = float(trees.frame.place((0.5, 0.5, 0.6))[2])
        return VeinSurface(usual, 0.0, middle, (middle, middle), False)
    z0 = float(np.average(points[:, 2], weights=weight))
    mean = float(np.average(angles, weights=weight))
    told = mean if trees.cava.is_seen else _HALF * mean + (1 - _HALF) * usual
    z = points[:, 2] - z0
    spread = float(np.average(z**2, weights=weight))
    # The less height a vein spans the less is known of how it turns.
    slope = float(np.average(z * (angles - mean), weights=weight)) / (
        spread + 0.05 * _TURN_PRIOR**2
    )
    low, high = np.percentile(points[:, 2], [5, 95])
    return VeinSurface(told, slope, z0, (float(low), float(high)), True)


def _umbilical(
    points: FloatArray, radii: FloatArray, fork: FloatArray, trees: VesselTrees
) -> FloatArray | None:
    """The umbilical portion: where the left portal vein, wide as yet, turns to the front."""
    left = (points[:, 0] > fork[0] + 4) & (points[:, 1] < fork[1] - 10)
    left &= np.linalg.norm(points - fork, axis=1) < 80
    if left.sum() < 8:
        return None
    wide = left & (radii > 0.6 * np.percentile(radii[left], 95))
    spots = points[wide]
    front = spots[:, 1] <= np.percentile(spots[:, 1], 50)
    place: FloatArray = spots[front].mean(axis=0)
    return place
