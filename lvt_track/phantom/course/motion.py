"""How a body lies and breathes at one visit: smooth, invertible maps of space.

A motion is built from three layers, each of which cannot fold by construction, so that neither can
their composition:

- posture, a rotation and a shift;
- breathing, a shift along z alone, whose change along z stays below one;
- elastic, a cubic B-spline displacement whose control points differ so little from their
  neighbours that its Lipschitz constant stays below one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator, make_interp_spline
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Point

__all__ = [
    "Breathing",
    "Elastic",
    "Layer",
    "Motion",
    "MotionLimits",
    "Posture",
    "Torso",
    "anatomy_points",
    "draw_motion",
    "no_motion",
]

# A displacement that is a contraction by at most this factor is undone in about 60 steps.
_STEEPEST = 0.8
_INVERSE_TOLERANCE_MM = 1e-6
_INVERSE_STEPS = 200

# Between lattice points this far apart a motion is interpolated with errors below 0.02 mm.
_LATTICE_MM = 6.0


class Layer(Protocol):
    """An invertible map between the frame of a visit and that of the anatomy."""

    def to_anatomy(self, points_mm: FloatArray) -> FloatArray:
        """Positions in the anatomy (n, 3), LPS mm, of positions at the visit."""

    def to_visit(self, points_mm: FloatArray) -> FloatArray:
        """Positions at the visit (n, 3), LPS mm, of positions in the anatomy."""


@dataclass(frozen=True)
class Torso:
    """The few measures of a body that breathing depends on, LPS mm.

    Attributes:
        centre_mm: middle of the trunk as (x, y).
        half_width_mm: from the middle to the flank.
        half_depth_mm: from the middle to the belly.
        dome_z_mm: highest point of the liver.
        floor_z_mm: lowest point of the liver.
    """

    centre_mm: tuple[float, float]
    half_width_mm: float
    half_depth_mm: float
    dome_z_mm: float
    floor_z_mm: float

    def __post_init__(self) -> None:
        if self.half_width_mm <= 0 or self.half_depth_mm <= 0:
            raise ValueError("a torso needs a positive width and depth")
        if self.floor_z_mm >= self.dome_z_mm:
            raise ValueError("the liver's floor must lie below its dome")

    @property
    def pivot_mm(self) -> Point:
        """The point posture turns about: the middle of the trunk at the height of the liver."""
        x, y = self.centre_mm
        return x, y, (self.dome_z_mm + self.floor_z_mm) / 2

    def softness(self, points_mm: FloatArray) -> FloatArray:
        """How freely points (n, 3) move: 1 within the belly, 0 in flanks, back and spine."""
        x, y = self.centre_mm
        # The middle of what moves lies before the spine, so a little towards the belly.
        across = (points_mm[:, 0] - x) / self.half_width_mm
        along = (points_mm[:, 1] - y) / self.half_depth_mm + 1 / 6
        t = np.clip((np.hypot(across, along) - 0.55) / 0.5, 0.0, 1.0)
        share: FloatArray = 1.0 - t * t * (3.0 - 2.0 * t)
        return share


@dataclass(frozen=True)
class Posture:
    """A rigid change of how the patient lies on the table.

    Attributes:
        turn_rad: rotation vector (x, y, z) about the pivot, visit to anatomy.
        shift_mm: translation (x, y, z) after the turn.
        pivot_mm: the point that only the shift moves.
    """

    turn_rad: Point
    shift_mm: Point
    pivot_mm: Point

    def to_anatomy(self, points_mm: FloatArray) -> FloatArray:
        """Positions in the anatomy of positions at the visit."""
        pivot = np.array(self.pivot_mm)
        matrix = Rotation.from_rotvec(self.turn_rad).as_matrix()
        moved: FloatArray = (points_mm - pivot) @ matrix.T + pivot + np.array(self.shift_mm)
        return moved

    def to_visit(self, points_mm: FloatArray) -> FloatArray:
        """Positions at the visit of positions in the anatomy."""
        pivot = np.array(self.pivot_mm)
        matrix = Rotation.from_rotvec(self.turn_rad).as_matrix()
        moved: FloatArray = (points_mm - pivot - np.array(self.shift_mm)) @ matrix + pivot
        return moved


@dataclass(frozen=True)
class Breathing:
    """How far the diaphragm stands below where it stood in the anatomy.

    The organs under the diaphragm go down with it, those further below less, so that the liver is
    squeezed; the lungs stretch; ribs, spine and flanks stay nearly where they are.

    Attributes:
        depth_mm: way of the diaphragm, positive for a deeper breath than the anatomy's.
        torso: the body.

    Raises:
        ValueError: when the breath is too deep for the body to take without folding.
    """

    depth_mm: float
    torso: Torso

    def __post_init__(self) -> None:
        # A monotone cubic is at most three times as steep as the line between its knots
        # (Fritsch and Carlson, SIAM J Numer Anal 1980).
        heights, shares = self._knots()
        steepest = 3 * np.abs(np.diff(shares) / np.diff(heights)).max() * abs(self.depth_mm)
        if steepest > _STEEPEST:
            raise ValueError(f"a breath of {self.depth_mm} mm would fold the body")

    def to_anatomy(self, points_mm: FloatArray) -> FloatArray:
        """Positions in the anatomy of positions at the visit."""
        moved = points_mm.copy()
        moved[:, 2] += (
            self.depth_mm
            * (0.15 + 0.85 * self.torso.softness(points_mm))
            * self._along(points_mm[:, 2])
        )
        return moved

    def to_visit(self, points_mm: FloatArray) -> FloatArray:
        """Positions at the visit of positions in the anatomy."""
        scale = self._across(points_mm)
        z = points_mm[:, 2].copy()
        for _ in range(_INVERSE_STEPS):
            better = points_mm[:, 2] - scale * self._along(z)
            step = np.abs(better - z).max(initial=0.0)
            z = better
            if step < _INVERSE_TOLERANCE_MM:
                break
        return np.column_stack([points_mm[:, :2], z])

    def _across(self, points_mm: FloatArray) -> FloatArray:
        """Way of the points at the height of the diaphragm: ribs and spine go a little along."""
        return self.depth_mm * (0.15 + 0.85 * self.torso.softness(points_mm))

    def _knots(self) -> tuple[FloatArray, FloatArray]:
        floor, dome = self.torso.floor_z_mm, self.torso.dome_z_mm
        heights = np.array([floor - 300.0, floor - 200.0, floor, dome, dome + 170.0, dome + 270.0])
        return heights, np.array([0.1, 0.1, 0.7, 1.0, 0.0, 0.0])

    def _along(self, z_mm: FloatArray) -> FloatArray:
        heights, shares = self._knots()
        share: FloatArray = PchipInterpolator(heights, shares)(
            np.clip(z_mm, heights[0], heights[-1])
        )
        return share


@dataclass(frozen=True, eq=False)
class Elastic:
    """A cubic B-spline displacement from the visit to the anatomy.

    Attributes:
        control_mm: displacements of the control points (3, nz, ny, nx); first axis x, y, z.
        origin_mm: LPS position of the first control point.
        spacing_mm: distance of neighbouring control points, the same along all axes.

    Raises:
        ValueError: when neighbouring control points differ so much that space might fold.
    """

    control_mm: FloatArray
    origin_mm: Point
    spacing_mm: float

    def __post_init__(self) -> None:
        if self.control_mm.ndim != 4 or self.control_mm.shape[0] != 3:
            raise ValueError(f"control_mm must be (3, nz, ny, nx), got {self.control_mm.shape}")
        if self.steepness > _STEEPEST:
            raise ValueError(f"steepness {self.steepness:.2f} exceeds {_STEEPEST}")

    @property
    def steepness(self) -> float:
        """Bound of the Lipschitz constant of the displacement, in the maximum norm.

        The derivative of a B-spline is a convex combination of the differences of neighbouring
        control points over their distance (de Boor, A Practical Guide to Splines, 1978). Below
        one, position plus displacement is invertible everywhere and never folds.
        """
        return _steepness(self.control_mm, self.spacing_mm)

    def to_anatomy(self, points_mm: FloatArray) -> FloatArray:
        """Positions in the anatomy of positions at the visit."""
        return points_mm + self._displacement(points_mm)

    def to_visit(self, points_mm: FloatArray) -> FloatArray:
        """Positions at the visit of positions in the anatomy."""
        visit_mm = points_mm
        for _ in range(_INVERSE_STEPS):
            better = points_mm - self._displacement(visit_mm)
            step = np.abs(better - visit_mm).max(initial=0.0)
            visit_mm = better
            if step < _INVERSE_TOLERANCE_MM:
                break
        return visit_mm

    def _displacement(self, points_mm: FloatArray) -> FloatArray:
        index = ((points_mm - np.array(self.origin_mm)) / self.spacing_mm).T[::-1]
        return np.column_stack(
            [
                map_coordinates(component, index, order=3, mode="nearest", prefilter=False)
                for component in self.control_mm
            ]
        )


@dataclass(frozen=True)
class Motion:
    """A patient's body at one visit, seen from the anatomy.

    Attributes:
        layers: applied one after the other on the way from the visit to the anatomy.
    """

    layers: tuple[Layer, ...] = ()

    def to_anatomy(self, points_mm: ArrayLike) -> FloatArray:
        """Positions in the anatomy (..., 3), LPS mm, of positions at the visit."""
        points = np.asarray(points_mm, dtype=np.float64)
        moved = points.reshape(-1, 3)
        for layer in self.layers:
            moved = layer.to_anatomy(moved)
        return moved.reshape(points.shape)

    def to_visit(self, points_mm: ArrayLike) -> FloatArray:
        """Positions at the visit (..., 3), LPS mm, of positions in the anatomy."""
        points = np.asarray(points_mm, dtype=np.float64)
        moved = points.reshape(-1, 3)
        for layer in reversed(self.layers):
            moved = layer.to_visit(moved)
        return moved.reshape(points.shape)


def no_motion() -> Motion:
    """The motion of a visit whose frame is the anatomy's."""
    return Motion()


