"""What matching needs to know of the registration of a course."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.volume import BoolArray
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["PointMap", "are_aligned", "covers_place", "shows_place"]

_COVERED_SHARE = 0.5
"""Of its radius: a scan that ends nearer to a lesion's centre cuts off a sixth of it or more."""


class PointMap(Protocol):
    """Carries places from one visit of a course to another; visits are named by their index."""

    @property
    def reference(self) -> int:
        """The visit all others were brought onto."""
        ...

    def map_points(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> FloatArray:
        """LPS positions (n, 3) of the source visit, in the frame of the target visit."""
        ...

    def covered(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> BoolArray:
        """Whether positions (n, 3) of the source visit lie in the target's field of view."""
        ...

    def uncertainty_mm(self, points_mm: FloatArray, visit: int) -> FloatArray:
        """Standard error (n,) of carrying positions (n, 3) of this visit to the reference."""
        ...

    def is_reliable(self, visit: int) -> bool:
        """Whether the visit lies on the reference well enough to be matched."""
        ...


def are_aligned(one: int, other: int, frame: PointMap) -> bool:
    """Whether places may be carried between two visits."""
    return frame.is_reliable(one) and frame.is_reliable(other)


def covers_place(lesion: Lesion, visit: int, frame: PointMap) -> bool:
    """Whether a lesion's place lies in a visit's field of view, and no end of it cuts through."""
    reach_mm = _COVERED_SHARE * float(ball_radius_mm(lesion.measurement.volume_ml))
    points_mm = np.vstack([np.zeros(3), reach_mm * np.eye(3), -reach_mm * np.eye(3)])
    return bool(frame.covered(points_mm + lesion.centroid_mm, lesion.visit, visit).all())


def shows_place(lesion: Lesion, visit: int, frame: PointMap) -> bool:
    """Whether a visit shows a lesion's place: it covers it, and both visits are well aligned."""
    return are_aligned(lesion.visit, visit, frame) and covers_place(lesion, visit, frame)
