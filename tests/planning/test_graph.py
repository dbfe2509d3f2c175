"""Centrelines, radii, spurs and gaps of simple vessels."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.planning.vessels.bridges import bridge_gaps
from lvt_track.planning.vessels.contacts import cut_contacts
from lvt_track.planning.vessels.graph import Branch, VesselGraph
from lvt_track.planning.vessels.growth import Root, grow
from lvt_track.planning.vessels.roots import Roots
from lvt_track.planning.vessels.skeleton import vessel_graph

GEOMETRY = Geometry.axial((60, 40, 40), (1.0, 1.0, 1.0))


def tube(start: tuple[float, ...], end: tuple[float, ...], radius: float) -> np.ndarray:
    """A tube between two places given as z, y, x."""
    places = np.moveaxis(np.indices(GEOMETRY.shape), 0, -1)
    a, way = np.array(start), np.array(end) - np.array(start)
    share = np.clip((places - a) @ way / (way @ way), 0, 1)
    return np.linalg.norm(places - a - share[..., None] * way, axis=-1) <= radius


def test_a_tube_is_one_branch_of_its_length_and_radius() -> None:
    graph = vessel_graph(tube((8, 20, 20), (50, 20, 20), 4.0), GEOMETRY)
    (branch,) = graph.branches
    assert branch.length_mm == pytest.approx(42, abs=5)
    assert branch.calibre_mm == pytest.approx(4.0, abs=0.8)


def test_a_fork_has_three_branches_and_a_bump_is_none() -> None:
    fork = tube((5, 20, 20), (30, 20, 20), 4) | tube((30, 20, 20), (54, 8, 20), 3)
    fork |= tube((30, 20, 20), (54, 32, 20), 3)
    bump = fork | tube((18, 20, 20), (18, 20, 26), 2)
    assert len(vessel_graph(fork, GEOMETRY).branches) == 3
    assert len(vessel_graph(bump, GEOMETRY).branches) == 3


def test_gaps_are_bridged_ahead_and_not_beside() -> None:
    ahead = tube((5, 20, 20), (26, 20, 20), 3) | tube((36, 20, 20), (55, 20, 20), 3)
    beside = tube((5, 8, 20), (26, 8, 20), 3) | tube((5, 20, 20), (26, 20, 20), 3)
    bridged = bridge_gaps(vessel_graph(ahead, GEOMETRY))
    assert len(np.unique(bridged.pieces())) == 1 and len(bridged.bridged) == 1
    assert len(np.unique(bridge_gaps(vessel_graph(beside, GEOMETRY)).pieces())) == 2


def test_trees_that_touch_are_cut_where_what_joins_them_is_narrowest() -> None:
    nodes = np.array([(x, y, 0.0) for y in (0, 40) for x in (0, 40, 80)])

    def straight(start: int, end: int, radii: list[float]) -> Branch:
        points = np.linspace(nodes[start], nodes[end], len(radii))
        return Branch((start, end), points, np.array(radii))

    wide = [5.0] * 9
    joint = straight(1, 4, [4.5, 3.5, 1.5, 2.5, 3.0, 3.0, 3.5, 3.5, 4.0])
    veins = [straight(0, 1, wide), straight(1, 2, wide), straight(3, 4, wide), straight(4, 5, wide)]
    roots = Roots(VesselGraph(nodes, (*veins, joint)), (Root(0, 0),), (Root(2, 0),))
    growths = grow(roots.graph, roots.portal), grow(roots.graph, roots.hepatic)
    graph = cut_contacts(roots, *growths)
    assert len(np.unique(graph.pieces())) == 2
    near, far = graph.branches[4], graph.branches[5]
    assert near.points_mm[-1] == pytest.approx((40, 10, 0)) == far.points_mm[0]
    alone = Roots(roots.graph, roots.portal, ())
    assert cut_contacts(alone, growths[0], grow(roots.graph, ())) is roots.graph
