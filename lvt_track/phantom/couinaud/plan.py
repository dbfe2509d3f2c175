"""Where the borders of one liver lie and which ways its trunks take, after the textbook.

Sectors lie between sheets through the vena cava, in which the hepatic veins run; the portal
branches run within the territories (Couinaud, Le foie, Masson 1957; Strasberg, J Hepatobiliary
Pancreat Surg 1997;4:429-434). Angles, levels and tilts differ from liver to liver, and every border
is bent by a smooth field.

Coordinates are those of the template of `phantom.body.canvas`, in mm: x to the left, y to the back,
z to the head. Directions are degrees about the vena cava: 0 to the left, 90 to the front, 180 to
the right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import FloatArray
from lvt_track.phantom.body.shapes import Coordinates, Float32

__all__ = ["CAVA_MM", "OUTFLOW_Z_MM", "UMBILICAL_MM", "LiverPlan", "cava_xy"]

CAVA_MM = np.array(
    [(-14, -42, 100), (-24, -35, 60), (-25, -32, 12), (-22, -30, -40), (-20, -30, -90)]
)
"""Axis of the vena cava from above, x, y, z (5, 3)."""

OUTFLOW_Z_MM = 56.0
"""Height at which the hepatic veins enter it."""

UMBILICAL_MM = 56.0
"""Distance of the middle of the umbilical portion from the vena cava. The branches to 2 and 3 leave
at its ends, so that the border of these begins between."""

_CAUDATE_MM = (21.0, 17.0, 33.0)


def cava_xy(z_mm: FloatArray | Float32) -> tuple[FloatArray, FloatArray]:
    """x and y of the axis of the vena cava at heights (...)."""
    x, y, z = CAVA_MM[::-1].T
    return np.interp(z_mm, z, x), np.interp(z_mm, z, y)


@dataclass(frozen=True)
class LiverPlan:
    """The borders of one liver.

    Attributes:
        right_deg, middle_deg, left_deg: directions of the three hepatic veins.
        fissure_deg: direction of the umbilical fissure.
        fork_mm: where the portal vein divides (3,).
        level_mm: height of the border between 8 and 5, between 7 and 6, and between 2 and 3 at the
            fissure.
        tilt: rise of the first two borders along x and y.
        lateral_tilt: how far segment 3 lies before 2 rather than below it.
        turn_deg_per_mm: how the sheets of the right, middle and left vein turn with height.
    """

    right_deg: float
    middle_deg: float
    left_deg: float
    fissure_deg: float
    fork_mm: tuple[float, float, float]
    level_mm: tuple[float, float, float]
    tilt: tuple[float, float]
    lateral_tilt: float
    turn_deg_per_mm: tuple[float, float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> LiverPlan:
        """The borders of a liver as most have them."""
        right, middle, left = rng.normal((170.0, 115.0, 58.0), (7.0, 6.0, 7.0))
        fissure = left + float(rng.uniform(0.4, 0.65)) * (middle - left)
        z = float(rng.normal(-14.0, 4.0))
        x, y = cava_xy(np.array(z))
        fork = (float(x + rng.normal(-6, 3)), float(y + rng.normal(-27, 3)), z)
        levels = rng.normal((z + 4.0, z, z + 12.0), 4.0)
        return cls(
            float(right),
            float(middle),
            float(left),
            float(fissure),
            fork,
            (float(levels[0]), float(levels[1]), float(levels[2])),
            (float(rng.normal(0, 0.12)), float(rng.normal(0, 0.12))),
            float(rng.uniform(0.4, 0.9)),
            tuple(rng.normal(0, 0.08, 3).tolist()),
        )

    def place(self, angle_deg: float, radius_mm: float, z_mm: float) -> FloatArray:
        """The point (3,) at a direction and distance from the vena cava."""
        x, y = cava_xy(np.array(z_mm))
        turn = np.radians(angle_deg)
        return np.array([x + radius_mm * np.cos(turn), y - radius_mm * np.sin(turn), z_mm])

    def vein_deg(self, name: str, z_mm: FloatArray | Float32) -> FloatArray:
        """Direction of the sheet of a vein, `right`, `middle` or `left`, at heights (...)."""
        number = ("right", "middle", "left").index(name)
        angle = (self.right_deg, self.middle_deg, self.left_deg)[number]
        turned: FloatArray = angle + self.turn_deg_per_mm[number] * (
            np.asarray(z_mm, dtype=np.float64) - OUTFLOW_Z_MM / 2
        )
        return turned

    def segments(self, at: Coordinates, bend: Float32) -> NDArray[np.uint8]:
        """The segment of every place.

        Args:
            at: x, y, z (...).
            bend: by which the borders are bent there, mm (...).
        """
        x, y, z = at
        cx, cy = cava_xy(z)
        away = np.maximum(np.hypot(x - cx, y - cy), 10.0)
        angle = np.degrees(np.arctan2(cy - y, x - cx))
        angle = np.where(angle < -60, angle + 360, angle) + np.degrees(bend / away)
        is_right = angle > self.vein_deg("middle", z)
        is_posterior = is_right & (angle > self.vein_deg("right", z))
        is_lateral = ~is_right & (angle < self.fissure_deg)
        fork = np.array(self.fork_mm)
        slope = self.tilt[0] * (x - fork[0]) + self.tilt[1] * (y - fork[1]) + bend
        labels = np.full(x.shape, 4, dtype=np.uint8)
        labels[is_right] = np.where(z > self.level_mm[0] + slope, 8, 5)[is_right]
        labels[is_posterior] = np.where(z > self.level_mm[1] + slope, 7, 6)[is_posterior]
        base = self.place(self.fissure_deg, UMBILICAL_MM, self.level_mm[2])
        lateral = (z - base[2]) + self.lateral_tilt * (y - base[1]) + bend
        labels[is_lateral] = np.where(lateral > 0, 2, 3)[is_lateral]
        labels[self.caudate_level(at) < 0] = 1
        return labels

    def caudate_level(self, at: Coordinates) -> Float32:
        """Below 0 within segment 1: an egg before and to the left of the vena cava."""
        middle = self.caudate_mm
        shares = [(a - m) / r for a, m, r in zip(at, middle, _CAUDATE_MM, strict=True)]
        level: Float32 = (sum(share**2 for share in shares) - 1.0).astype(np.float32)
        return level

    @property
    def caudate_mm(self) -> FloatArray:
        """Middle of segment 1 (3,)."""
        x, y = cava_xy(np.array(self.fork_mm[2] + 20.0))
        return np.array([x + 14.0, y - 8.0, self.fork_mm[2] + 20.0])
