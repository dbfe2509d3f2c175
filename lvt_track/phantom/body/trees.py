"""Vessel trees: grown by halving the territory they supply, with radii after Murray's law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from lvt_track.core.geometry import FloatArray

__all__ = ["MURRAY", "VesselTree", "grow_tree"]

MURRAY = 3.0
"""n in r0^n = r1^n + r2^n at a fork, for laminar flow (Murray, PNAS 1926;12:207-214)."""


@dataclass(frozen=True, eq=False)
class VesselTree:
    """Tapered segments of one tree.

    Attributes:
        start_mm, end_mm: ends of each segment (n, 3) as x, y, z.
        start_radius_mm, end_radius_mm: radii there (n,).
        parent: index of the segment it grows from (n,); -1 for roots.
        generation: number of forks before it (n,).
    """

    start_mm: FloatArray
    end_mm: FloatArray
    start_radius_mm: FloatArray
    end_radius_mm: FloatArray
    parent: np.ndarray[tuple[int], np.dtype[np.int64]]
    generation: np.ndarray[tuple[int], np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.parent)


def grow_tree(
    rng: np.random.Generator,
    stem_mm: Sequence[ArrayLike],
    targets_mm: FloatArray,
    root_radius_mm: float,
    least_radius_mm: float,
) -> VesselTree:
    """Grow a tree from a given stem until every target is supplied.

    The targets are split in two by the plane across their longest extent, seen from the fork, and
    a branch grows towards each half; its radius follows from the share of targets it supplies.

    Args:
        rng: source of chance.
        stem_mm: points of the trunk, from its origin to the first fork.
        targets_mm: places to supply (n, 3).
        root_radius_mm: radius of the trunk.
        least_radius_mm: branches thinner than this end.
    """
    rows: list[tuple[FloatArray, FloatArray, float, float, int, int]] = []
    stem = [np.asarray(p, dtype=np.float64) for p in stem_mm]
    parent = -1
    for a, b in pairwise(stem):
        rows.append((a, b, root_radius_mm, root_radius_mm, parent, 0))
        parent = len(rows) - 1
    heading = stem[-1] - stem[-2]
    heading = heading / np.linalg.norm(heading)
    per_target = root_radius_mm**MURRAY / len(targets_mm)
    todo = [(stem[-1], heading, targets_mm, root_radius_mm, parent, 1)]
    while todo:
        at, ahead, targets, radius, parent, generation = todo.pop()
        for part in _halves(rng, at, targets):
            if len(part) == 0:
                continue
            thin = min(radius * 0.97, (per_target * len(part)) ** (1 / MURRAY))
            if thin < least_radius_mm:
                continue
            aim = part.mean(axis=0) - at
            length = float(np.linalg.norm(aim)) * float(rng.uniform(0.38, 0.62))
            if len(part) == 1:
                length *= 1.6
            if length < 1.0:
                continue
            direction = aim / np.linalg.norm(aim)
            # It leaves between the old heading and its aim, then bends towards the aim.
            leave = direction + ahead * float(rng.uniform(0.1, 0.6)) + rng.normal(0, 0.12, 3)
            leave /= np.linalg.norm(leave)
            bend = at + leave * length * 0.5
            end = bend + (direction + rng.normal(0, 0.1, 3)) * length * 0.5
            taper = max(0.93 * thin, least_radius_mm * 0.8)
            rows.append((at, bend, thin, (thin + taper) / 2, parent, generation))
            rows.append((bend, end, (thin + taper) / 2, taper, len(rows) - 1, generation))
            if len(part) > 1:
                onwards = (end - bend) / max(float(np.linalg.norm(end - bend)), 1e-6)
                todo.append((end, onwards, part, taper, len(rows) - 1, generation + 1))
    start, end_, r0, r1, parents, generations = zip(*rows, strict=True)
    return VesselTree(
        np.array(start),
        np.array(end_),
        np.array(r0),
        np.array(r1),
        np.array(parents, dtype=np.int64),
        np.array(generations, dtype=np.int64),
    )


def _halves(
    rng: np.random.Generator, at: FloatArray, targets: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Two sets of targets on either side of a plane through the fork."""
    if len(targets) < 2:
        return targets, targets[:0]
    middle = targets.mean(axis=0)
    spread = targets - middle
    away = middle - at
    norm = float(np.linalg.norm(away))
    if norm > 1e-6:
        away = away / norm
        spread = spread - np.outer(spread @ away, away) * 0.6
    _, _, axes = np.linalg.svd(spread, full_matrices=False)
    along = (targets - middle) @ axes[0]
    cut = np.quantile(along, float(np.clip(rng.normal(0.5, 0.14), 0.15, 0.85)))
    return targets[along <= cut], targets[along > cut]
