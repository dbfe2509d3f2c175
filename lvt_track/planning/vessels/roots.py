"""Where the trees have their roots: the hepatic veins at the cava, the portal vein at the hilum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.components import label_components
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.planning.vessels.cava import Cava, LiverFrame
from lvt_track.planning.vessels.graph import VesselGraph
from lvt_track.planning.vessels.growth import Root, grow

__all__ = ["Roots", "find_roots"]

# The hilum lies to the right of and before the cava by these shares of the liver's width and depth,
# at this share of its height: read off three real livers and four phantoms.
_BESIDE_CAVA = (-0.04, -0.15)
_HILUM_HEIGHT = 0.45
_HILUM_SPREAD = (0.10, 0.11, 0.13)
# Contacts with the cava of less than a vein of this radius are touch, not drainage.
_LEAST_CONTACT_MM = 1.5
_NEAR_NODE_MM = 6.0
_AT_WALL_MM = 2.5
# A branch that heads for the hilum may end this far from it.
_FAR_MM = 40.0
_PER_MM = 0.05
_TRUNK_MM = 4.5
_THIN = 1.5
_LEAST_TRUNK_MM = 3.5
_OTHER_PIECE = 0.6
# The portal trunk and its division score 6 to 17 on real livers and phantoms, hepatic veins about
# the hilum less than 2.
_LEAST_SCORE = 3.0
# A vessel that the hepatic veins reach at less than this cost is no candidate for the portal vein.
_DOUBT = 2.0


@dataclass(frozen=True, eq=False)
class Roots:
    """The graph, cut where trees begin, and where each may begin."""

    graph: VesselGraph
    portal: tuple[Root, ...]
    hepatic: tuple[Root, ...]


def find_roots(
    graph: VesselGraph, vessels: BoolArray, geometry: Geometry, frame: LiverFrame, cava: Cava
) -> Roots:
    """Find the roots of both trees.

    Args:
        graph: the vessels, without the cava.
        vessels: their mask (z, y, x) on the lattice, without the cava.
        geometry: of the lattice.
        frame: of the liver.
        cava: as it is seen; without it no root is told.
    """
    if not graph.branches or cava.mask is None:
        return Roots(graph, (), ())
    graph, hepatic = _contacts(graph, vessels, geometry, cava.mask)
    taken = frozenset(root.branch for root in hepatic if root.price < 0.3)
    doubt = np.clip(grow(graph, hepatic).cost / _DOUBT, 0.05, 1.0)
    graph, portal = _hilum(graph, hilum_shares(frame, cava), frame, doubt, taken)
    return Roots(graph, portal, hepatic)


def _contacts(
    graph: VesselGraph, vessels: BoolArray, geometry: Geometry, cava: BoolArray
) -> tuple[VesselGraph, tuple[Root, ...]]:
    """Roots at the patches where vessels touch the wall of the cava."""
    touch = vessels & ndimage.binary_dilation(cava, np.ones((3, 3, 3), dtype=bool))
    patches, count = label_components(touch)
    roots: list[Root] = []
    for patch in range(1, count + 1):
        inside = geometry.to_world(np.argwhere(patches == patch))
        radius = float(np.sqrt(len(inside) * geometry.spacing_mm[0] ** 2 / np.pi))
        if radius < _LEAST_CONTACT_MM:
            continue
        centre = inside.mean(axis=0)
        graph, touching = _start_at(graph, centre, radius + _NEAR_NODE_MM)
        roots += touching
    return graph, tuple(dict.fromkeys([*roots, *_ends_at(graph, geometry, cava)]))


def _ends_at(graph: VesselGraph, geometry: Geometry, cava: BoolArray) -> list[Root]:
    """Roots at ends that lie at the wall: several veins may share one patch."""
    wall = ndimage.distance_transform_edt(~cava, sampling=geometry.spacing_mm)
    index = np.rint(geometry.to_index(graph.nodes_mm)).astype(np.intp)
    index = np.clip(index, 0, np.array(geometry.shape) - 1)
    gap = wall[tuple(index.T)]
    roots = []
    for number, branch in enumerate(graph.branches):
        for end, node in enumerate(branch.nodes):
            wide = branch.end_radius_mm(end)
            # Thinning shortens an open end by about its radius.
            is_near = gap[node] <= _AT_WALL_MM + 1.3 * wide
            if is_near and wide >= _LEAST_CONTACT_MM and gap[branch.nodes[1 - end]] > gap[node]:
                roots.append(Root(number, end))
    return roots


def _start_at(
    graph: VesselGraph, place_mm: FloatArray, reach_mm: float
) -> tuple[VesselGraph, list[Root]]:
    """Roots at the point of the graph next to a place; the branch there is cut if need be."""
    gaps = [np.linalg.norm(branch.points_mm - place_mm, axis=1) for branch in graph.branches]
    number = int(np.argmin([gap.min() for gap in gaps]))
    at, branch = int(gaps[number].argmin()), graph.branches[number]
    if gaps[number][at] > reach_mm:
        return graph, []
    along = branch.along_mm
    if along[at] <= _NEAR_NODE_MM or along[-1] - along[at] <= _NEAR_NODE_MM:
        end = 0 if along[at] <= along[-1] - along[at] else 1
        node = branch.nodes[end]
        return graph, [Root(b, e) for b, e in graph.at_nodes()[node]]
    new = len(graph.branches)
    return graph.split(number, at), [Root(number, 1), Root(new, 0)]


def _heading_for(
    graph: VesselGraph, target_mm: FloatArray, allowed: BoolArray, size_mm: float
) -> tuple[Root, ...]:
    """Ends that head for a place, the dearer the further they are and the less straight.

    Args:
        graph: the branches.
        target_mm: for each node, the place (n, 3).
        allowed: the nodes that may be a root (n,).
        size_mm: radius of the place.
    """
    towards = target_mm - graph.nodes_mm
    gap = np.linalg.norm(towards, axis=1)
    towards /= np.maximum(gap, 1e-6)[:, None]
    gap = np.maximum(gap - size_mm, 0.0)
    is_open = np.array([len(ends) == 1 for ends in graph.at_nodes()])
    roots = []
    for number, branch in enumerate(graph.branches):
        for end, node in enumerate(branch.nodes):
            bend = 1.0 + float(branch.heading(end) @ towards[node])
            if gap[node] > _FAR_MM or not allowed[node] or bend > 1.2:
                continue
            # Within a tree only a trunk can be one of its roots.
            if not is_open[node] and branch.end_radius_mm(end) < _LEAST_TRUNK_MM:
                continue
            thin = max(0.0, float(np.log(_TRUNK_MM / branch.end_radius_mm(end))))
            price = _PER_MM * max(0.0, gap[node] - 4.0) + 1.2 * max(0.0, bend - 0.3)
            roots.append(Root(number, end, price + _THIN * thin))
    if not roots:
        return ()
    least = min(root.price for root in roots)
    return tuple(replace(root, price=root.price - least) for root in roots)


def hilum_shares(frame: LiverFrame, cava: Cava) -> FloatArray:
    """Where the hilum lies in most livers, in shares of the liver's extent (3,)."""
    height = frame.place((0.5, 0.5, _HILUM_HEIGHT))[2]
    x, y = cava.axis_at(np.array(height))
    beside = frame.share(np.array([x, y, height]))
    shares: FloatArray = beside + np.array([*_BESIDE_CAVA, 0.0])
    return shares


