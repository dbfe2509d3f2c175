"""Couinaud's segments 1 to 8: sectors between the hepatic veins, upper and lower by the nearest
branch of the portal vein, or by the level of its division where the branches are too few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.planning.proximity.distances import label_boxes
from lvt_track.planning.territories.borders import Borders, find_borders
from lvt_track.planning.territories.caudate import is_caudate
from lvt_track.planning.territories.evidence import why_no_segments
from lvt_track.planning.territories.necks import drawn_at_neck
from lvt_track.planning.vessels.trees import PORTAL, VesselTrees

__all__ = ["Territories", "find_territories", "segments_of"]

_LEAST_BRANCHES_MM = 30.0
_CAUDATE = 1
# How far the border may move to the fissure of the round ligament, the bed of the gall bladder, and
# the fissure of the venous ligament.
_FISSURES, _VENOUS_MM = ((3, 4, 5.0), (4, 5, 12.5)), 5.0
_SHARE, _MOST_MM = 0.5, 24.0  # how far branches move the border between upper and lower
_COARSE_MM, _SHIFT_SMOOTH_MM = 6.0, 9.0
_SMOOTH_MM = 3.0
_LEAST_SHARE = 0.1  # of a tumour, for a segment that it lies in to be named
_SECTORS = ((2, 3), (8, 5), (7, 6))
"""Upper and lower segment of each sector that has both."""
_BRANCHES, _PLANES = "portal branches", "planes"


@dataclass(frozen=True, eq=False)
class Territories:
    """The segments of a liver.

    Attributes:
        labels: uint8 (z, y, x) on the lattice, 1 to 8; 0 outside the liver or where not told.
        sources: for each segment told, how its label came about.
        reason: why no segments are told; empty where they are.
        borders: what they were told by; None where they are not.
        planes: the labels by planes alone, as a cross-check; 0 everywhere where not told.
    """

    labels: NDArray[np.uint8]
    sources: dict[int, str]
    reason: str
    borders: Borders | None
    planes: NDArray[np.uint8]


def find_territories(trees: VesselTrees) -> Territories:
    """Tell the segments of a liver from its vessels."""
    nothing = np.zeros(trees.liver.shape, dtype=np.uint8)
    borders = find_borders(trees)
    reason = why_no_segments(trees, borders)
    if reason:
        return Territories(nothing, {}, reason, None, nothing)
    where = np.argwhere(trees.liver)
    points = trees.lattice.geometry.to_world(where)
    by_planes = _by_planes(points, trees, borders)
    caudate = nothing.astype(bool)
    caudate[tuple(where.T)] = is_caudate(points, trees, borders.fork_mm)
    planes = nothing.copy()
    planes[tuple(where.T)] = by_planes
    planes[caudate] = _CAUDATE
    chosen = by_planes.copy()
    sources = {int(n): _PLANES for n in np.unique(planes[trees.liver])}
    spots, names = _labelled_branches(trees, planes)
    for upper, lower in _SECTORS:
        lengths = [np.count_nonzero(names == n) * trees.lattice.spacing_mm for n in (upper, lower)]
        if min(lengths) < _LEAST_BRANCHES_MM:
            continue
        sector = (by_planes == upper) | (by_planes == lower)
        place = points[sector]
        trees_of = cKDTree(spots[names == upper]), cKDTree(spots[names == lower])
        is_upper = _above_mm(place, borders, upper) + _shift_mm(place, *trees_of) > 0
        chosen[sector] = np.where(is_upper, upper, lower)
        sources[upper] = sources[lower] = _BRANCHES
    labels = nothing.copy()
    labels[tuple(where.T)] = chosen
    labels = _at_fissures(labels, caudate, trees)
    return Territories(_whole(_smooth(labels, trees), trees), sources, "", borders, planes)


def _shift_mm(points: FloatArray, upper: cKDTree, lower: cKDTree) -> FloatArray:
    """How far branches lift points (n, 3) above the plane between upper and lower segments.

    Far from the plane those of a level are few, and stray; and what lifts one point lifts those
    around it, so that the border stays in one piece.
    """
    low = points.min(axis=0) - _COARSE_MM
    x, y, z = (int(n) for n in np.ceil((points.max(axis=0) - low) / _COARSE_MM) + 2)
    grid = Geometry.axial(
        (z, y, x), (_COARSE_MM,) * 3, (float(low[0]), float(low[1]), float(low[2]))
    )
    places = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)).reshape(-1, 3)
    nearer = lower.query(places)[0] - upper.query(places)[0]
    shift = _SHARE * np.clip(nearer, -_MOST_MM, _MOST_MM).reshape(grid.shape)
    smooth = ndimage.gaussian_filter(shift, _SHIFT_SMOOTH_MM / _COARSE_MM, mode="nearest")
    lifted: FloatArray = ndimage.map_coordinates(smooth, grid.to_index(points).T, order=1)
    return lifted


def segments_of(labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """The segments that hold a tenth of a tumour or more, most first.

    Args:
        labels: segment (1 to 8, else 0) of each of its voxels (n,).
    """
    counts = np.bincount(labels, minlength=9)[1:]
    order = np.argsort(-counts, kind="stable")
    return tuple(int(n) + 1 for n in order if counts[n] >= _LEAST_SHARE * max(len(labels), 1))


def _by_planes(points: FloatArray, trees: VesselTrees, borders: Borders) -> NDArray[np.uint8]:
    is_right = borders.middle.beyond_mm(points, trees) > 0
    is_posterior = is_right & (borders.right.beyond_mm(points, trees) > 0)
    is_lateral = ~is_right & (borders.umbilical.beyond_mm(points, trees) < 0)
    labels = np.full(len(points), 4, dtype=np.uint8)
    sectors = (is_lateral, is_right & ~is_posterior, is_posterior)
    for sector, (upper, lower) in zip(sectors, _SECTORS, strict=True):
        above = _above_mm(points[sector], borders, upper) > 0
        labels[sector] = np.where(above, upper, lower)
    return labels


def _at_fissures(
    labels: NDArray[np.uint8], caudate: BoolArray, trees: VesselTrees
) -> NDArray[np.uint8]:
    """Labels (z, y, x) with the caudate lobe, and with borders where fissures are."""
    moved = labels.copy()
    for one, other, near_mm in _FISSURES:
        both = (moved == one) | (moved == other)
        part = drawn_at_neck(moved == one, both, near_mm, trees.lattice.spacing_mm)
        moved[both] = np.where(part[both], one, other)
    # To the right no fissure ends it, and walks would eat up what is so small.
    both = caudate | (moved == 2) | (moved == 3)
    moved[drawn_at_neck(caudate, both, _VENOUS_MM, trees.lattice.spacing_mm)] = _CAUDATE
    return moved


def _above_mm(points: FloatArray, borders: Borders, upper: int) -> FloatArray:
    """How far points (n, 3) lie above the plane below an upper segment."""
    if upper == 8:
        return points[:, 2] - borders.right_level_mm
    if upper == 7:
        return points[:, 2] - borders.posterior_level_mm
    # Segment 2 lies above and behind the left hepatic vein, 3 below and before it.
    level = borders.umbilical_mm
    above: FloatArray = (points[:, 2] - level[2]) + 0.6 * (points[:, 1] - level[1])
    return above


def _labelled_branches(
    trees: VesselTrees, planes: NDArray[np.uint8]
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Centreline points of portal branches, each with the segment most of its branch lies in."""
    spots, names = [np.zeros((0, 3))], [np.zeros(0, dtype=np.uint8)]
    for branch in trees.branches(PORTAL):
        if branch.calibre_mm > 4.5:
            continue
        labels = planes[tuple(trees.lattice.index(branch.points_mm).T)]
        counts = np.bincount(labels[labels > 0], minlength=9)
        if counts.sum() == 0:
            continue
        spots.append(branch.points_mm)
        names.append(np.full(len(branch.points_mm), counts.argmax(), dtype=np.uint8))
    return np.concatenate(spots), np.concatenate(names)


