"""How well one visit lies on another: measured for every pair, and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.course import RegistrationQuality
from lvt_track.core.geometry import FloatArray
from lvt_track.register.liver_image import LiverImage, distance_to_liver

__all__ = ["Fit", "judge", "measure_fit"]

LEAST_DICE = 0.85
FARTHEST_SURFACE_MM = 5.0
MOST_INVERSE_ERROR_MM = 5.0
LEAST_COVERED = 0.4
"""Beyond these a pair is flagged, and matching told not to trust it."""

_SURFACE_REACH_MM = 15.0
_WINDOW_HU = (-50.0, 250.0)
_CLASS_HU = 10.0

PointMapping = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Fit:
    """How two livers lie on each other, where both scans show the place.

    Attributes:
        liver_dice: overlap of the livers.
        surface_distance_mm: mean distance from surface to surface.
        correlation_ratio: share of the variance of HU inside the fixed liver that the HU of the
            moving one explain, tumours left out, 0 to 1; it holds between contrast phases, where
            bright may become dark (Roche et al. 1998).
        covered: share of the fixed liver that the moving scan shows.
    """

    liver_dice: float
    surface_distance_mm: float
    correlation_ratio: float
    covered: float


def measure_fit(fixed: LiverImage, moving: LiverImage, to_moving: PointMapping) -> Fit:
    """Compare the fixed liver with the moving one under a map from fixed to moving."""
    near = ndimage.binary_dilation(fixed.liver, iterations=4)
    index = np.argwhere(near)
    moved = to_moving(fixed.geometry.to_world(index))
    at = moving.geometry.to_index(moved).T
    fixed_liver = fixed.liver[near]
    known = moving.shows(moved) & fixed.inside[near]
    moving_liver = ndimage.map_coordinates(moving.liver.astype(np.float32), at, order=1) > 0.5
    covered = float(known[fixed_liver].mean()) if fixed_liver.any() else 0.0
    both = int((fixed_liver & moving_liver & known).sum())
    total = int((fixed_liver & known).sum() + (moving_liver & known).sum())

    spacing_mm = fixed.geometry.spacing_mm[0]
    # A face that a field of view cuts is no surface of the liver, in neither of the two.
    all_distances, sure = distance_to_liver(moving, _SURFACE_REACH_MM)
    distance = ndimage.map_coordinates(all_distances, at, order=1, mode="nearest")
    is_sure = ndimage.map_coordinates(sure.astype(np.float32), at, order=1) > 0.99
    rim = fixed.liver & ~ndimage.binary_erosion(fixed.liver)
    rim = (rim & distance_to_liver(fixed, spacing_mm)[1])[near] & known & is_sure
    surface_mm = float(np.abs(distance[rim] + spacing_mm / 2).mean()) if rim.any() else np.inf

    free = fixed_liver & moving_liver & known & ~fixed.tumors[near]
    moving_hu = ndimage.map_coordinates(moving.hu.astype(np.float32), at[:, free], order=1)
    ratio = _correlation_ratio(fixed.hu[near][free], moving_hu)
    return Fit(2 * both / total if total else 0.0, surface_mm, ratio, covered)


def judge(
    reference: int, method: str, fit: Fit, folding_fraction: float, inverse_error_mm: float
) -> RegistrationQuality:
    """Put the measures together and say whether matching may trust them."""
    reasons = []
    if fit.covered < LEAST_COVERED:
        reasons.append(f"only {fit.covered:.0%} of the reference's liver is in the field of view")
    if fit.liver_dice < LEAST_DICE:
        reasons.append(f"the livers overlap by a Dice of {fit.liver_dice:.2f} only")
    if fit.surface_distance_mm > FARTHEST_SURFACE_MM:
        reasons.append(f"the surfaces are {fit.surface_distance_mm:.1f} mm apart")
    if inverse_error_mm > MOST_INVERSE_ERROR_MM:
        reasons.append(f"there and back misses by {inverse_error_mm:.1f} mm")
    return RegistrationQuality(
        reference=reference,
        method=method,
        liver_dice=fit.liver_dice,
        surface_distance_mm=fit.surface_distance_mm,
        folding_fraction=folding_fraction,
        inverse_error_mm=inverse_error_mm,
        is_reliable=not reasons,
        reason="; ".join(reasons),
    )


def _correlation_ratio(values: NDArray[np.generic], given: NDArray[np.generic]) -> float:
    """Share of the variance of the first HU that lies between classes of the second."""
    values = np.clip(values.astype(np.float64), *_WINDOW_HU)
    classes = ((np.clip(given, *_WINDOW_HU) - _WINDOW_HU[0]) / _CLASS_HU).astype(np.intp)
    variance = float(values.var()) if len(values) else 0.0
    if variance == 0:
        return 0.0
    count = np.maximum(np.bincount(classes), 1)
    mean = np.bincount(classes, weights=values) / count
    return float(((mean[classes] - values.mean()) ** 2).mean() / variance)
