"""What a reader must know before trusting the plan of a visit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from lvt_track.core.components import FACES, label_components
from lvt_track.core.geometry import bounding_box
from lvt_track.core.volume import BoolArray, Masks
from lvt_track.planning.territories.borders import Borders
from lvt_track.planning.territories.couinaud import Territories
from lvt_track.planning.vessels.trees import HEPATIC, PORTAL, UNKNOWN, VesselTrees

__all__ = ["visit_remarks"]

_SMALL_ML, _PIECE_ML = 700.0, 20.0
_LEAST_TREE_MM = 30.0
_MOST_UNKNOWN = 0.05
_OUTSIDE = 0.5
_THICK_MM = 5.0


def visit_remarks(
    masks: Masks,
    trees: VesselTrees | None,
    territories: Territories | None,
    outside: Mapping[int, float],
) -> tuple[str, ...]:
    """Sentences on what is missing, cut or unusual.

    Args:
        masks: of the visit, on its whole grid.
        trees, territories: as they were told; None without a liver.
        outside: of each lesion by its label, the share outside the liver.
    """
    if trees is None:
        what = "a liver of one slice" if masks.liver.any() else "no liver"
        return (f"{what}: nothing can be planned",)
    told = [*_of_liver(masks), *_of_vessels(masks, trees)]
    if territories is not None and masks.vessels.any():
        if territories.reason:
            told.append(f"segments are not told: {territories.reason}")
        elif territories.borders is not None:
            told += _of_borders(territories.borders)
    beyond = [label for label, share in outside.items() if share > _OUTSIDE]
    if beyond:
        names = ", ".join(str(label) for label in beyond)
        told.append(
            f"lesions that lie outside the liver by more than half, so that distances and segments "
            f"say little of them: {names}"
        )
    return tuple(told)


def _of_liver(masks: Masks) -> Iterator[str]:
    if _is_cut(masks.liver):
        yield "the liver reaches the end of the scan: volumes are of the part shown"
    box = bounding_box(masks.liver)
    assert box is not None
    pieces, count = label_components(masks.liver[box], FACES)
    if count > 1:
        sizes = np.bincount(pieces.ravel())[1:] * masks.geometry.voxel_volume_ml
        if np.count_nonzero(sizes >= _PIECE_ML) > 1:
            yield "the liver is in several pieces: segments and roots may be wrong"
    liver_ml = masks.volume_ml("liver")
    if liver_ml < _SMALL_ML:
        yield (
            f"a liver of {liver_ml:.0f} mL, as after a resection or in cirrhosis: segments may not "
            "be the usual"
        )
    thick = max(masks.geometry.spacing_mm)
    if thick > _THICK_MM:
        yield f"slices {thick:.1f} mm apart: thin vessels and angles of contact are rough"


def _is_cut(liver: BoolArray) -> bool:
    ends = (liver.take(end, axis=axis) for axis in range(3) for end in (0, -1))
    return any(bool(face.any()) for face in ends)


def _of_vessels(masks: Masks, trees: VesselTrees) -> Iterator[str]:
    if not masks.vessels.any():
        yield "no vessels: neither trees nor segments nor distances to vessels"
        return
    lengths = {kind: trees.length_mm(kind) for kind in (PORTAL, HEPATIC, UNKNOWN)}
    total = sum(lengths.values())
    if total == 0:
        yield "no vessel has a course: neither trees nor segments"
        return
    for kind, name in ((PORTAL, "portal"), (HEPATIC, "hepatic")):
        if lengths[kind] < _LEAST_TREE_MM and lengths[UNKNOWN] < total:
            yield f"hardly any {name} veins are told: look whether the others are of one tree"
    if lengths[UNKNOWN] > _MOST_UNKNOWN * total:
        share = 100 * lengths[UNKNOWN] / total
        yield f"{share:.0f} % of the length of vessels is told of neither tree"


def _of_borders(borders: Borders) -> Iterator[str]:
    sheets = {
        "right hepatic vein": borders.right.is_seen,
        "middle hepatic vein": borders.middle.is_seen,
        "left hepatic vein": borders.left.is_seen,
        "umbilical fissure": borders.umbilical.is_seen,
        "division of the portal vein": borders.has_portal,
    }
    missing = [name for name, is_seen in sheets.items() if not is_seen]
    if missing:
        names = ", ".join(missing)
        yield (
            f"not seen: {names}; borders are drawn where most livers have them, so that segments "
            "beside them are a guess"
        )