@dataclass(frozen=True)
class MotionLimits:
    """How far a body moves from visit to visit at most.

    Attributes:
        breath_mm: greatest way of the diaphragm, up or down.
        elastic_mm: bound of the elastic displacement; about two thirds of it are reached.
        turn_deg: greatest rotation about each axis.
        shift_mm: greatest shift on the table along each axis.
    """

    breath_mm: float = 12.0
    elastic_mm: float = 10.0
    turn_deg: float = 3.0
    shift_mm: float = 15.0


USUAL_LIMITS = MotionLimits()


def draw_motion(
    rng: np.random.Generator, torso: Torso, limits: MotionLimits = USUAL_LIMITS
) -> Motion:
    """Draw how a patient lies and breathes at one visit.

    Args:
        rng: source of chance.
        torso: the body.
        limits: how far it moves.
    """
    turn = np.radians(rng.uniform(-limits.turn_deg, limits.turn_deg, 3))
    shift = rng.uniform(-limits.shift_mm, limits.shift_mm, 3)
    posture = Posture(
        (float(turn[0]), float(turn[1]), float(turn[2])),
        (float(shift[0]), float(shift[1]), float(shift[2])),
        torso.pivot_mm,
    )
    breathing = Breathing(float(rng.uniform(-limits.breath_mm, limits.breath_mm)), torso)
    return Motion((posture, breathing, _draw_elastic(rng, torso, limits.elastic_mm)))


