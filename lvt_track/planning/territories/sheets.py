"""The sheets through the vena cava and the hepatic veins, in which the borders of sectors lie.

Directions are angles about the vena cava, seen from below: 0 degrees to the patient's left, 90 to
the front, 180 to the right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.planning.vessels.trees import VesselTrees

__all__ = ["VeinSurface", "angle_about_cava", "fitted_sheet", "usual_sheet"]

_TURN_PRIOR = 60.0  # mm of height over which a vein's direction is taken to be constant
_LEAST_LENGTH_MM = 25.0
# Where the cava is not seen, directions about it are half believed, and half taken to be the usual.
_HALF = 0.5
# A vein that leaves its sheet takes the border with it as far as this.
_CELL_MM, _NEAR_MM, _MOST_MM = 5.0, 12.0, 12.0
_TRUST_MM2 = 40.0  # length times radius of vessels about a place that are believed by half
_OUT_MM = 160.0


@dataclass(frozen=True, eq=False)
class VeinSurface:
    """The sheet through the cava and a hepatic vein.

    Attributes:
        angle_deg: its direction at `height_mm`.
        slope_deg_per_mm: how the direction turns with height.
        height_mm: LPS z in the middle of the vein.
        span_mm: heights between which the vein runs; beyond, the direction is kept.
        is_seen: whether a vein was found there; else it is where it is in most livers.
        bend_mm: how far the vein lies beside that, towards greater angles; a row for each 5 mm of
            height from the lower end of the span, a column for each 5 mm from the cava.
    """

    angle_deg: float
    slope_deg_per_mm: float
    height_mm: float
    span_mm: tuple[float, float]
    is_seen: bool
    bend_mm: FloatArray

    def at(self, z_mm: FloatArray) -> FloatArray:
        """Direction at heights, without the bends."""
        z = np.clip(z_mm, *self.span_mm)
        angle: FloatArray = self.angle_deg + self.slope_deg_per_mm * (z - self.height_mm)
        return angle

    def beyond_mm(self, points_mm: FloatArray, trees: VesselTrees) -> FloatArray:
        """How far points (n, 3) lie beyond the sheet, towards greater angles."""
        z = points_mm[:, 2]
        away = _away_mm(points_mm, trees)
        turn = angle_about_cava(points_mm, trees) - self.at(z)
        cells = np.stack([(z - self.span_mm[0]) / _CELL_MM, away / _CELL_MM])
        bend = ndimage.map_coordinates(self.bend_mm, cells, order=1, mode="nearest")
        beyond: FloatArray = np.radians(turn) * away - bend
        return beyond


def angle_about_cava(points_mm: FloatArray, trees: VesselTrees) -> FloatArray:
    """Directions of points (n, 3) about the cava, -90 (behind) to 270 degrees."""
    centre = trees.cava.axis_at(points_mm[:, 2])
    angle = np.degrees(np.arctan2(centre[:, 1] - points_mm[:, 1], points_mm[:, 0] - centre[:, 0]))
    turned: FloatArray = np.where(angle < -90, angle + 360, angle)
    return turned


def usual_sheet(angle_deg: float, height_mm: float) -> VeinSurface:
    """A sheet where no vein is seen."""
    span = (height_mm, height_mm)
    return VeinSurface(angle_deg, 0.0, height_mm, span, False, np.zeros((1, 1)))


def fitted_sheet(
    points_mm: FloatArray, weight: FloatArray, usual_deg: float, trees: VesselTrees
) -> VeinSurface:
    """The sheet through the points (n, 3) of a vein, or where most livers have it if they are few.

    Args:
        points_mm: of its centreline.
        weight: of each point (n,).
        usual_deg: direction of the sheet in most livers.
        trees: whose cava it goes through.
    """
    step = trees.lattice.spacing_mm
    if len(points_mm) * step < _LEAST_LENGTH_MM:
        return usual_sheet(usual_deg, float(trees.frame.place((0.5, 0.5, 0.6))[2]))
    angles = angle_about_cava(points_mm, trees)
    z0 = float(np.average(points_mm[:, 2], weights=weight))
    mean = float(np.average(angles, weights=weight))
    angle = mean if trees.cava.is_seen else _HALF * mean + (1 - _HALF) * usual_deg
    z = points_mm[:, 2] - z0
    spread = float(np.average(z**2, weights=weight))
    # The less height a vein spans the less is known of how it turns.
    slope = float(np.average(z * (angles - mean), weights=weight)) / (
        spread + 0.05 * _TURN_PRIOR**2
    )
    low, high = (float(v) for v in np.percentile(points_mm[:, 2], [5, 95]))
    flat = VeinSurface(angle, slope, z0, (low, high), True, np.zeros((1, 1)))
    return replace(flat, bend_mm=_bend_mm(flat, points_mm, weight, trees))


def _bend_mm(
    flat: VeinSurface, points_mm: FloatArray, weight: FloatArray, trees: VesselTrees
) -> FloatArray:
    """How far a vein lies beside its sheet, by height and distance from the cava (rows, columns);
    nothing where it is not near."""
    low, high = flat.span_mm
    beside = np.clip(flat.beyond_mm(points_mm, trees), -_MOST_MM, _MOST_MM)
    rows = low + _CELL_MM * np.arange(int((high - low) / _CELL_MM) + 1)
    columns = _CELL_MM * np.arange(int(_OUT_MM / _CELL_MM))
    height = (rows[:, None] - points_mm[None, :, 2]) / _NEAR_MM
    out = (columns[:, None] - _away_mm(points_mm, trees)[None]) / _NEAR_MM
    near = weight * trees.lattice.spacing_mm
    share = np.exp(-0.5 * height**2)[:, None] * np.exp(-0.5 * out**2)[None] * near
    bend: FloatArray = (share @ beside) / (share.sum(axis=-1) + _TRUST_MM2)
    return bend


def _away_mm(points_mm: FloatArray, trees: VesselTrees) -> FloatArray:
    away: FloatArray = np.linalg.norm(
        points_mm[:, :2] - trees.cava.axis_at(points_mm[:, 2]), axis=1
    )
    return away
