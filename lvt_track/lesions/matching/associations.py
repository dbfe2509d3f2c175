"""All that may have become of the lesions of a course: the candidates matching chooses from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Event
from lvt_track.lesions.matching.costs import (
    Costs,
    IndexArray,
    Scene,
    group_cost,
    overlap,
    pair_costs,
)

__all__ = ["Association", "Link", "LooseEnds", "list_associations"]

Link = tuple[int, int]
"""Indices of an earlier and a later lesion in the scene."""


class LooseEnds(NamedTuple):
    """What it costs to leave each lesion without a past (n,), and without a future (n,)."""

    appear: FloatArray
    vanish: FloatArray


NEIGHBOURS = 5
"""Most lesions of a visit that are tried in twos and threes as parts of one of another visit."""

INSIDE_SHARE = 0.7
"""Share of a lesion inside one of another visit from which on it is a part of that."""


@dataclass(frozen=True)
class Association:
    """One thing that may have happened: links that hold together or not at all.

    Attributes:
        links: pairs (earlier, later).
        event: same, split or merge.
        cost: of saying so.
        demand: number of the reader's demand it fulfils, or -1.
    """

    links: tuple[Link, ...]
    event: Event
    cost: float
    demand: int = -1

    @property
    def tails(self) -> tuple[int, ...]:
        """The lesions whose future it tells."""
        return tuple(dict.fromkeys(a for a, _ in self.links))

    @property
    def heads(self) -> tuple[int, ...]:
        """The lesions whose past it tells."""
        return tuple(dict.fromkeys(b for _, b in self.links))

    def gain(self, loose: LooseEnds) -> float:
        """How much it saves against leaving its lesions without past or future."""
        ends = sum(loose.vanish[a] for a in self.tails) + sum(loose.appear[b] for b in self.heads)
        return float(ends) - self.cost


def list_associations(
    scene: Scene,
    costs: Costs,
    required: Sequence[Link],
    forbidden: frozenset[Link],
    loose: LooseEnds,
) -> list[Association]:
    """Every association that is worth more than leaving its lesions alone, or is demanded.

    Args:
        scene: the lesions.
        costs: the constants.
        required: links the reader demands; each appears in associations with its `demand` only.
        forbidden: links the reader excludes.
        loose: what it costs to leave lesions alone.

    Returns:
        Associations in an order that depends on the scene only.
    """
    shapes = _Shapes(scene)
    associations = [*_same(scene, shapes, costs, loose), *_groups(scene, shapes, costs)]
    allowed = [a for a in associations if not forbidden.intersection(a.links)]
    if not required:
        return [a for a in allowed if a.gain(loose) > 0]
    return _with_demands(shapes, costs, allowed, required, loose)


class _Shapes:
    """The lesions' shapes, with search trees made once each, when first needed."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._trees: dict[int, cKDTree] = {}

    def share(self, part: int, whole: int) -> float:
        """Overlap of two lesions as a share of `part`."""
        if whole not in self._trees:
            self._trees[whole] = cKDTree(self.scene.points_mm[whole])
        return overlap(
            self.scene.points_mm[part], self._trees[whole], float(self.scene.grain_mm[whole])
        )


def _same(scene: Scene, shapes: _Shapes, costs: Costs, loose: LooseEnds) -> list[Association]:
    """One lesion stays one lesion, perhaps over visits that missed it."""
    visits = scene.seen_at.shape[1]
    associations: list[Association] = []
    for a in range(visits):
        for b in range(a + 1, min(visits, a + 2 + costs.longest_gap)):
            first, second = _pairs(scene, a, b)
            if not len(first):
                continue
            worth = loose.vanish[first] + loose.appear[second]
            cheapest = pair_costs(scene, first, second, np.ones(len(first)), costs)
            near = cheapest < worth
            first, second, worth = first[near], second[near], worth[near]
            shared = np.array(
                [
                    shapes.share(i, j)
                    if scene.radius_mm[i] < scene.radius_mm[j]
                    else shapes.share(j, i)
                    for i, j in zip(first.tolist(), second.tolist(), strict=True)
                ]
            )
            cost = pair_costs(scene, first, second, shared, costs)
            associations += [
                Association(((int(i), int(j)),), Event.SAME, float(c))
                for i, j, c in zip(first, second, cost, strict=True)
            ]
    return associations


