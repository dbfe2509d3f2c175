"""Every score of one class of one case, by one policy for empty masks.

Both masks empty: nothing is scored, and the case counts in no mean. One of them empty: overlaps are
0, and the Hausdorff distance is the diagonal of the scan, since no distance in it is larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.evaluate.centrelines import centreline_dice
from lvt_track.evaluate.detection import Detection, dice, lesion_detection
from lvt_track.evaluate.surfaces import surface_distances

__all__ = ["TOLERANCE_MM", "ClassScores", "score_class"]

TOLERANCE_MM = 2.0
"""How far apart surfaces may lie and count as one, for the surface Dice."""


@dataclass(frozen=True)
class ClassScores:
    """One class of one case; None where both masks are empty, or the score is not of this class.

    Attributes:
        dice: overlap, 0 to 1.
        surface_dice: normalised surface Dice at `TOLERANCE_MM`, 0 to 1.
        hausdorff_mm: 95th percentile of the Hausdorff distance.
        centreline_dice: clDice, 0 to 1; of vessels.
        detection: lesions found; of tumours.
    """

    dice: float | None
    surface_dice: float | None
    hausdorff_mm: float | None
    centreline_dice: float | None = None
    detection: Detection | None = None


def score_class(
    name: str, predicted: BoolArray, truth: BoolArray, geometry: Geometry
) -> ClassScores:
    """Score a mask against the true one.

    Args:
        name: of the class; `vessels` are scored by their centrelines too, `tumors` by lesion.
        predicted, truth: (z, y, x) masks.
        geometry: the grid of both.
    """
    surface_dice, hausdorff_mm = _surfaces(predicted, truth, geometry)
    return ClassScores(
        dice=dice(predicted, truth),
        surface_dice=surface_dice,
        hausdorff_mm=hausdorff_mm,
        centreline_dice=centreline_dice(predicted, truth) if name == "vessels" else None,
        detection=lesion_detection(predicted, truth, geometry.voxel_volume_mm3)
        if name == "tumors"
        else None,
    )


def _surfaces(
    predicted: BoolArray, truth: BoolArray, geometry: Geometry
) -> tuple[float | None, float | None]:
    """Surface Dice and Hausdorff distance."""
    have_voxels = predicted.any(), truth.any()
    if not any(have_voxels):
        return None, None
    if not all(have_voxels):
        return 0.0, float(np.linalg.norm(geometry.size_mm))
    distances = surface_distances(predicted, truth, geometry.spacing_mm)
    return distances.surface_dice(TOLERANCE_MM), distances.hausdorff_mm()