def _hilum(
    graph: VesselGraph,
    usual: FloatArray,
    frame: LiverFrame,
    doubt: FloatArray,
    taken: frozenset[int],
) -> tuple[VesselGraph, tuple[Root, ...]]:
    """Roots at the widest vessel about the hilum; none where it is no trunk."""
    best, most, trunk = (-1, 0), 0.0, 0.0
    for number, branch in enumerate(graph.branches):
        if number in taken:
            continue
        score = branch.radius_mm**1.5 * _nearness(frame.share(branch.points_mm), usual)
        trunk = max(trunk, float(score.max()))
        score = score * doubt[number]
        if score.max() > most:
            best, most = (number, int(score.argmax())), float(score.max())
    number, at = best
    if number < 0 or trunk < _LEAST_SCORE:
        return graph, ()
    place = graph.branches[number].points_mm[at]
    cut, roots = _start_at(graph, place, _NEAR_NODE_MM)
    hilum = np.broadcast_to(place, cut.nodes_mm.shape)
    is_free = np.array([len(ends) == 1 for ends in cut.at_nodes()])
    more = _heading_for(cut, hilum, is_free, size_mm=4.0)
    seen = {root.branch for root in roots} | taken
    more = tuple(
        replace(root, price=root.price + _OTHER_PIECE) for root in more if root.branch not in seen
    )
    return cut, (*(root for root in roots if root.branch not in taken), *more)


def _nearness(shares: FloatArray, usual: FloatArray) -> NDArray[np.float64]:
    away = (shares - usual) / np.array(_HILUM_SPREAD)
    near: NDArray[np.float64] = np.exp(-0.5 * (away**2).sum(axis=-1))
    return near