def _pairs(scene: Scene, a: int, b: int) -> tuple[IndexArray, IndexArray]:
    at_a, at_b = np.flatnonzero(scene.visit == a), np.flatnonzero(scene.visit == b)
    return np.repeat(at_a, len(at_b)), np.tile(at_b, len(at_a))


def _groups(scene: Scene, shapes: _Shapes, costs: Costs) -> Iterator[Association]:
    """One lesion becomes several at the next visit, or was several at the last.

    Tried are two or three that lie near, and all that lie inside it.
    """
    for whole in range(len(scene)):
        for way in (-1, 1):
            near = _parts_at(scene, whole, int(scene.visit[whole]) + way)
            if len(near) < 2:
                continue
            share = {part: shapes.share(part, whole) for part in near}
            nearest = sorted(near[:NEIGHBOURS])
            inside = tuple(part for part in sorted(near) if share[part] >= INSIDE_SHARE)
            groups = [*combinations(nearest, 2), *combinations(nearest, 3)]
            if len(inside) > 3:
                groups.append(inside)
            for parts in groups:
                cost = group_cost(scene, whole, parts, [share[p] for p in parts], costs)
                if way > 0:
                    links = tuple((whole, part) for part in parts)
                    yield Association(links, Event.SPLIT, cost)
                else:
                    links = tuple((part, whole) for part in parts)
                    yield Association(links, Event.MERGE, cost)


def _parts_at(scene: Scene, whole: int, visit: int) -> list[int]:
    """Lesions of another visit that lie near enough to be parts of this one, the nearest first."""
    others = np.flatnonzero(scene.visit == visit)
    reach = np.linalg.norm(scene.position_mm[others] - scene.position_mm[whole], axis=1)
    reach -= scene.radius_mm[whole] + scene.radius_mm[others]
    # Three standard errors apart, parts of one lesion would have to fly.
    near = reach <= 3 * np.hypot(scene.sigma_mm[whole], scene.sigma_mm[others])
    order = np.argsort(reach, kind="stable")
    return [int(others[k]) for k in order if near[k]]


def _with_demands(
    shapes: _Shapes,
    costs: Costs,
    allowed: Sequence[Association],
    required: Sequence[Link],
    loose: LooseEnds,
) -> list[Association]:
    """Replace what contradicts the reader's links by associations that hold them."""
    demands = _joined(required)
    tail_of = {a: number for number, links in enumerate(demands) for a, _ in links}
    head_of = {b: number for number, links in enumerate(demands) for _, b in links}
    kept = []
    for number, links in enumerate(demands):
        first, second = np.array(links).T
        shared = np.array([shapes.share(*link) for link in links])
        cost = float(pair_costs(shapes.scene, first, second, shared, costs).sum())
        kept.append(Association(links, _event(links), cost, number))
    for association in allowed:
        touched = {tail_of[a] for a in association.tails if a in tail_of}
        touched |= {head_of[b] for b in association.heads if b in head_of}
        if not touched:
            if association.gain(loose) > 0:
                kept.append(association)
        elif len(touched) == 1:
            number = touched.pop()
            if set(association.links) > set(demands[number]):
                kept.append(replace(association, demand=number))
    return kept


def _joined(required: Sequence[Link]) -> list[tuple[Link, ...]]:
    """Links gathered into groups that share an earlier or a later lesion."""
    groups: list[set[Link]] = []
    for link in sorted(required):
        same = [g for g in groups if any(a == link[0] or b == link[1] for a, b in g)]
        groups = [g for g in groups if g not in same]
        groups.append(set().union({link}, *same))
    return [tuple(sorted(group)) for group in groups]


def _event(links: Sequence[Link]) -> Event:
    if len(links) == 1:
        return Event.SAME
    return Event.SPLIT if len({b for _, b in links}) == len(links) else Event.MERGE
