"""From a vessel mask to a graph: thinned to lines, split at forks, spurs taken off."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.morphology import skeletonize

from lvt_track.core.components import label_components
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.planning.lattice import distance_to_mm
from lvt_track.planning.vessels.graph import Branch, VesselGraph

__all__ = ["vessel_graph"]

_HALF = np.array(
    [o for o in itertools.product((-1, 0, 1), repeat=3) if o > (0, 0, 0)], dtype=np.intp
)
_SMOOTH = 2.0
# A spur that reaches less far beyond the wall of its parent than this share of the parent's
# radius, or than this length, is a bump of the wall.
_SPUR_RADII = 1.6
_SPUR_MM = 3.0


def vessel_graph(vessels: BoolArray, geometry: Geometry) -> VesselGraph:
    """The graph of a vessel mask (z, y, x) on an isotropic grid."""
    if not vessels.any():
        return VesselGraph(np.zeros((0, 3)), ())
    depth = distance_to_mm(np.pad(~vessels, 1, constant_values=True), geometry.spacing_mm)[
        1:-1, 1:-1, 1:-1
    ]
    lines = _thinned(vessels, depth)
    graph = _traced(lines, depth, geometry)
    graph = _without_spurs(graph)
    graph = _merge_close_nodes(graph)
    return _without_spurs(graph)


def _thinned(vessels: BoolArray, depth: NDArray[np.float32]) -> BoolArray:
    """Lines one voxel wide; a piece that thinning loses keeps its deepest voxel's row."""
    lines: BoolArray = skeletonize(vessels).astype(bool)  # type: ignore[no-untyped-call]
    pieces, count = label_components(vessels)
    kept = np.zeros(count + 1, dtype=bool)
    kept[np.unique(pieces[lines])] = True
    for lost in np.flatnonzero(~kept[1:]) + 1:
        inside = np.argwhere(pieces == lost)
        deepest = inside[depth[tuple(inside.T)].argmax()]
        lines[tuple(deepest)] = True
    return lines


def _traced(lines: BoolArray, depth: NDArray[np.float32], geometry: Geometry) -> VesselGraph:
    """Nodes where lines end or meet, and branches between them."""
    where = np.argwhere(lines)
    number = np.full(lines.shape, -1, dtype=np.intp)
    number[tuple(where.T)] = np.arange(len(where))
    pairs = _neighbour_pairs(where, number)
    degree = np.bincount(pairs.ravel(), minlength=len(where))
    is_node = degree != 2
    # Node voxels that touch are one node.
    both = is_node[pairs].all(axis=1)
    joined = pairs[both]
    size = len(where)
    matrix = coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(size, size))
    _, cluster = connected_components(matrix, directed=False)
    node_names, node_of = np.unique(cluster[is_node], return_inverse=True)
    node_at = np.full(size, -1, dtype=np.intp)
    node_at[is_node] = node_of
    around: list[list[int]] = [[] for _ in range(size)]
    for a, b in pairs:
        around[a].append(int(b))
        around[b].append(int(a))
    world = geometry.to_world(where)
    radius = depth[tuple(where.T)].astype(np.float64)
    nodes = np.zeros((len(node_names), 3))
    for axis in range(3):
        sums = np.bincount(node_of, world[is_node, axis], minlength=len(node_names))
        nodes[:, axis] = sums / np.bincount(node_of, minlength=len(node_names))
    branches = []
    seen = np.zeros(size, dtype=bool)
    for start in np.flatnonzero(is_node):
        for first in around[start]:
            if is_node[first] or seen[first]:
                continue
            path = [int(start), first]
            seen[first] = True
            while not is_node[path[-1]]:
                ways = [n for n in around[path[-1]] if n != path[-2] and not seen[n]]
                if not ways:
                    ways = [n for n in around[path[-1]] if is_node[n] and n != path[-2]]
                if not ways:
                    break
                path.append(ways[0])
                if not is_node[ways[0]]:
                    seen[ways[0]] = True
            if node_at[path[-1]] < 0:
                continue
            branches.append(
                _smoothed(
                    (int(node_at[start]), int(node_at[path[-1]])), world[path], radius[path], nodes
                )
            )
    return VesselGraph(nodes, tuple(branches))


