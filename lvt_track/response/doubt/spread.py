"""The error of one measurement: how far a size lies from the true one, as a standard deviation.

Two readers of one lesion differ by -22.1 to +25.4 % (95 % limits, pooled over twelve studies by
Yoon et al., Eur J Cancer 2016;53:5-15): 0.120 as a standard deviation of the logarithm, 0.085 for
each of the two. Their limits for a change of one lesion, -31 to +30 %, are what follows where the
errors of two visits are independent; so they are drawn here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lvt_track.core.assessment import Assessment

__all__ = ["DRAWN", "READ", "SizeError", "log_sd"]

_MOST = 0.5
_UNKNOWN_SLICES_MM = 2.5
# A ball of diameter D whose middle lies at random between slices t apart loses 2 d^2 / D for the
# offset d, even up to t / 2: a standard deviation of 0.149 t^2 / D.
_SLICE_FACTOR = 0.149
# Errors of the outline that do not run all around leave less in a volume than three times that of
# a diameter. An assumption.
_VOLUME_FACTOR = 2.0


@dataclass(frozen=True)
class SizeError:
    """The error of whoever drew a lesion.

    Attributes:
        relative: part that grows with the size.
        absolute_mm: part that does not: pixels, and where the calipers are set.
    """

    relative: float
    absolute_mm: float


READ = SizeError(0.085, 0.5)
"""Of a reader, and of masks that are given."""

DRAWN = SizeError(0.05, 1.0)
"""Of a model. An assumption: half a voxel at each end of the line, and 5 %."""


def log_sd(row: Assessment, error: SizeError) -> tuple[float, float]:
    """Standard deviations of the logarithm of a lesion's axes and of its volume.

    Args:
        row: with a size.
        error: of whoever drew it.
    """
    size_mm = row.long_axis_mm or row.short_axis_mm or row.enhancing_mm
    if not size_mm:
        size_mm = 10.0 * (6.0 * row.volume_ml / math.pi) ** (1 / 3) if row.volume_ml else 10.0
    slices_mm = row.slice_thickness_mm or _UNKNOWN_SLICES_MM
    missed = _SLICE_FACTOR * slices_mm**2 / size_mm**2
    axis = math.hypot(error.relative, error.absolute_mm / size_mm, missed)
    volume = _VOLUME_FACTOR * math.hypot(error.relative, error.absolute_mm / size_mm)
    return min(axis, _MOST), min(volume, _VOLUME_FACTOR * _MOST)
