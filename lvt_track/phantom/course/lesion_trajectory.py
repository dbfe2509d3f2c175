"""What becomes of a tumour over the visits of a course."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

__all__ = ["APART", "TOUCHING", "Fate", "draw_sizes"]


class Fate(StrEnum):
    """The script of one tumour; MERGE and SPLIT are those of a pair."""

    GROW = "grow"
    SHRINK = "shrink"
    STABLE = "stable"
    NEW = "new"
    VANISH = "vanish"
    REAPPEAR = "reappear"
    MERGE = "merge"
    SPLIT = "split"


TOUCHING = 0.80
"""Distance of a pair's centres as a share of the sum of their largest radii: they overlap."""

APART = 0.60
"""Size at which the tumours of a pair are clearly apart: the gap is a fifth of that sum."""


def draw_sizes(fate: Fate, visits: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Size of a tumour at each visit, as a factor of its radii; 0 where it is not there.

    The largest size is 1 (nearly, where it is stable). Where diameters change, it is by 12 to 35 %
    from visit to visit, by less in courses of more than four visits.

    Raises:
        ValueError: when the fate needs more visits.
    """
    fewest = {Fate.STABLE: 1, Fate.REAPPEAR: 3}.get(fate, 2)
    if visits < fewest:
        raise ValueError(f"{fate} needs at least {fewest} visits, got {visits}")
    if fate is Fate.STABLE:
        return tuple(float(size) for size in rng.uniform(0.96, 1.0, visits))
    pace = min(1.0, 3 / (visits - 1))
    growth = np.cumprod(rng.uniform(1.12, 1.35, visits) ** pace)
    event = int(rng.integers(1, visits))
    steps = np.arange(visits)
    sizes = {
        Fate.GROW: growth,
        Fate.SHRINK: 1 / growth,
        Fate.NEW: np.where(steps >= event, growth, 0.0),
        Fate.VANISH: np.where(steps < event, 1 / growth, 0.0),
        Fate.REAPPEAR: np.where(steps == min(event, visits - 2), 0.0, rng.uniform(0.7, 1, visits)),
        Fate.MERGE: np.where(steps >= event, 1.0, APART),
        Fate.SPLIT: np.where(steps < event, 1.0, APART),
    }[fate]
    return tuple(float(size) for size in sizes / sizes.max())
