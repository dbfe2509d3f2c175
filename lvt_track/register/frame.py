"""One frame for all visits of a course: any visit to any other, by way of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lvt_track.core.field_of_view import HiddenPart
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.register.align import Alignment

__all__ = ["CommonFrame"]


@dataclass(frozen=True, eq=False)
class CommonFrame:
    """The alignments of all visits onto the reference visit.

    Attributes:
        reference: index of the reference visit.
        alignments: one per visit, from the reference (fixed) to it (moving); None for the
            reference itself.
        scans: the grid of each visit's scan.
        hidden: what of these grids holds no data; None for a scan that shows all, empty where all
            do.

    Raises:
        ValueError: when an alignment is missing or the reference has one.
    """

    reference: int
    alignments: tuple[Alignment | None, ...]
    scans: tuple[Geometry, ...]
    hidden: tuple[HiddenPart | None, ...] = ()

    def __post_init__(self) -> None:
        missing = [visit for visit, alignment in enumerate(self.alignments) if alignment is None]
        if missing != [self.reference]:
            raise ValueError(
                f"all visits but the reference {self.reference} need an alignment, "
                f"missing are {missing}"
            )
        if len(self.scans) != len(self.alignments):
            raise ValueError(f"{len(self.scans)} scans and {len(self.alignments)} alignments")
        if self.hidden and len(self.hidden) != len(self.scans):
            raise ValueError(f"{len(self.scans)} scans and {len(self.hidden)} hidden parts")

    @classmethod
    def of(
        cls,
        reference: int,
        alignments: Sequence[Alignment | None],
        scan: Geometry,
        hidden: Sequence[HiddenPart | None] = (),
    ) -> CommonFrame:
        """The frame of a reference visit's scan and the alignments of the others onto it.

        Args:
            reference: index of that visit.
            alignments: one per visit, None for the reference.
            scan: its grid.
            hidden: what each scan does not show of its grid.
        """
        scans = (scan if alignment is None else alignment.moving_scan for alignment in alignments)
        return cls(reference, tuple(alignments), tuple(scans), tuple(hidden))

    def map_points(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> FloatArray:
        """LPS positions (n, 3) of the source visit, in the frame of the target visit."""
        points_mm = np.asarray(points_mm, dtype=np.float64)
        if source_visit == target_visit:
            return points_mm
        source, target = self.alignments[source_visit], self.alignments[target_visit]
        common = points_mm if source is None else source.to_fixed(points_mm)
        return common if target is None else target.to_moving(common)

    def covered(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> BoolArray:
        """Whether positions (n, 3) of the source visit lie in the target's field of view."""
        moved = self.map_points(points_mm, source_visit, target_visit)
        shown = self.scans[target_visit].contains(moved)
        hidden = self.hidden[target_visit] if self.hidden else None
        return shown if hidden is None else shown & ~hidden.holds(moved)

    def uncertainty_mm(self, points_mm: FloatArray, visit: int) -> FloatArray:
        """Standard error (n,) of carrying positions (n, 3) of this visit to the reference."""
        alignment = self.alignments[visit]
        if alignment is None:
            return np.zeros(len(points_mm))
        return alignment.local_uncertainty_mm(alignment.to_fixed(points_mm))

    def is_reliable(self, visit: int) -> bool:
        """Whether the visit lies on the reference well enough to be matched."""
        alignment = self.alignments[visit]
        return alignment is None or alignment.quality.is_reliable
