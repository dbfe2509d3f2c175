"""Gaps in a vessel mask, bridged where direction and calibre on both sides agree."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lvt_track.planning.vessels.graph import Branch, VesselGraph

__all__ = ["bridge_gaps"]

_FARTHEST_MM = 15.0
_BEND = 0.5  # 1 + cosine of the angle between heading and bridge: 60 degrees off at most
_CALIBRE = 2.0  # ratio of radii across the gap


def bridge_gaps(graph: VesselGraph) -> VesselGraph:
    """Join open ends to the nearest vessel of another piece that they head for."""
    if len(graph.branches) < 2:
        return graph
    pieces = graph.pieces()
    counts = [len(branch.points_mm) for branch in graph.branches]
    points = np.concatenate([branch.points_mm for branch in graph.branches])
    owner = np.repeat(np.arange(len(counts)), counts)
    offset = np.concatenate([[0], np.cumsum(counts)])
    tree = cKDTree(points)
    jumps: list[tuple[float, int, int, int]] = []
    for ends in graph.at_nodes():
        if len(ends) != 1:
            continue
        number, end = ends[0]
        branch = graph.branches[number]
        place = graph.nodes_mm[branch.nodes[end]]
        out = -branch.heading(end)
        best: tuple[float, int] | None = None
        for spot in tree.query_ball_point(place, _FARTHEST_MM):
            other = int(owner[spot])
            if pieces[other] == pieces[number]:
                continue
            way = points[spot] - place
            gap = float(np.linalg.norm(way))
            if 1.0 - float(way @ out) / max(gap, 1e-6) > _BEND:
                continue
            radius = float(graph.branches[other].radius_mm[spot - offset[other]])
            wide = branch.end_radius_mm(end)
            if max(radius / wide, wide / radius) > _CALIBRE and radius < wide:
                continue
            if best is None or gap < best[0]:
                best = (gap, spot)
        if best is not None:
            jumps.append((best[0], number, end, best[1]))
    for _, number, end, spot in sorted(jumps):
        graph = _bridged(graph, (number, end), points[spot])
    return graph


def _bridged(graph: VesselGraph, start: tuple[int, int], place: np.ndarray) -> VesselGraph:
    """The graph with a straight branch from an open end to the point of it next to a place."""
    number, end = start
    node = graph.branches[number].nodes[end]
    if len(graph.at_nodes()[node]) != 1:
        return graph
    gaps = [np.linalg.norm(branch.points_mm - place, axis=1).min() for branch in graph.branches]
    other = int(np.argmin(gaps))
    branch = graph.branches[other]
    at = int(np.linalg.norm(branch.points_mm - place, axis=1).argmin())
    if 2 <= at <= len(branch.points_mm) - 3:
        graph = graph.split(other, at)
        target = len(graph.nodes_mm) - 1
    else:
        target = branch.nodes[0 if at < 2 else 1]
    radius = graph.branches[number].end_radius_mm(end)
    ends = np.stack([graph.nodes_mm[node], graph.nodes_mm[target]])
    bridge = Branch((node, target), ends, np.full(2, radius))
    return VesselGraph(
        graph.nodes_mm, (*graph.branches, bridge), graph.bridged | {len(graph.branches)}
    )