def _draw_elastic(rng: np.random.Generator, torso: Torso, largest_mm: float) -> Elastic:
    """A smooth random field around the liver, as large as asked or as large as cannot fold."""
    spacing = 40.0
    low = np.array(
        [
            torso.centre_mm[0] - torso.half_width_mm,
            torso.centre_mm[1] - torso.half_depth_mm,
            torso.floor_z_mm - 40.0,
        ]
    )
    high = np.array(
        [
            torso.centre_mm[0] + torso.half_width_mm,
            torso.centre_mm[1] + torso.half_depth_mm,
            torso.dome_z_mm + 40.0,
        ]
    )
    counts = np.ceil((high - low) / spacing).astype(int)[::-1] + 1
    noise = rng.standard_normal((3, *counts))
    control = gaussian_filter(noise, (0.0, 1.3, 1.3, 1.3), mode="nearest")
    control -= control.mean(axis=(1, 2, 3), keepdims=True)
    # Organs shift more than the wall around them.
    nodes = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), axis=-1)
    places = low + spacing * nodes.reshape(-1, 3)[:, ::-1]
    control *= (0.3 + 0.7 * torso.softness(places)).reshape(counts)
    control *= largest_mm / np.linalg.norm(control, axis=0).max()
    origin: Point = (float(low[0]), float(low[1]), float(low[2]))
    steepness = _steepness(control, spacing)
    return Elastic(control * min(1.0, 0.95 * _STEEPEST / steepness), origin, spacing)


def _steepness(control_mm: FloatArray, spacing_mm: float) -> float:
    """Largest sum over the axes of the steps between neighbouring control points."""
    rows = [
        sum(float(np.abs(np.diff(component, axis=axis)).max(initial=0.0)) for axis in range(3))
        for component in control_mm
    ]
    return max(rows) / spacing_mm


def anatomy_points(motion: Motion, geometry: Geometry, slices: slice) -> NDArray[np.float32]:
    """Positions in the anatomy of the voxel centres of some slices of a visit's grid.

    The motion is evaluated on a coarse lattice and interpolated by cubic splines along each axis.

    Args:
        motion: of the visit.
        geometry: grid of the scan.
        slices: which slices, with a step of one.

    Returns:
        LPS mm (slices, y, x, 3), float32.
    """
    axes = []
    weights = []
    for size, spacing in zip(geometry.shape, geometry.spacing_mm, strict=True):
        count = max(4, int(np.ceil((size - 1) * spacing / _LATTICE_MM)) + 1)
        nodes = np.linspace(-0.5, size - 0.5, count)
        axes.append(nodes)
        weights.append(make_interp_spline(nodes, np.eye(count), k=3)(np.arange(size)))
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    points = motion.to_anatomy(geometry.to_world(lattice))
    along_z, along_y, along_x = weights
    points = np.tensordot(along_z[slices], points, axes=(1, 0))
    points = np.einsum("yb,zbxc->zyxc", along_y, points, optimize=True)
    fine = np.einsum(
        "xb,zybc->zyxc", along_x.astype(np.float32), points.astype(np.float32), optimize=True
    )
    return np.ascontiguousarray(fine)
