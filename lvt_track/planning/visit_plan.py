"""Everything a surgeon asks of one visit: trees, segments, and what each tumour is near to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from lvt_track.core.geometry import Box, bounding_box
from lvt_track.core.volume import BoolArray, LabelArray, Masks
from lvt_track.planning.lattice import Lattice
from lvt_track.planning.proximity.contact import branch_contact
from lvt_track.planning.proximity.distances import Gap, Shape, gap_between, label_boxes, outside_of
from lvt_track.planning.remarks import visit_remarks
from lvt_track.planning.territories.couinaud import Territories, find_territories, segments_of
from lvt_track.planning.vessels.trees import HEPATIC, PORTAL, UNKNOWN, VesselTrees, separate_trees

__all__ = ["TARGETS", "LesionSite", "VisitPlan", "plan_visit"]

TARGETS = ("surface", "vessel", "portal", "hepatic", "cava")
"""What distances are measured to."""

_LEAST_CALIBRE_MM = 1.5  # radius of the vessels whose contact is measured
_REACH_MM = 12.0


@dataclass(frozen=True)
class LesionSite:
    """Where a tumour lies.

    Attributes:
        label: of the lesion.
        gaps: shortest way to each of TARGETS that is there.
        contact_degrees: greatest share of a vessel's circumference touched; 0 for none.
        contact_length_mm: length of that contact.
        contact_with: `portal`, `hepatic` or `vessel`; empty for none.
        segments: that hold a tenth of it or more, most first.
        outside_share: share of it outside the liver, 0 to 1.
    """

    label: int
    gaps: dict[str, Gap]
    contact_degrees: float
    contact_length_mm: float
    contact_with: str
    segments: tuple[int, ...]
    outside_share: float


@dataclass(frozen=True, eq=False)
class VisitPlan:
    """What is known for planning of one visit.

    Attributes:
        masks: liver, vessels, tumours; the whole grid.
        lesions: labels (z, y, x).
        box: that holds liver, tumours and all that is told.
        trees: None without a liver.
        territories: None without a liver.
        portal, hepatic, unknown: masks of vessels by tree (z, y, x).
        segments: uint8 (z, y, x), 1 to 8.
        sites: of each lesion, by label.
        remarks: what a reader must know.
    """

    masks: Masks
    lesions: LabelArray
    box: Box
    trees: VesselTrees | None
    territories: Territories | None
    portal: BoolArray
    hepatic: BoolArray
    unknown: BoolArray
    segments: NDArray[np.uint8]
    sites: tuple[LesionSite, ...]
    remarks: tuple[str, ...]


def plan_visit(masks: Masks, lesions: LabelArray) -> VisitPlan:
    """Tell trees, segments and the sites of tumours of one visit.

    Args:
        masks: of the visit.
        lesions: labels of its lesions (z, y, x), on the same grid.
    """
    whole = masks.liver | masks.tumors
    box = _around(whole, masks) or (slice(None), slice(None), slice(None))
    part = masks.crop(box)
    trees = separate_trees(part)
    territories = find_territories(trees) if trees is not None else None
    empty = np.zeros(masks.geometry.shape, dtype=bool)
    by_kind = {kind: empty.copy() for kind in (UNKNOWN, PORTAL, HEPATIC)}
    segments = np.zeros(masks.geometry.shape, dtype=np.uint8)
    if trees is not None and territories is not None:
        for kind, mask in trees.on_scan(part.vessels).items():
            by_kind[kind][box] = mask
        if not territories.reason:
            segments[box] = _on_liver(trees, territories, part)
    goals = _goals(part, trees, by_kind[PORTAL][box], by_kind[HEPATIC][box])
    inner = lesions[box]
    sites = []
    for label, where in label_boxes(inner):
        tumor = Shape(inner[where] == label, where, part.geometry)
        around = (part.liver[where], segments[box][where])
        sites.append(_site(label, tumor, around, goals, trees))
    return VisitPlan(
        masks,
        lesions,
        box,
        trees,
        territories,
        by_kind[PORTAL],
        by_kind[HEPATIC],
        by_kind[UNKNOWN],
        segments,
        tuple(sites),
        visit_remarks(masks, trees, territories, {s.label: s.outside_share for s in sites}),
    )


def _around(whole: BoolArray, masks: Masks) -> Box | None:
    """The box of the liver with the trunks that lead to it."""
    box = bounding_box(whole)
    if box is None:
        return None
    wide = [
        slice(max(0, s.start - int(30 / step) - 1), s.stop + int(30 / step) + 1)
        for s, step in zip(box, masks.geometry.spacing_mm, strict=True)
    ]
    return wide[0], wide[1], wide[2]


def _on_liver(trees: VesselTrees, territories: Territories, part: Masks) -> NDArray[np.uint8]:
    """Segments on the voxels of the liver, those at its rim from their nearest cube."""
    labels = territories.labels
    wider = np.where(labels == 0, ndimage.maximum_filter(labels, 5), labels)
    on_scan = trees.lattice.to_scan(wider)
    on_scan[~part.liver] = 0
    missing = part.liver & (on_scan == 0)
    if missing.any():  # what is thinner than the cubes
        spots = trees.lattice.geometry.to_world(np.argwhere(labels))
        _, nearest = cKDTree(spots).query(part.geometry.to_world(np.argwhere(missing)))
        on_scan[missing] = labels[labels > 0][nearest]
    return on_scan


def _goals(
    part: Masks, trees: VesselTrees | None, portal: BoolArray, hepatic: BoolArray
) -> dict[str, Shape]:
    """What distances are measured to, as far as it is there; hepatic without the cava."""
    cava = trees.cava_on_scan(part) if trees is not None else None
    veins = hepatic if cava is None else hepatic & ~cava
    goals = {"vessel": part.vessels, "portal": portal, "hepatic": veins, "cava": cava}
    shapes = {
        name: None if mask is None else Shape.of(mask, part.geometry)
        for name, mask in goals.items()
    }
    if part.liver.any():
        shapes["surface"] = outside_of(part.liver | part.tumors, part.geometry)
    return {name: shape for name, shape in shapes.items() if shape is not None}


def _site(
    label: int,
    tumor: Shape,
    around: tuple[BoolArray, NDArray[np.uint8]],
    goals: dict[str, Shape],
    trees: VesselTrees | None,
) -> LesionSite:
    """Where a tumour lies; `around` are the liver and the segments in its box."""
    liver, segments = around
    degrees, length_mm, partner = _contact(tumor, goals.get("vessel"), trees)
    size = np.count_nonzero(tumor.mask)
    return LesionSite(
        label,
        {name: gap_between(tumor, shape) for name, shape in goals.items()},
        degrees,
        length_mm,
        partner,
        segments_of(segments[tumor.mask]),
        float(np.count_nonzero(tumor.mask & ~liver)) / size,
    )


def _contact(
    tumor: Shape, vessels: Shape | None, trees: VesselTrees | None
) -> tuple[float, float, str]:
    """Greatest contact with a vessel: degrees, length, and which tree."""
    best = (0.0, 0.0, "")
    if trees is None or vessels is None or not trees.graph.branches:
        return best
    low, high = tumor.rim_mm.min(axis=0) - _REACH_MM, tumor.rim_mm.max(axis=0) + _REACH_MM
    z, y, x = (
        slice(int(a), int(b) + 1)
        for a, b in zip(*(trees.lattice.index(np.array([c]))[0] for c in (low, high)), strict=True)
    )
    cubes: Lattice | None = None
    names = {UNKNOWN: "vessel", PORTAL: "portal", HEPATIC: "hepatic"}
    for branch, kind in zip(trees.graph.branches, trees.kinds, strict=True):
        first, last = branch.ends_mm
        if branch.calibre_mm < _LEAST_CALIBRE_MM or (first > high).any() or (last < low).any():
            continue
        if cubes is None:
            cubes = Lattice(trees.lattice.geometry.crop((z, y, x)), tumor.geometry)
            tumor_mm = cubes.level_in(tumor.mask, tumor.box)
            vessels_mm = cubes.level_in(*vessels.within(tumor.box, _REACH_MM))
            if trees.cava.mask is not None:
                vessels_mm[trees.cava.mask[z, y, x]] = trees.lattice.spacing_mm
        contact = branch_contact(branch, vessels_mm, tumor_mm, cubes.geometry)
        if contact is not None and contact.degrees > best[0]:
            best = (contact.degrees, contact.length_mm, names[int(kind)])
    return best
