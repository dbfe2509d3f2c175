"""Segment 1, the caudate lobe: about the vena cava, behind the portal vein."""

from __future__ import annotations

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.planning.vessels.trees import VesselTrees

__all__ = ["is_caudate"]

_BEHIND_FORK_MM = 5.0
_LEAST_MM = 8.0  # before the cava
_RISE = 0.6  # how far its front nears the cava towards the top
_LEFT_MM = 24.0  # beyond the wall of the cava
_RIGHT = 0.5  # of the radius of the cava, where it lies before it
# Its process to the right liver lies between the cava and the portal vein.
_PROCESS_MM, _PROCESS_ABOVE_MM = 6.0, 8.0
_BELOW_FORK_MM, _TOP_MM = 18.0, 8.0
_HIGHEST = 0.88  # share of the liver's height


def is_caudate(points_mm: FloatArray, trees: VesselTrees, fork_mm: FloatArray) -> BoolArray:
    """Which points (n, 3) lie in segment 1.

    Its front is the fissure of the venous ligament, which runs from the left portal vein upwards
    and back to the end of the left hepatic vein.

    Args:
        points_mm: of the liver.
        trees: whose cava it lies about.
        fork_mm: where the portal vein divides (3,).
    """
    z = points_mm[:, 2]
    axis = trees.cava.axis_at(z)
    right, front = axis[:, 0] - points_mm[:, 0], axis[:, 1] - points_mm[:, 1]
    radius = trees.cava.radius_mm
    top = float(trees.cava.axis_mm[-1, 2]) if trees.cava.is_seen else np.inf
    top = min(top, float(trees.frame.place((0.5, 0.5, _HIGHEST))[2])) - _TOP_MM
    start = np.minimum(fork_mm[1] + _BEHIND_FORK_MM, axis[:, 1] - radius - _LEAST_MM)
    rise = np.clip((z - fork_mm[2]) / max(top - fork_mm[2], 1.0), 0.0, 1.0)
    limit = start + _RISE * rise * np.maximum(axis[:, 1] - radius - start, 0.0)
    is_process = z < fork_mm[2] + _PROCESS_ABOVE_MM
    to_right = np.where(is_process & (front > 0.0), radius + _PROCESS_MM, _RIGHT * radius)
    caudate = (points_mm[:, 1] > limit) & (right < to_right)
    caudate &= np.hypot(right, front) < radius + _LEFT_MM
    # It lies before and beside the cava, not behind it to the left.
    within: BoolArray = caudate & (front > -1.2 * radius)
    within &= (z < top) & (z > fork_mm[2] - _BELOW_FORK_MM)
    return within
