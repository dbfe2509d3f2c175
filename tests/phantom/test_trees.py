"""Vessel trees: one root, thinner at every fork, after Murray's law."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.phantom.body.trees import MURRAY, VesselTree, grow_tree


@pytest.fixture(scope="module")
def tree() -> VesselTree:
    rng = np.random.default_rng(5)
    targets = rng.uniform((30, -50, -50), (130, 50, 50), (300, 3))
    return grow_tree(rng, [(0, 0, 0), (12, 0, 0)], targets, 6.0, 0.8)


def test_every_segment_begins_where_its_parent_ends(tree: VesselTree) -> None:
    roots = tree.parent < 0
    assert roots.sum() == 1
    child = ~roots
    np.testing.assert_allclose(tree.start_mm[child], tree.end_mm[tree.parent[child]])
    assert (tree.parent[child] < np.flatnonzero(child)).all()


def test_it_tapers_from_root_to_tip(tree: VesselTree) -> None:
    assert (tree.end_radius_mm <= tree.start_radius_mm + 1e-9).all()
    child = tree.parent >= 0
    assert (tree.start_radius_mm[child] <= tree.end_radius_mm[tree.parent[child]] + 0.05).all()
    assert tree.start_radius_mm.max() == pytest.approx(6.0)
    assert tree.end_radius_mm.min() >= 0.8 * 0.8


def test_forks_do_not_exceed_murray(tree: VesselTree) -> None:
    for parent in range(len(tree)):
        children = np.flatnonzero(tree.parent == parent)
        if len(children) == 2:
            total = (tree.start_radius_mm[children] ** MURRAY).sum()
            # Thinner than the law by the taper along the parent's branch at most.
            assert total <= (tree.end_radius_mm[parent] / 0.93) ** MURRAY * 1.35


def test_generations_count_forks(tree: VesselTree) -> None:
    child = tree.parent >= 0
    step = tree.generation[child] - tree.generation[tree.parent[child]]
    assert set(np.unique(step).tolist()) <= {0, 1}
    assert tree.generation.max() >= 4


def test_a_tree_without_room_is_its_trunk() -> None:
    tree = grow_tree(
        np.random.default_rng(0), [(0, 0, 0), (5, 0, 0)], np.array([[9.0, 0, 0]]), 1.0, 2.0
    )
    assert len(tree) == 1
