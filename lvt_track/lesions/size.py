"""Sizes that follow from a lesion's volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lvt_track.core.geometry import FloatArray

__all__ = ["ball_radius_mm"]


def ball_radius_mm(volume_ml: ArrayLike) -> FloatArray:
    """Radius of the ball of the same volume, in the shape of `volume_ml`."""
    radius_mm: FloatArray = np.cbrt(np.asarray(volume_ml) * 1000 * 3 / (4 * np.pi))
    return radius_mm
