"""What of a lesion enhances in the arterial phase, as mRECIST and EASL measure it."""

from __future__ import annotations

from dataclasses import dataclass

from lvt_track.core.lesion.caliper import Caliper

__all__ = ["Viability"]


@dataclass(frozen=True)
class Viability:
    """The viable part of a lesion.

    Attributes:
        long_axis, short_axis: longest lines in it in one slice that cross no dead tissue, in the
            frame of the arterial scan; None where nothing enhances, or nothing could be judged.
        volume_ml: of what enhances; None where nothing could be judged.
        necrosis_percent: share of the lesion's volume that does not; None likewise.
        reason: why nothing could be judged; empty where it was.
        note: what limits the judgement; empty where nothing does.
    """

    long_axis: Caliper | None = None
    short_axis: Caliper | None = None
    volume_ml: float | None = None
    necrosis_percent: float | None = None
    reason: str = ""
    note: str = ""

    @property
    def long_axis_mm(self) -> float | None:
        """Length of the long axis; 0 where nothing enhances, None where that is not known."""
        return self._length_mm(self.long_axis)

    @property
    def short_axis_mm(self) -> float | None:
        """Length of the short axis, likewise."""
        return self._length_mm(self.short_axis)

    def _length_mm(self, axis: Caliper | None) -> float | None:
        if self.volume_ml is None:
            return None
        return axis.length_mm if axis else 0.0
