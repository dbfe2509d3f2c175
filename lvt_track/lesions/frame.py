"""What matching needs to know of the registration of a course."""

from __future__ import annotations

from typing import Protocol

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray

__all__ = ["PointMap"]


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