def _smooth(labels: NDArray[np.uint8], trees: VesselTrees) -> NDArray[np.uint8]:
    """Borders without steps and splinters: of each cube the segment that most of its surroundings
    are of."""
    width = _SMOOTH_MM / trees.lattice.spacing_mm
    best, most = labels.copy(), np.zeros(labels.shape, dtype=np.float32)
    reach = int(2.0 * width + 0.5)
    for name, (z, y, x) in label_boxes(labels):
        box = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in (z, y, x))
        mask = (labels[box] == name).astype(np.float32)
        share = ndimage.gaussian_filter(mask, width, truncate=2.0)
        more = share > most[box]
        best[box][more], most[box][more] = name, share[more]
    best[labels == 0] = 0
    return best


def _whole(labels: NDArray[np.uint8], trees: VesselTrees) -> NDArray[np.uint8]:
    """Every segment in one piece: crumbs go to the segment around them."""
    kept = np.zeros_like(labels)
    for name, box in label_boxes(labels):
        pieces, _ = ndimage.label(labels[box] == name)
        largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
        kept[box][pieces == largest] = name
    crumbs = trees.liver & (kept == 0) & (labels > 0)
    if crumbs.any() and kept.any():
        beside = ndimage.maximum_filter(crumbs, 3) & (kept > 0)
        where = np.argwhere(beside if beside.any() else kept)
        _, nearest = cKDTree(where).query(np.argwhere(crumbs))
        kept[crumbs] = kept[tuple(where[nearest].T)]
    return kept
