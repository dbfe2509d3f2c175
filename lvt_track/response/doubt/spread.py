"""How far the sizes of a row may lie from the true ones, see `lvt_track.core.lesion.size_error`."""

from __future__ import annotations

import math

from lvt_track.core.lesion.size_error import SizeError, axis_sd, volume_sd
from lvt_track.core.response.assessment import Assessment

__all__ = ["log_sd"]


def log_sd(row: Assessment, error: SizeError) -> tuple[float, float]:
    """Standard deviations of the logarithm of a lesion's axes and of its volume.

    Args:
        row: with a size.
        error: of whoever drew it.
    """
    size_mm = row.long_axis_mm or row.short_axis_mm or row.enhancing_mm
    if not size_mm:
        size_mm = 10.0 * (6.0 * row.volume_ml / math.pi) ** (1 / 3) if row.volume_ml else 10.0
    slices_mm = row.slice_thickness_mm
    return axis_sd(size_mm, slices_mm, error), volume_sd(size_mm, slices_mm, error)
