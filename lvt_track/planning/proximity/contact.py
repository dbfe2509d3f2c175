"""How much of a vessel's wall a tumour touches: degrees of its circumference, mm of its length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray, Geometry, bounding_box
from lvt_track.planning.vessels.graph import Branch

__all__ = ["Contact", "branch_contact"]

_DIRECTIONS = 180
_STEP_MM = 0.3
# How deep a tumour is looked at, and how far its border may lie from the wall.
_DEPTH_MM, _GAP_MM = 2.1, 0.9
_RAMP_MM = 0.8  # over which the border of a tumour counts from 0 to 1
_ALONG = 3  # steps of the centreline
_BEYOND_MM = 3.0  # the vessel's radius, that rays go


@dataclass(frozen=True)
class Contact:
    """Contact of a tumour with one branch.

    Attributes:
        degrees: greatest share of the circumference touched at one place, of 360.
        length_mm: length of the centreline along which the wall is touched.
    """

    degrees: float
    length_mm: float


def branch_contact(
    branch: Branch,
    vessels_mm: NDArray[np.float32],
    tumor_mm: NDArray[np.float32],
    geometry: Geometry,
) -> Contact | None:
    """Contact of a tumour with a branch; None where they do not touch.

    From each point of the centreline rays go out across the vessel; one that meets the tumour
    where it leaves the vessel touches it.

    Args:
        branch: the vessel.
        vessels_mm: distance to the border of all vessels, negative inside (z, y, x).
        tumor_mm: that to the border of the tumour, on the same isotropic grid along the patient's
            axes.
        geometry: of the grid.
    """
    points, headings, steps = _even(branch, geometry.spacing_mm[0])
    reach = float(branch.radius_mm.max()) + _BEYOND_MM
    box = bounding_box(tumor_mm < 0)
    if box is None:
        return None
    corners = geometry.to_world([[side.start for side in box], [side.stop - 1 for side in box]])
    low, high = corners.min(axis=0) - reach, corners.max(axis=0) + reach
    is_near = ((points >= low) & (points <= high)).all(axis=1)
    if not is_near.any():
        return None
    points, headings, steps = points[is_near], headings[is_near], steps[is_near]
    along = np.arange(0.0, reach, _STEP_MM)
    turn = np.linspace(0.0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    first, second = _across(headings)
    rays = (
        first[:, None] * np.cos(turn)[None, :, None] + second[:, None] * np.sin(turn)[None, :, None]
    )
    places = points[:, None, None] + rays[:, :, None] * along[None, None, :, None]
    index = np.moveaxis(geometry.to_index(places), -1, 0)
    outside = _sampled(vessels_mm, index) > 0
    # A ray leaves the vessel after the last step that is in it without a break.
    left = np.where(outside.any(axis=-1), outside.argmax(axis=-1), len(along))
    inside = np.clip(0.5 - _sampled(tumor_mm, index) / _RAMP_MM, 0.0, 1.0)
    deep = round(_DEPTH_MM / _STEP_MM)
    # Its mean over the depth that begins at each step: corners of voxels neither widen nor narrow.
    share = ndimage.uniform_filter1d(inside, deep, axis=-1, origin=-(deep // 2), mode="nearest")
    number = np.arange(len(along))
    close = (number >= left[..., None]) & (number <= left[..., None] + _GAP_MM / _STEP_MM)
    most = np.where(close, share, 0.0).max(axis=-1)
    is_touched = (most > 0.5).any(axis=1)
    if not is_touched.any():
        return None
    turned = most.mean(axis=1) * is_touched * 360.0
    degrees = ndimage.uniform_filter1d(turned, _ALONG, mode="nearest")
    return Contact(float(degrees.max()), float(steps[is_touched].sum()))


def _even(branch: Branch, step_mm: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points, headings and the length each stands for, at even steps along a branch."""
    along = branch.along_mm
    count = max(2, round(along[-1] / step_mm) + 1)
    at = np.linspace(0, along[-1], count)
    points = np.stack([np.interp(at, along, branch.points_mm[:, k]) for k in range(3)], axis=1)
    smooth = ndimage.gaussian_filter1d(points, 2.0, axis=0, mode="nearest")
    headings = np.gradient(smooth, axis=0)
    headings /= np.maximum(np.linalg.norm(headings, axis=1, keepdims=True), 1e-6)
    return points, headings, np.full(count, along[-1] / (count - 1))


def _across(headings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors across each heading."""
    helper = np.zeros_like(headings)
    helper[np.arange(len(headings)), np.abs(headings).argmin(axis=1)] = 1.0
    first = np.cross(headings, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(headings, first)


def _sampled(level_mm: NDArray[np.float32], index: FloatArray) -> NDArray[np.float32]:
    values: NDArray[np.float32] = ndimage.map_coordinates(level_mm, index, order=1, mode="nearest")
    return values
