"""Whether what is seen of a liver and its vessels is enough to tell its segments."""

from __future__ import annotations

import numpy as np

from lvt_track.core.components import FACES, label_components
from lvt_track.core.volume import BoolArray
from lvt_track.planning.lattice import distance_to_mm
from lvt_track.planning.territories.borders import Borders
from lvt_track.planning.vessels.trees import PORTAL, VesselTrees

__all__ = ["why_no_segments"]

_LEAST_VEINS = 2
_LEAST_PORTAL_MM = 150.0
# A dozen whole livers of three sources are 1.02 to 1.54 times as wide as deep, with the middle of
# their volume at 0.37 to 0.41 of their width from the right; right parts of three of them are 0.63
# to 0.81 times as wide as deep, left parts of less than 730 mL have it at 0.45 to 0.50.
_LEAST_WIDTH = 0.92
_LEFT_MIDDLE, _LEFT_PART_ML = 0.435, 900.0
_LEAST_ML = 450.0
_LEAST_HEIGHT_MM = 70.0
# Pieces of a liver that a mask tears along a fissure lie side by side.
_PIECE, _APART_MM = 0.1, 10.0


def why_no_segments(trees: VesselTrees, borders: Borders) -> str:
    """Why segments cannot be told; empty where they can."""
    veins = (borders.right, borders.middle, borders.left)
    is_portal = borders.has_portal and trees.length_within_mm(PORTAL) >= _LEAST_PORTAL_MM
    if sum(vein.is_seen for vein in veins) < _LEAST_VEINS and not is_portal:
        return "too few vessels to tell the segments"
    if _is_part(trees):
        return "the liver has the shape of a part of one, as after a resection"
    if _is_torn(trees.liver, trees.lattice.spacing_mm):
        return "the liver is in pieces that lie apart"
    return ""


def _is_part(trees: VesselTrees) -> bool:
    width, depth, height = np.array(trees.frame.high_mm) - np.array(trees.frame.low_mm)
    if height < _LEAST_HEIGHT_MM or width < _LEAST_WIDTH * depth:
        return True
    liver_ml = np.count_nonzero(trees.liver) * trees.lattice.geometry.voxel_volume_ml
    inside = trees.lattice.geometry.to_world(np.argwhere(trees.liver))
    middle = trees.frame.share(inside.mean(axis=0))[0]
    is_left = liver_ml < _LEFT_PART_ML and middle > _LEFT_MIDDLE
    return bool(is_left or liver_ml < _LEAST_ML)


def _is_torn(liver: BoolArray, spacing_mm: float) -> bool:
    """Whether a piece of a tenth or more lies apart from the largest."""
    pieces, count = label_components(liver, FACES)
    if count < 2:
        return False
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    away_mm = distance_to_mm(pieces == sizes.argmax(), (spacing_mm,) * 3)
    large = np.flatnonzero(sizes >= _PIECE * sizes.sum())
    return any(float(away_mm[pieces == number].min()) > _APART_MM for number in large)
