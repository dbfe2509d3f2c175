"""Which vessels are portal and which hepatic, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray, Masks
from lvt_track.planning.lattice import Lattice, lattice_around
from lvt_track.planning.vessels.bridges import bridge_gaps
from lvt_track.planning.vessels.cava import Cava, LiverFrame, assumed_cava, find_cava
from lvt_track.planning.vessels.contacts import cut_contacts
from lvt_track.planning.vessels.convergence import classify_by_convergence
from lvt_track.planning.vessels.graph import Branch, VesselGraph
from lvt_track.planning.vessels.growth import NEVER, grow
from lvt_track.planning.vessels.roots import Roots, find_roots, hilum_shares
from lvt_track.planning.vessels.skeleton import vessel_graph

__all__ = ["HEPATIC", "PORTAL", "UNKNOWN", "VesselTrees", "separate_trees"]

UNKNOWN, PORTAL, HEPATIC = 0, 1, 2
"""Which tree a branch is of."""

# Costs this far apart are told with a confidence of 63 %.
_SURE = 1.0
_LEAST_CONFIDENCE = 0.05
_LEAST_CONVERGENCE = 0.3


@dataclass(frozen=True, eq=False)
class VesselTrees:
    """The vessels of a liver by tree.

    Attributes:
        lattice: the grid of cubes.
        liver, vessels: masks (z, y, x) on the lattice; vessels without the cava.
        graph: centrelines.
        kinds: for each branch UNKNOWN, PORTAL or HEPATIC (n,).
        confidence: of each branch, 0 to 1 (n,).
        cava: seen or assumed.
        hilum_mm: where the hilum is looked for, LPS (3,).
        frame: of the liver.
    """

    lattice: Lattice
    liver: BoolArray
    vessels: BoolArray
    graph: VesselGraph
    kinds: np.ndarray[tuple[int], np.dtype[np.int8]]
    confidence: FloatArray
    cava: Cava
    hilum_mm: FloatArray
    frame: LiverFrame

    def branches(self, kind: int) -> tuple[Branch, ...]:
        """The branches of one kind."""
        each = zip(self.graph.branches, self.kinds, strict=True)
        return tuple(branch for branch, of in each if of == kind)

    def points(self, kind: int, least_mm: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Centreline points (n, 3) and radii (n,) of the branches of one kind."""
        chosen = [branch for branch in self.branches(kind) if branch.calibre_mm >= least_mm]
        if not chosen:
            return np.zeros((0, 3)), np.zeros(0)
        points = np.concatenate([branch.points_mm for branch in chosen])
        return points, np.concatenate([branch.radius_mm for branch in chosen])

    def length_mm(self, kind: int) -> float:
        """Summed length of the branches of one kind."""
        return float(sum(branch.length_mm for branch in self.branches(kind)))

    def length_within_mm(self, kind: int) -> float:
        """Summed length of the branches of one kind within the liver."""
        length_mm = 0.0
        for branch in self.branches(kind):
            inside = self.liver[tuple(self.lattice.index(branch.points_mm).T)]
            length_mm += branch.length_mm * float(inside.mean())
        return length_mm

    def on_scan(self, vessels: BoolArray) -> dict[int, BoolArray]:
        """The voxels of a mask of the scan (z, y, x) by kind, each that of the branch whose
        wall is nearest; the cava, where it is seen, counts as hepatic."""
        where = np.argwhere(vessels)
        masks = {kind: np.zeros_like(vessels) for kind in (UNKNOWN, PORTAL, HEPATIC)}
        if len(where) == 0:
            return masks
        kinds = self._kinds_at(self.lattice.scan.to_world(where))
        for kind, mask in masks.items():
            mask[tuple(where[kinds == kind].T)] = True
        return masks

    def cava_on_scan(self, masks: Masks) -> BoolArray | None:
        """The voxels of vessels (z, y, x) that are the cava; None where it is not seen.

        Args:
            masks: on any grid of the same patient's frame.
        """
        if self.cava.mask is None:
            return None
        cava = np.zeros_like(masks.vessels)
        where = np.argwhere(masks.vessels)
        points = masks.geometry.to_world(where)
        index = self.lattice.geometry.to_index(points)
        inside = ((index > -0.5) & (index < np.array(self.lattice.geometry.shape) - 0.5)).all(
            axis=1
        )
        where, points = where[inside], points[inside]
        hit = self.cava.mask[tuple(self.lattice.index(points).T)]
        cava[tuple(where[hit].T)] = True
        return cava

    def _kinds_at(self, points_mm: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
        kinds = np.zeros(len(points_mm), dtype=np.int8)
        if self.graph.branches:
            spots = np.concatenate([b.points_mm for b in self.graph.branches])
            radii = np.concatenate([b.radius_mm for b in self.graph.branches])
            counts = [len(b.points_mm) for b in self.graph.branches]
            of = np.repeat(self.kinds, counts)
            k = min(8, len(spots))
            distances_mm, nearest = cKDTree(spots).query(points_mm, k=k)
            gap = np.asarray(distances_mm, dtype=np.float64).reshape(-1, k)
            index = np.asarray(nearest, dtype=np.intp).reshape(-1, k)
            best = (gap - radii[index]).argmin(axis=1)
            kinds = of[index[np.arange(len(index)), best]]
        if self.cava.mask is not None:
            index = self.lattice.index(points_mm)
            kinds[self.cava.mask[tuple(index.T)]] = HEPATIC
        return kinds


def separate_trees(masks: Masks) -> VesselTrees | None:
    """Tell portal from hepatic vessels.

    Args:
        masks: liver and vessels of one scan; vessels may hold the cava and the portal trunk.

    Returns:
        None without a liver, or where it is too thin to be seen on cubes.
    """
    if not masks.liver.any():
        return None
    whole = masks.liver | _near(masks.vessels, masks.liver, masks.geometry.spacing_mm)
    lattice = lattice_around(whole, masks.geometry)
    liver, vessels = lattice.mask(masks.liver), lattice.mask(masks.vessels & whole)
    if not liver.any():
        return None
    frame = LiverFrame.of(liver, lattice.geometry)
    cava = find_cava(vessels, lattice.geometry)
    if cava is not None and cava.mask is not None:
        vessels = vessels & ~cava.mask
    cava = cava or assumed_cava(liver, lattice.geometry)
    graph = bridge_gaps(vessel_graph(vessels, lattice.geometry))
    hilum = _usual_hilum_mm(frame, cava)
    roots = find_roots(graph, vessels, lattice.geometry, frame, cava)
    graph = roots.graph
    if roots.portal or not graph.branches:
        graph, kinds, confidence = _from_roots(roots)
    else:
        convergence = classify_by_convergence(graph, frame, cava)
        hilum = convergence.hilum_mm
        if not cava.is_seen:
            cava = cava.moved_to(convergence.outflow_mm).in_groove(liver, lattice.geometry, frame)
        kinds = np.where(convergence.hepatic > 0, HEPATIC, PORTAL).astype(np.int8)
        confidence = np.abs(np.tanh(convergence.hepatic / 2.0))
        kinds[confidence < _LEAST_CONVERGENCE] = UNKNOWN
    return VesselTrees(lattice, liver, vessels, graph, kinds, confidence, cava, hilum, frame)


def _from_roots(
    roots: Roots,
) -> tuple[VesselGraph, np.ndarray[tuple[int], np.dtype[np.int8]], FloatArray]:
    """The graph, cut where trees touch; each branch to the tree that reaches it at less cost, and
    how sure that is."""
    portal, hepatic = grow(roots.graph, roots.portal), grow(roots.graph, roots.hepatic)
    graph = cut_contacts(roots, portal, hepatic)
    if graph is not roots.graph:
        portal, hepatic = grow(graph, roots.portal), grow(graph, roots.hepatic)
    margin = hepatic.cost - portal.cost
    kinds = np.where(margin > 0, PORTAL, HEPATIC).astype(np.int8)
    confidence: FloatArray = 1.0 - np.exp(-np.abs(margin) / _SURE)
    lost = np.minimum(portal.cost, hepatic.cost) >= NEVER
    kinds[lost | (confidence < _LEAST_CONFIDENCE)] = UNKNOWN
    confidence[lost] = 0.0
    return graph, kinds, confidence


def _near(vessels: BoolArray, liver: BoolArray, spacing_mm: tuple[float, ...]) -> BoolArray:
    """Vessels up to 25 mm from the liver: trunks on their way to it, not those of the spleen."""
    steps = [max(1, round(25.0 / s)) for s in spacing_mm]
    box = ndimage.maximum_filter(liver, size=[2 * s + 1 for s in steps])
    near: BoolArray = vessels & box
    return near


def _usual_hilum_mm(frame: LiverFrame, cava: Cava) -> FloatArray:
    """Where the hilum lies in most livers, LPS (3,)."""
    x, y, z = hilum_shares(frame, cava)
    return frame.place((float(x), float(y), float(z)))
