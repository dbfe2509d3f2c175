"""How well one visit lies on another: measured for every pair, and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
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

PointMapping = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Fit:
    """How two livers lie on each other, where both scans show the place.

    Attributes:
        liver_dice: overlap of the livers.
        surface_distance_mm: mean distance from surface to surface.
        correlation: of HU inside both livers, tumours left out, -1 to 1.
        covered: share of the fixed liver that the moving scan shows.
    """

    liver_dice: float
    surface_distance_mm: float
    correlation: float
    covered: float


def measure_fit(fixed: LiverImage, moving: LiverImage, to_moving: PointMapping) -> Fit:
    """Compare the fixed liver with the moving one under a map from fixed to moving."""
    near = ndimage.binary_dilation(fixed.liver, iterations=4)
    index = np.argwhere(near)
    moved = to_moving(fixed.geometry.to_world(index))
    at = moving.geometry.to_index(moved).T
    here = fixed.liver[near]
    known = moving.scan.contains(moved) & fixed.inside[near]
    there = ndimage.map_coordinates(moving.liver.astype(np.float32), at, order=1) > 0.5
    covered = float(known[here].mean()) if here.any() else 0.0
    both = int((here & there & known).sum())
    total = int((here & known).sum() + (there & known).sum())

    spacing_mm = fixed.geometry.spacing_mm[0]
    # A face that a field of view cuts is no surface of the liver, in neither of the two.
    all_distances, sure = distance_to_liver(moving, _SURFACE_REACH_MM)
    distance = ndimage.map_coordinates(all_distances, at, order=1, mode="nearest")
    sure_there = ndimage.map_coordinates(sure.astype(np.float32), at, order=1) > 0.99
    rim = fixed.liver & ~ndimage.binary_erosion(fixed.liver)
    rim = (rim & distance_to_liver(fixed, spacing_mm)[1])[near] & known & sure_there
    surface_mm = float(np.abs(distance[rim] + spacing_mm / 2).mean()) if rim.any() else np.inf

    free = here & there & known & ~fixed.tumors[near]
    hu_here = np.clip(fixed.hu[near][free].astype(np.float64), -50, 250)
    hu_there = ndimage.map_coordinates(moving.hu.astype(np.float32), at[:, free], order=1)
    hu_there = np.clip(hu_there, -50, 250)
    spread = float(hu_here.std() * hu_there.std()) if free.any() else 0.0
    correlation = (
        float(((hu_here - hu_here.mean()) * (hu_there - hu_there.mean())).mean() / spread)
        if spread > 0
        else 0.0
    )
    return Fit(2 * both / total if total else 0.0, surface_mm, correlation, covered)


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
