"""The borders between the parts of a liver: three hepatic veins, the umbilical portion of the
left portal vein, and the level at which the portal vein divides.

Directions are angles about the vena cava, seen from below: 0 degrees to the patient's left, 90 to
the front, 180 to the right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.planning.territories.levels import right_levels_mm
from lvt_track.planning.territories.sheets import (
    VeinSurface,
    angle_about_cava,
    fitted_sheet,
    usual_sheet,
)
from lvt_track.planning.territories.umbilical import fissure_points, umbilical_points
from lvt_track.planning.vessels.trees import HEPATIC, PORTAL, VesselTrees

__all__ = ["Borders", "find_borders"]

_USUAL_DEG = {"right": 172.0, "middle": 118.0, "left": 62.0}
_SPREAD_DEG = 20.0
_BLUR_DEG = 7.0
_NEAR_MM, _FAR_MM = 20.0, 110.0
_WITHIN_DEG = 16.0
_LEAST_RUN_MM = 18.0  # away from the cava; what crosses the direction of a vein is none
_LEAST_FORK_MM = 2.5
# Where the portal vein divides in most livers: x and y from the cava, share of the liver's height.
_FORK_BESIDE_CAVA_MM, _FORK_HEIGHT = (-16.0, -36.0), 0.53
# Where the cava is not seen, directions about it and the trees are half believed, and half taken
# to be the usual ones.
_HALF = 0.5
# Of a portal vein cut at the liver the right part is seen, beside its division but at its height.
_SEEN_SHARE = np.array([0.25, 0.5, 0.75])
# The umbilical portion from there on three real livers.
_UMBILICAL_MM = np.array([10.0, -22.0, 8.0])
# The fissure lies half-way between the left and the middle hepatic vein on three real livers, and
# leaves them room.
_FISSURE_SHARE, _FISSURE_SPREAD_DEG = 0.5, 9.0
_FISSURE_FROM_LEFT_DEG, _FISSURE_FROM_MIDDLE_DEG = 4.0, 10.0


@dataclass(frozen=True)
class Borders:
    """Where the parts of the liver meet.

    Attributes:
        right, middle, left: surfaces through the three hepatic veins.
        umbilical: surface through the umbilical portion of the left portal vein.
        fork_mm: where the portal vein divides, LPS.
        umbilical_mm: the umbilical portion, LPS.
        right_level_mm: height of the border between 8 and 5.
        posterior_level_mm: height of that between 7 and 6.
        has_portal: whether the portal places are seen; else they are where they mostly are.
    """

    right: VeinSurface
    middle: VeinSurface
    left: VeinSurface
    umbilical: VeinSurface
    fork_mm: FloatArray
    umbilical_mm: FloatArray
    right_level_mm: float
    posterior_level_mm: float
    has_portal: bool


def find_borders(trees: VesselTrees) -> Borders:
    """Find the borders from the trees, and where those do not show them, from the liver."""
    surfaces = _vein_surfaces(trees)
    points, radii = trees.points(PORTAL)
    fork, has_portal = _fork(trees, points, radii)
    umbilical = _umbilical(trees, fork, surfaces)
    level, posterior_level = right_levels_mm(trees, fork, surfaces["right"])
    return Borders(
        surfaces["right"],
        surfaces["middle"],
        surfaces["left"],
        umbilical,
        fork,
        _umbilical_place(trees, fork, umbilical),
        level,
        posterior_level,
        has_portal,
    )


def _fork(trees: VesselTrees, points: FloatArray, radii: FloatArray) -> tuple[FloatArray, bool]:
    """Where the portal vein divides, LPS (3,), and whether it is seen there."""
    hilum = trees.hilum_mm
    near = np.linalg.norm((points - hilum) * [1.0, 1.0, 0.7], axis=1) < 45.0
    widest = np.max(radii[near], initial=0.0)
    wide = near & (radii > 0.55 * widest)
    if wide.sum() < 5 or widest < _LEAST_FORK_MM:
        if not trees.cava.is_seen:
            return hilum, False
        z = trees.frame.place((0.5, 0.5, _FORK_HEIGHT))[2]
        x, y = trees.cava.axis_at(z) + np.array(_FORK_BESIDE_CAVA_MM)
        return np.array([x, y, z]), False
    # The trunk comes from below; the division is at its upper end.
    wide &= points[:, 2] >= np.median(points[wide, 2])
    fork: FloatArray = np.average(points[wide], axis=0, weights=radii[wide] ** 2)
    if not trees.cava.is_seen:
        fork = hilum + _SEEN_SHARE * (fork - hilum)
    return fork, True


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
    usual = np.array(list(_USUAL_DEG.values()))
    score = density * np.exp(-0.5 * ((grid - usual[:, None]) / _SPREAD_DEG) ** 2)
    peaks = grid[score.argmax(axis=1)] if len(points) else usual
    beside = np.abs(angles - peaks[:, None])
    # A vessel is of one vein; what only crosses the direction of a vein is of none.
    near = (beside < _WITHIN_DEG) & (beside.argmin(axis=0) == np.arange(len(usual))[:, None])
    surfaces: dict[str, VeinSurface] = {}
    for name, direction, of_it in zip(_USUAL_DEG, usual, near, strict=True):
        if not of_it.any() or np.ptp(away[of_it]) < _LEAST_RUN_MM:
            of_it = np.zeros_like(of_it)
        surfaces[name] = fitted_sheet(points[of_it], weight[of_it], float(direction), trees)
    return surfaces


def _umbilical(trees: VesselTrees, fork: FloatArray, veins: dict[str, VeinSurface]) -> VeinSurface:
    """The sheet through wide portal vessels and slits between the left and middle veins."""
    left, middle = veins["left"], veins["middle"]
    wide, weight = umbilical_points(trees, fork)
    slits = fissure_points(trees, fork)
    points = np.concatenate([wide, slits])
    shares = [weight / max(weight.sum(), 1e-9), np.full(len(slits), 1.0 / max(len(slits), 1))]
    share = np.concatenate(shares)
    z = points[:, 2]
    angle = angle_about_cava(points, trees) if len(points) else np.zeros(0)
    between = (angle > left.at(z) + _FISSURE_FROM_LEFT_DEG) | (angle > middle.at(z) - 45.0)
    between &= angle < middle.at(z) - _FISSURE_FROM_MIDDLE_DEG
    points, angle, share = points[between], angle[between], share[between]
    height = float(fork[2])
    low, high = (float(v.at(np.array(height))) for v in (left, middle))
    usual = low + _FISSURE_SHARE * (high - low)
    if len(points) == 0:
        return usual_sheet(usual, height)
    grid = np.arange(high - 60.0, high - _FISSURE_FROM_MIDDLE_DEG + 0.5)
    offsets = (grid[:, None] - angle[None]) / _BLUR_DEG
    density = (np.exp(-0.5 * offsets**2) * share).sum(axis=1)
    score = density * np.exp(-0.5 * ((grid - usual) / _FISSURE_SPREAD_DEG) ** 2)
    near = np.abs(angle - grid[score.argmax()]) < _WITHIN_DEG
    return fitted_sheet(points[near], share[near], usual, trees)


def _umbilical_place(trees: VesselTrees, fork: FloatArray, sheet: VeinSurface) -> FloatArray:
    """The umbilical portion, LPS (3,): wide portal vessels in the sheet, or where most have it."""
    points, weight = umbilical_points(trees, fork)
    if len(points):
        near = np.abs(angle_about_cava(points, trees) - sheet.at(points[:, 2])) < _WITHIN_DEG
        if near.sum() >= 4:
            place: FloatArray = np.average(points[near], axis=0, weights=weight[near])
            if not trees.cava.is_seen:
                place = _HALF * place + (1 - _HALF) * (fork + _UMBILICAL_MM)
            return place
    x, y = trees.cava.axis_at(np.array(fork[2]))
    reach = 0.30 * (trees.frame.high_mm[1] - trees.frame.low_mm[1])
    turn = np.radians(float(sheet.at(np.array(fork[2]))))
    return np.array([x + reach * np.cos(turn), y - reach * np.sin(turn), fork[2]])
