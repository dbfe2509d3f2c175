"""Where the two trees touch: branches that lead from one into the other, cut where they are
narrowest, for a vessel tapers away from its root."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lvt_track.planning.vessels.graph import Branch, VesselGraph
from lvt_track.planning.vessels.growth import Growth
from lvt_track.planning.vessels.roots import Roots

__all__ = ["cut_contacts"]

# A branch that one tree reaches at so much less cost than the other is of that tree as a whole.
_CLEAR = 1.0


def cut_contacts(roots: Roots, portal: Growth, hepatic: Growth) -> VesselGraph:
    """The graph without what joins both trees; branches keep their numbers, and those with a root
    stay whole.

    Args:
        roots: with the graph.
        portal, hepatic: how each tree grew over it.
    """
    graph = roots.graph
    begins = {root.branch for root in (*roots.portal, *roots.hepatic)}
    for number in _contacts(portal, hepatic):
        if number not in begins:
            graph = _cut(graph, number)
    return graph


def _contacts(portal: Growth, hepatic: Growth) -> list[int]:
    """Branches that the trees enter from opposite ends, each from a branch of its own."""
    margin = hepatic.cost - portal.cost
    contacts = []
    for number, gap in enumerate(margin):
        mothers = portal.parent[number], hepatic.parent[number]
        is_between = portal.entry[number] != hepatic.entry[number] and min(mothers) >= 0
        if is_between and abs(gap) < _CLEAR and margin[mothers[0]] > 0 > margin[mothers[1]]:
            contacts.append(number)
    return contacts


def _cut(graph: VesselGraph, number: int) -> VesselGraph:
    """The graph with a gap in a branch where it is narrowest; at its very end, beside its node."""
    branch = graph.branches[number]
    at, last = int(branch.radius_mm.argmin()), len(branch.points_mm) - 1
    if 0 < at < last:
        graph = graph.split(number, at)
        number, end = len(graph.branches) - 1, 0
    else:
        end = 0 if at == 0 else 1
    loose = graph.branches[number]
    nodes = [*loose.nodes]
    nodes[end] = len(graph.nodes_mm)
    place = loose.points_mm[[0 if end == 0 else -1]]
    freed = Branch((nodes[0], nodes[1]), loose.points_mm, loose.radius_mm)
    branches = (*graph.branches[:number], freed, *graph.branches[number + 1 :])
    return replace(graph, nodes_mm=np.concatenate([graph.nodes_mm, place]), branches=branches)
