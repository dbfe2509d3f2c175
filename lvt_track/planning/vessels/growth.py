"""How a tree grows from its root over the branches of a graph, and what each step costs.

Away from its root a vessel tapers, keeps its direction or forks from it forwards, and is joined to
what it comes from. Costs are small where that holds; the way of least total cost from a root to a
branch says how well it would do as a branch of that root's tree.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.planning.vessels.graph import VesselGraph

__all__ = ["NEVER", "Growth", "Root", "Steps", "grow"]

NEVER = 1e6

_TURN = 1.6  # weight of turning back
_WIDER = 7.0  # weight of a vessel that is wider than what it comes from, squared log of radii
_TAPER = 5.0  # weight of widening along a branch
_RIVAL = 1.0  # weight of another branch at the fork being the better continuation
_STEP = 0.06  # of every fork
_PER_MM = 0.002
_BRIDGE_PER_MM = 0.08


@dataclass(frozen=True)
class Root:
    """A place where a tree may start.

    Attributes:
        branch: index of a branch.
        end: the end at which it is entered, 0 or 1.
        price: what it costs to start here; 0 for a root that is seen.
    """

    branch: int
    end: int
    price: float = 0.0


@dataclass(frozen=True, eq=False)
class Growth:
    """The cheapest ways from the roots of one tree.

    Attributes:
        cost: of each branch (n,); NEVER where it is not joined.
        entry: the end (0 or 1) at which the way enters each branch (n,).
        parent: the branch it comes from (n,); -1 for roots and what is not joined.
    """

    cost: FloatArray
    entry: list[int]
    parent: list[int]


def grow(graph: VesselGraph, roots: Iterable[Root]) -> Growth:
    """Grow one tree from its roots.

    Args:
        graph: the branches.
        roots: where it may start.
    """
    steps = Steps(graph)
    count = len(graph.branches)
    cost = np.full((count, 2), NEVER)
    parent = np.full((count, 2), -1, dtype=np.intp)
    queue: list[tuple[float, int, int, float, int]] = []
    for root in roots:
        # Where it leaves the cava a vein may be narrower than a little further on.
        wide = max(graph.branches[root.branch].end_radius_mm(end) for end in (0, 1))
        heapq.heappush(queue, (root.price, root.branch, root.end, wide, -1))
    while queue:
        price, branch, end, narrowest, source = heapq.heappop(queue)
        if cost[branch, end] <= price:
            continue
        cost[branch, end], parent[branch, end] = price, source
        far = 1 - end
        narrow = min(narrowest, graph.branches[branch].end_radius_mm(far))
        for other, start in steps.meeting[graph.branches[branch].nodes[far]]:
            if other == branch:
                continue
            more = steps.price((branch, far), (other, start), narrow)
            if price + more < cost[other, start]:
                heapq.heappush(queue, (price + more, other, start, narrow, branch))
    entry = cost.argmin(axis=1)
    rows = np.arange(count)
    return Growth(cost[rows, entry], [int(e) for e in entry], [int(p) for p in parent[rows, entry]])


class Steps:
    """Prices of going from one branch to another at a node."""

    def __init__(self, graph: VesselGraph) -> None:
        self.graph = graph
        self.meeting = graph.at_nodes()
        branches = graph.branches
        self._heading = [[b.heading(0), b.heading(1)] for b in branches]
        self._radius = [[b.end_radius_mm(0), b.end_radius_mm(1)] for b in branches]
        self._length = [b.length_mm for b in branches]

    def price(self, came: tuple[int, int], to: tuple[int, int], narrowest: float) -> float:
        """What it costs to leave branch `came` at its end for branch `to`, entered at its end."""
        branch, end = to
        start, stop = self._radius[branch][end], self._radius[branch][1 - end]
        total = _STEP + _PER_MM * self._length[branch]
        if branch in self.graph.bridged:
            total += _BRIDGE_PER_MM * self._length[branch]
        total += _WIDER * max(0.0, float(np.log(start / narrowest))) ** 2
        trust = min(1.0, self._length[branch] / 12.0)
        total += _TAPER * trust * max(0.0, float(np.log(stop / start))) ** 2
        misfit = self.misfit(came, to)
        total += _TURN * max(0.0, misfit - 0.7)
        node = self.graph.branches[branch].nodes[end]
        best = misfit
        for rival in self.meeting[node]:
            if rival[0] not in (branch, came[0]) and rival[0] not in self.graph.bridged:
                best = min(best, self.misfit(rival, to))
        return total + _RIVAL * max(0.0, misfit - best)

    def misfit(self, one: tuple[int, int], other: tuple[int, int]) -> float:
        """0 for a straight continuation of equal calibre, to 2 and more for turning back."""
        a, b = self._heading[one[0]][one[1]], self._heading[other[0]][other[1]]
        bend = 1.0 + float(a @ b)
        step = abs(float(np.log(self._radius[one[0]][one[1]] / self._radius[other[0]][other[1]])))
        return bend + 0.5 * step
