"""The umbilical fissure: the sheet between segment 4 and the left lateral segments.

It holds the umbilical portion of the left portal vein, the widest vessel between the left and the
middle hepatic vein, and below it the round ligament, a slit that the liver does not fill.
"""

from __future__ import annotations

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.planning.lattice import distance_to_mm
from lvt_track.planning.vessels.trees import PORTAL, VesselTrees

__all__ = ["fissure_points", "umbilical_points"]

_EVERY = 2  # cubes
_CLOSED_MM = 7.5
_LEAST_ML = 0.5
_ABOVE_MM, _BELOW_MM = 35.0, 55.0
_LEAST_RADIUS_MM = 2.2
_NEAR_MM, _FAR_MM = 20.0, 95.0
_ABOUT_FORK_MM = 80.0


def umbilical_points(trees: VesselTrees, fork_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points (n, 3) and weights (n,) of wide portal vessels to the left and before the fork."""
    points, radii = trees.points(PORTAL)
    if len(points) == 0:
        return points, radii
    kept = (radii > _LEAST_RADIUS_MM) & (points[:, 1] < fork_mm[1] - 6)
    kept &= np.linalg.norm(points - fork_mm, axis=1) < _ABOUT_FORK_MM
    kept &= _is_before_cava(points, trees)
    return points[kept], radii[kept] ** 3


def fissure_points(trees: VesselTrees, fork_mm: FloatArray) -> FloatArray:
    """Points (n, 3) of slits in the liver about the height of the fork, vessels included."""
    liver = trees.liver[::_EVERY, ::_EVERY, ::_EVERY]
    step = _EVERY * trees.lattice.spacing_mm
    slits = _closed(liver, step) & ~liver
    points = trees.lattice.geometry.to_world(np.argwhere(slits) * _EVERY)
    height = points[:, 2] - fork_mm[2]
    kept = (height < _ABOVE_MM) & (height > -_BELOW_MM) & _is_before_cava(points, trees)
    if np.count_nonzero(kept) * step**3 / 1000 < _LEAST_ML:
        return np.zeros((0, 3))
    within: FloatArray = points[kept]
    return within


def _is_before_cava(points: FloatArray, trees: VesselTrees) -> BoolArray:
    axis = trees.cava.axis_at(points[:, 2])
    ahead = axis[:, 1] - points[:, 1]
    before: BoolArray = (ahead > _NEAR_MM) & (ahead < _FAR_MM)
    return before


def _closed(liver: BoolArray, step_mm: float) -> BoolArray:
    """The liver with what a ball does not get into."""
    margin = int(np.ceil(_CLOSED_MM / step_mm)) + 1
    steps = (step_mm,) * 3
    wide = distance_to_mm(np.pad(liver, margin), steps) <= _CLOSED_MM
    inner = distance_to_mm(~wide, steps) > _CLOSED_MM
    whole: BoolArray = inner[margin:-margin, margin:-margin, margin:-margin]
    return whole
