"""Vessels as a graph: branches with centreline and radius, joined at nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import FloatArray

__all__ = ["Branch", "VesselGraph"]

# Over this length a branch shows where it heads.
_TANGENT_MM = 8.0


@dataclass(frozen=True, eq=False)
class Branch:
    """A piece of vessel between two nodes.

    Attributes:
        nodes: indices of the nodes at its start and end.
        points_mm: centreline (n, 3) as LPS x, y, z, from start to end; n of two or more.
        radius_mm: radius at each point (n,).
    """

    nodes: tuple[int, int]
    points_mm: FloatArray
    radius_mm: FloatArray

    def __post_init__(self) -> None:
        if len(self.points_mm) < 2 or len(self.points_mm) != len(self.radius_mm):
            raise ValueError("a branch needs two points and a radius for each")

    @cached_property
    def along_mm(self) -> FloatArray:
        """Length from the start to each point (n,)."""
        steps = np.linalg.norm(np.diff(self.points_mm, axis=0), axis=1)
        along: FloatArray = np.concatenate([[0.0], np.cumsum(steps)])
        return along

    @cached_property
    def length_mm(self) -> float:
        """Length of the centreline."""
        return float(self.along_mm[-1])

    @cached_property
    def calibre_mm(self) -> float:
        """Median radius."""
        return float(np.median(self.radius_mm))

    @cached_property
    def ends_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of the box along the patient's axes that holds the centreline, LPS (3,)."""
        return self.points_mm.min(axis=0), self.points_mm.max(axis=0)

    def heading(self, end: int) -> FloatArray:
        """Unit vector with which the branch leaves its node: 0 at the start, 1 at the end.

        Within a fork centrelines bend into its middle; the vector is that of the vessel outside.
        """
        points = self.points_mm if end == 0 else self.points_mm[::-1]
        along = self.along_mm if end == 0 else self.length_mm - self.along_mm[::-1]
        inner = min(float(self.radius_mm[0 if end == 0 else -1]), 0.4 * self.length_mm)
        near = int(np.searchsorted(along, inner))
        far = min(int(np.searchsorted(along, inner + _TANGENT_MM)), len(points) - 1)
        near = min(near, far - 1)
        away = points[far] - points[near]
        unit: FloatArray = away / max(float(np.linalg.norm(away)), 1e-6)
        return unit

    def end_radius_mm(self, end: int) -> float:
        """Radius towards the start (0) or the end (1), from a line through all radii."""
        if len(self.radius_mm) < 4:
            return self.calibre_mm
        along = self.along_mm
        slope, start = np.polyfit(along, self.radius_mm, 1)
        value = start + slope * (along[-1] if end else 0.0)
        return float(np.clip(value, self.radius_mm.min(), self.radius_mm.max()))


@dataclass(frozen=True, eq=False)
class VesselGraph:
    """Branches and the nodes they meet at.

    Attributes:
        nodes_mm: LPS positions of the nodes (n, 3).
        branches: by index.
        bridged: indices of branches that lie in a gap of the mask.
    """

    nodes_mm: FloatArray
    branches: tuple[Branch, ...]
    bridged: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        used = [node for branch in self.branches for node in branch.nodes]
        if used and not 0 <= min(used) <= max(used) < len(self.nodes_mm):
            raise ValueError("a branch ends at a node that is not there")

    def at_nodes(self) -> list[list[tuple[int, int]]]:
        """For each node, the (branch, end) that meet there."""
        meeting: list[list[tuple[int, int]]] = [[] for _ in self.nodes_mm]
        for number, branch in enumerate(self.branches):
            for end, node in enumerate(branch.nodes):
                meeting[node].append((number, end))
        return meeting

    def split(self, number: int, at: int) -> VesselGraph:
        """The graph with a node at point `at` of a branch; the part behind it comes last."""
        branch = self.branches[number]
        start, stop = branch.nodes
        new = len(self.nodes_mm)
        first = Branch((start, new), branch.points_mm[: at + 1], branch.radius_mm[: at + 1])
        second = Branch((new, stop), branch.points_mm[at:], branch.radius_mm[at:])
        branches = (*self.branches[:number], first, *self.branches[number + 1 :], second)
        nodes = np.concatenate([self.nodes_mm, branch.points_mm[[at]]])
        return VesselGraph(nodes, branches, self.bridged)

    def pieces(self) -> NDArray[np.intp]:
        """For each branch, the number of the connected piece it is in (n,)."""
        root = np.arange(len(self.nodes_mm))

        def find(node: int) -> int:
            while root[node] != node:
                root[node] = root[root[node]]
                node = int(root[node])
            return node

        for branch in self.branches:
            a, b = (find(node) for node in branch.nodes)
            root[a] = b
        names = [find(branch.nodes[0]) for branch in self.branches]
        pieces: NDArray[np.intp] = np.unique(names, return_inverse=True)[1].astype(np.intp)
        return pieces
