"""What it costs to say that these lesions became those: the ledger of matching.

Every cost is a negative log-likelihood up to a constant, so costs add up over a course and a
difference of one is odds of e to one. All positions here are in the frame of the reference visit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["Costs", "IndexArray", "Scene", "group_cost", "overlap", "pair_costs"]

IndexArray = NDArray[np.intp]
"""Indices of lesions in a scene."""


@dataclass(frozen=True)
class Costs:
    """The constants of the ledger; `docs/use/matching.md` explains them.

    Attributes:
        floor_mm: error of position that remains even with perfect registration.
        shape_jitter: error of a centroid by change of shape, as a share of the lesion's radius.
        size_spread: spread of the log of the volume at once.
        border_mm: error of a lesion's border; it adds three times its share of the radius.
        size_spread_per_root_day: what the square root of each day between visits adds.
        apart: cost of two shapes that do not touch after warping.
        outside: cost of a part that lies wholly outside the lesion it is said to be a part of.
        hu_spread: spread of the mean HU between visits.
        appearance_limit: most that a difference of HU may cost.
        missed: cost of each visit in between that covers the place and does not show the lesion.
        part: cost of every further part of a split or a merge.
        appear: cost of a lesion without a past, where the earlier visit covers its place.
        vanish: cost of a lesion without a future, likewise.
        uncovered: cost of either where the place was not in the field of view.
        longest_gap: most visits in a row that a lesion may be missed at.
    """

    floor_mm: float = 1.2
    shape_jitter: float = 0.25
    size_spread: float = 0.25
    border_mm: float = 0.8
    size_spread_per_root_day: float = 0.05
    apart: float = 1.0
    outside: float = 5.0
    hu_spread: float = 30.0
    appearance_limit: float = 0.75
    missed: float = 2.0
    part: float = 1.5
    appear: float = 4.5
    vanish: float = 4.5
    uncovered: float = 1.0
    longest_gap: int = 4


@dataclass(frozen=True, eq=False)
class Scene:
    """All lesions of a course in the reference frame, in order of visit and label.

    Attributes:
        keys: (visit, label) of each of the n lesions.
        visit: index of the visit, (n,).
        days: days of each lesion's visit since the first visit, (n,).
        position_mm: centroid, (n, 3).
        radius_mm: of the sphere of the same volume, (n,).
        volume_ml: (n,).
        mean_hu: (n,); not a number where unknown.
        sigma_mm: standard error of the registration there, (n,).
        points_mm: shape of each lesion as points (m, 3); one point (the centroid) if unknown.
        grain_mm: side of the cube each of its points stands for, (n,).
        seen_at: whether visit v covers the place of lesion i, (n, visits).
    """

    keys: tuple[tuple[int, int], ...]
    visit: IndexArray
    days: FloatArray
    position_mm: FloatArray
    radius_mm: FloatArray
    volume_ml: FloatArray
    mean_hu: FloatArray
    sigma_mm: FloatArray
    points_mm: tuple[FloatArray, ...]
    grain_mm: FloatArray
    seen_at: BoolArray

    def __len__(self) -> int:
        return len(self.keys)


def overlap(points_mm: FloatArray, tree: cKDTree, grain_mm: float) -> float:
    """Share of the points that lie in the shape whose points the tree holds.

    A point counts as inside when a sample of the shape is nearer than half the diagonal of the
    cube that a sample stands for.
    """
    distance, _ = tree.query(points_mm, distance_upper_bound=grain_mm * np.sqrt(3) / 2)
    return float(np.isfinite(distance).mean())


def pair_costs(
    scene: Scene, first: IndexArray, second: IndexArray, shared: FloatArray, costs: Costs
) -> FloatArray:
    """Cost of saying that lesion `first[k]` became lesion `second[k]`, for each k.

    Args:
        scene: the lesions.
        first, second: indices (m,) of the earlier and the later lesion.
        shared: overlap of the two after warping as a share of the smaller, (m,).
        costs: the constants.
    """
    offset = scene.position_mm[second] - scene.position_mm[first]
    larger = np.maximum(scene.radius_mm[first], scene.radius_mm[second])
    variance = _variance(scene.sigma_mm[first], scene.sigma_mm[second], larger, costs)
    place = (offset**2).sum(axis=1) / (2 * variance)
    days = np.abs(scene.days[second] - scene.days[first])
    size = _size_cost(scene.volume_ml[first], scene.volume_ml[second], days, costs)
    # Small lesions miss each other by the registration's error alone: their overlap says little.
    weight = larger**2 / (larger**2 + variance)
    apart = costs.apart * weight * (1 - shared)
    change = (scene.mean_hu[second] - scene.mean_hu[first]) / costs.hu_spread
    look = np.minimum(np.nan_to_num(change) ** 2 / 2, costs.appearance_limit)
    total: FloatArray = place + size + apart + look + costs.missed * _missed(scene, first, second)
    return total


def group_cost(
    scene: Scene, whole: int, parts: Sequence[int], shared: Sequence[float], costs: Costs
) -> float:
    """Cost of saying that one lesion is these parts together: a split, or a merge backwards.

    Together the parts must have its place and its volume, and each must touch it.

    Args:
        scene: the lesions.
        whole: index of the one lesion.
        parts: indices of the two or more, all of one visit.
        shared: overlap of each part with the whole as a share of the part.
        costs: the constants.
    """
    index = np.array(parts)
    volume = scene.volume_ml[index]
    centre = (scene.position_mm[index] * volume[:, None]).sum(axis=0) / volume.sum()
    radius = float(scene.radius_mm[whole])
    sigma = float(scene.sigma_mm[index].mean())
    variance = float(_variance(scene.sigma_mm[whole], sigma, radius, costs))
    place = float(((centre - scene.position_mm[whole]) ** 2).sum()) / (2 * variance)
    days = abs(float(scene.days[index[0]] - scene.days[whole]))
    size = float(_size_cost(scene.volume_ml[whole], volume.sum(), np.array(days), costs))
    outside = sum(costs.outside * (1 - share) for share in shared)
    reach = np.linalg.norm(scene.position_mm[index] - scene.position_mm[whole], axis=1)
    beyond = np.maximum(0, reach - radius - scene.radius_mm[index])
    gap = float((beyond**2).sum()) / (2 * variance)
    return place + size + outside + gap + costs.part * (len(parts) - 1)


def _variance(
    sigma_a: FloatArray | float,
    sigma_b: FloatArray | float,
    radius_mm: FloatArray | float,
    costs: Costs,
) -> FloatArray:
    return np.asarray(
        np.square(sigma_a)
        + np.square(sigma_b)
        + costs.floor_mm**2
        + np.square(costs.shape_jitter * np.asarray(radius_mm))
    )


def _size_cost(
    first_ml: FloatArray, second_ml: FloatArray, days: FloatArray, costs: Costs
) -> FloatArray:
    """Huber's loss of the change of log volume: lesions may grow fast, but rarely do."""
    inverse_mm = np.hypot(1 / ball_radius_mm(first_ml), 1 / ball_radius_mm(second_ml))
    by_border = 3 * costs.border_mm * inverse_mm
    by_time = costs.size_spread_per_root_day * np.sqrt(days)
    spread = np.sqrt(costs.size_spread**2 + by_time**2 + by_border**2)
    z = np.abs(np.log(second_ml / first_ml)) / spread
    return np.where(z < 1, z**2 / 2, z - 0.5)


def _missed(scene: Scene, first: IndexArray, second: IndexArray) -> FloatArray:
    """Visits between the two that cover the place and yet do not show the lesion."""
    count = np.zeros(len(first))
    for visit in range(scene.seen_at.shape[1]):
        between = (scene.visit[first] < visit) & (visit < scene.visit[second])
        count += between & scene.seen_at[first, visit]
    return count