def _neighbour_pairs(where: NDArray[np.intp], number: NDArray[np.intp]) -> NDArray[np.intp]:
    pairs = []
    for step in _HALF:
        neighbours = where + step
        inside = ((neighbours >= 0) & (neighbours < number.shape)).all(axis=1)
        other = number[tuple(neighbours[inside].T)]
        hit = other >= 0
        pairs.append(np.column_stack([np.flatnonzero(inside)[hit], other[hit]]))
    return np.concatenate(pairs)


def _smoothed(
    ends: tuple[int, int], points: FloatArray, radius: FloatArray, nodes: FloatArray
) -> Branch:
    """A branch whose stairs are smoothed and whose ends lie in its nodes."""
    whole = np.concatenate([nodes[[ends[0]]], points[1:-1], nodes[[ends[1]]]])
    smooth = ndimage.gaussian_filter1d(whole, _SMOOTH, axis=0, mode="nearest")
    smooth[0], smooth[-1] = whole[0], whole[-1]
    return Branch(ends, smooth, ndimage.gaussian_filter1d(radius, _SMOOTH, mode="nearest"))


def _without_spurs(graph: VesselGraph) -> VesselGraph:
    """Take off ends that do not come out of the vessel they stand on, shortest first."""
    branches = list(graph.branches)
    while True:
        meeting = VesselGraph(graph.nodes_mm, tuple(branches)).at_nodes()
        worst, least = -1, 0.0
        for number, branch in enumerate(branches):
            degrees = [len(meeting[node]) for node in branch.nodes]
            if sorted(degrees)[0] != 1 or max(degrees) < 3:
                continue
            base = 0 if degrees[0] >= 3 else 1
            parent = max(
                branches[other].end_radius_mm(end)
                for other, end in meeting[branch.nodes[base]]
                if other != number
            )
            surplus = branch.length_mm - max(_SPUR_RADII * parent, _SPUR_MM)
            if surplus < least:
                worst, least = number, surplus
        if worst < 0:
            break
        branches.pop(worst)
        branches = _joined(graph.nodes_mm, branches)
    return VesselGraph(graph.nodes_mm, tuple(branches))


def _joined(nodes: FloatArray, branches: list[Branch]) -> list[Branch]:
    """Branches that meet alone at a node become one."""
    meeting = VesselGraph(nodes, tuple(branches)).at_nodes()
    for ends in meeting:
        if len(ends) != 2 or ends[0][0] == ends[1][0]:
            continue
        (a, end_a), (b, end_b) = ends
        first, second = branches[a], branches[b]
        points_a, radius_a = first.points_mm, first.radius_mm
        points_b, radius_b = second.points_mm, second.radius_mm
        start, stop = first.nodes[1 - end_a], second.nodes[1 - end_b]
        if end_a == 0:
            points_a, radius_a = points_a[::-1], radius_a[::-1]
        if end_b == 1:
            points_b, radius_b = points_b[::-1], radius_b[::-1]
        whole = Branch(
            (start, stop),
            np.concatenate([points_a, points_b[1:]]),
            np.concatenate([radius_a, radius_b[1:]]),
        )
        rest = [branch for n, branch in enumerate(branches) if n not in (a, b)]
        return _joined(nodes, [*rest, whole])
    return branches


def _merge_close_nodes(graph: VesselGraph) -> VesselGraph:
    """Forks that lie inside one another's vessel become one: where vessels cross, thinning
    makes two forks joined by a stump."""
    target = np.arange(len(graph.nodes_mm))
    meeting = graph.at_nodes()
    kept = []
    for branch in graph.branches:
        a, b = branch.nodes
        inner = min(len(meeting[a]), len(meeting[b])) >= 3
        if inner and a != b and branch.length_mm < 1.1 * float(branch.radius_mm.max()):
            old, new = target[a], target[b]
            target[target == old] = new
        else:
            kept.append(branch)
    nodes = graph.nodes_mm.copy()
    for name in np.unique(target):
        nodes[name] = graph.nodes_mm[target == name].mean(axis=0)
    moved = []
    for branch in kept:
        a, b = int(target[branch.nodes[0]]), int(target[branch.nodes[1]])
        if a == b and branch.length_mm < 4 * branch.calibre_mm:
            continue
        points = branch.points_mm.copy()
        points[0], points[-1] = nodes[a], nodes[b]
        moved.append(Branch((a, b), points, branch.radius_mm))
    return VesselGraph(nodes, tuple(moved))
