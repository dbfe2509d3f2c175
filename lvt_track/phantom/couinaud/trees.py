"""The two trees of one liver: portal branches within territories, hepatic veins between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lvt_track.core.geometry import FloatArray
from lvt_track.phantom.body.trees import MURRAY, VesselTree, grow_tree
from lvt_track.phantom.couinaud.plan import CAVA_MM, OUTFLOW_Z_MM, UMBILICAL_MM, LiverPlan

__all__ = ["cava_tube", "grow_hepatic", "grow_portal", "is_trunk", "pruned", "tube"]

_GAP_MM = 2.6  # between the walls of the trees
_LEAST_MM = 1.1
_VEINS = {"right": 9.0, "middle": 8.0, "left": 7.0}


def tube(points_mm: Sequence[FloatArray], radii_mm: Sequence[float]) -> VesselTree:
    """An unbranched vessel through points, with the radius at each."""
    count = len(points_mm) - 1
    points = np.array(points_mm, dtype=np.float64)
    radii = np.array(radii_mm, dtype=np.float64)
    return VesselTree(
        points[:-1],
        points[1:],
        radii[:-1],
        radii[1:],
        np.arange(-1, count - 1),
        np.zeros(count, int),
    )


def grow_portal(
    rng: np.random.Generator, plan: LiverPlan, inner: Mapping[int, FloatArray], radius_mm: float
) -> tuple[VesselTree, ...]:
    """The portal trunk and a branch to each segment.

    Args:
        rng: source of chance.
        plan: the borders.
        inner: by segment, places within it that are to be supplied (n, 3).
        radius_mm: of the trunk.
    """
    fork = np.array(plan.fork_mm)
    anterior_deg = 0.5 * (plan.right_deg + plan.middle_deg)
    right = plan.place(plan.middle_deg + 22.0, 40.0, fork[2] + 1.0)
    anterior = plan.place(anterior_deg, 54.0, plan.level_mm[0])
    posterior = plan.place(plan.right_deg + 16.0, 52.0, plan.level_mm[1])
    transverse = plan.place(plan.fissure_deg + 8.0, 36.0, fork[2] + 9.0)
    back = plan.place(plan.fissure_deg, UMBILICAL_MM - 11.0, plan.level_mm[2] + 2.0)
    front = plan.place(plan.fissure_deg, UMBILICAL_MM + 11.0, plan.level_mm[2] - 2.0)
    trunk = [
        fork + np.array(way) for way in ((26.0, 2.0, -52.0), (10.0, 2.0, -24.0), (0.0, 0.0, 0.0))
    ]
    r = radius_mm
    trees = [
        tube(trunk, [r, r, r]),
        tube([fork, right], [0.85 * r, 0.8 * r]),
        tube([right, anterior], [0.7 * r, 0.6 * r]),
        tube([right, posterior], [0.66 * r, 0.56 * r]),
        tube([fork, transverse, back, front], [0.75 * r, 0.7 * r, 0.68 * r, 0.6 * r]),
    ]
    starts = {8: anterior, 5: anterior, 7: posterior, 6: posterior, 2: back, 3: front, 4: front}
    starts[1] = 0.5 * (fork + transverse)
    total = sum(len(places) for places in inner.values())
    for segment, places in inner.items():
        if len(places) < 3:
            continue
        start = starts[segment]
        ahead = places.mean(axis=0) - start
        thick = r * (len(places) / total) ** (1 / MURRAY)
        stem = [start, start + 0.25 * ahead]
        trees.append(grow_tree(rng, stem, places, min(thick, 0.55 * r), _LEAST_MM))
    return tuple(trees)


def grow_hepatic(
    rng: np.random.Generator, plan: LiverPlan, places_mm: FloatArray, radius_mm: float
) -> tuple[VesselTree, ...]:
    """Three veins in their sheets, with tributaries; the first tree of each is its stem.

    Args:
        rng: source of chance.
        plan: the borders.
        places_mm: of the liver that are to be drained (n, 3).
        radius_mm: of the right vein at the vena cava.
    """
    trees: list[VesselTree] = []
    stems = {name: _stem(plan, name) for name in _VEINS}
    ways = np.concatenate(list(stems.values()))
    nearest = cKDTree(ways).query(places_mm)[1]
    first = 0
    for name, stem in stems.items():
        r = radius_mm * _VEINS[name] / max(_VEINS.values())
        radii = r * np.linspace(1.0, 0.45, len(stem))
        trees.append(tube(list(stem), list(radii)))
        for number in range(2, len(stem)):
            area = places_mm[nearest == first + number]
            if len(area) < 4:
                continue
            start = stem[number]
            ahead = area.mean(axis=0) - start
            if number == len(stem) - 1:
                ahead = start - stem[number - 1]
            length = max(float(np.linalg.norm(ahead)), 1e-6)
            begin = [start, start + ahead * min(0.3, 6.0 / length)]
            trees.append(grow_tree(rng, begin, area, 0.6 * float(radii[number]), _LEAST_MM))
        first += len(stem)
    return tuple(trees)


def _stem(plan: LiverPlan, name: str) -> FloatArray:
    """The course of a hepatic vein within its sheet, from the vena cava outwards (n, 3)."""
    shares = np.linspace(0.0, 1.0, 7)
    far = {"right": (92.0, -22.0), "middle": (80.0, -18.0), "left": (72.0, plan.level_mm[2] + 4.0)}
    reach, low = far[name]
    z = OUTFLOW_Z_MM + (low - OUTFLOW_Z_MM) * shares**1.15
    angles = plan.vein_deg(name, z)
    return np.array(
        [plan.place(a, 4.0 + reach * s, h) for a, s, h in zip(angles, shares, z, strict=True)]
    )


def is_trunk(tree: VesselTree) -> bool:
    """Whether a tree is one vessel without forks."""
    return bool((tree.generation == 0).all())


def pruned(tree: VesselTree, others: Sequence[VesselTree]) -> VesselTree:
    """A tree without the pieces that come near others, and without what hangs on those.

    Args:
        tree: to be pruned.
        others: what it must keep clear of.
    """
    points, radii = _sampled(others)
    reach = cKDTree(points)
    most = float(radii.max())
    kept = np.ones(len(tree), dtype=bool)
    for number in range(len(tree)):
        parent = int(tree.parent[number])
        if parent >= 0 and not kept[parent]:
            kept[number] = False
            continue
        line, wide = _along(tree, number)
        for place, radius in zip(line, wide, strict=True):
            near = reach.query_ball_point(place, radius + most + _GAP_MM)
            gaps = np.linalg.norm(points[near] - place, axis=1) - radii[near]
            if len(near) and gaps.min() < radius + _GAP_MM:
                kept[number] = False
                break
    renamed = np.cumsum(kept) - 1
    parents = np.where(tree.parent >= 0, renamed[tree.parent], -1)
    return VesselTree(
        tree.start_mm[kept],
        tree.end_mm[kept],
        tree.start_radius_mm[kept],
        tree.end_radius_mm[kept],
        parents[kept],
        tree.generation[kept],
    )


def cava_tube(radius_mm: float) -> VesselTree:
    """The vena cava."""
    return tube(list(CAVA_MM.astype(float)), [radius_mm] * len(CAVA_MM))


def _sampled(trees: Sequence[VesselTree]) -> tuple[FloatArray, FloatArray]:
    lines = [_along(tree, number) for tree in trees for number in range(len(tree))]
    return np.concatenate([line for line, _ in lines]), np.concatenate([wide for _, wide in lines])


def _along(tree: VesselTree, number: int) -> tuple[FloatArray, NDArray[np.float64]]:
    """Points and radii at steps of 1 mm along a piece."""
    a, b = tree.start_mm[number], tree.end_mm[number]
    share = np.linspace(0.0, 1.0, max(2, int(np.linalg.norm(b - a)) + 1))
    first, last = tree.start_radius_mm[number], tree.end_radius_mm[number]
    return a + share[:, None] * (b - a), first + share * (last - first)
