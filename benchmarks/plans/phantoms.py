"""Phantoms of known trees and territories for `benchmarks/planning.py`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.volume import BoolArray, Masks
from lvt_track.phantom.couinaud.liver import CouinaudLiver, draw_couinaud_liver
from lvt_track.planning.resection.remnant import LEFT, RIGHT, remnant_of, segments_taken
from lvt_track.planning.visit_plan import plan_visit
from pages.markdown import markdown_table
from plans.truth import LabelMap, dice, tree_shares

__all__ = ["phantom_tables"]

_THIN_MM, _TEAR_MM, _TEARS = 1.3, 4.0, 12


@dataclass(frozen=True)
class PhantomScore:
    """How a plan of one phantom agrees with its truth.

    Attributes:
        trees: shares of length right, wrong, unknown.
        dice: of segments 1 to 8.
        left_points, remnant_points: error of the share of segments 2 to 4, and of what a right
            hemihepatectomy leaves, in points of a hundred.
        seconds: of processor time.
    """

    trees: tuple[float, float, float]
    dice: tuple[float, ...]
    left_points: float
    remnant_points: float
    seconds: float


def phantom_tables(seeds: Sequence[int]) -> tuple[str, str]:
    """Trees, and segments with what is left, over phantoms; a row for each kind of mask."""
    scores: dict[str, list[PhantomScore]] = {}
    for seed in seeds:
        phantom = draw_couinaud_liver(seed)
        for kind, masks in _masks(phantom, seed):
            scores.setdefault(kind, []).append(_score(phantom, masks))
    trees, segments = [], []
    for kind, its in scores.items():
        shares = 100 * np.array([score.trees for score in its])
        means = [f"{value:.1f}" for value in shares.mean(axis=0)]
        seconds = float(np.mean([score.seconds for score in its]))
        trees.append((kind, *means, f"{shares[:, 0].min():.1f}", f"{seconds:.1f}"))
        by_segment = np.array([score.dice for score in its])
        cells = [f"{value:.2f}" for value in by_segment.mean(axis=0)]
        worst = [max(abs(getattr(s, name)) for s in its) for name in _POINTS]
        average = [np.mean([abs(getattr(s, name)) for s in its]) for name in _POINTS]
        points = [f"{a:.1f} ({w:.1f})" for a, w in zip(average, worst, strict=True)]
        segments.append((kind, *cells, f"{by_segment.mean():.2f}", *points))
    header = ("mask of vessels", "right, %", "wrong, %", "unknown, %", "least right, %", "seconds")
    names = [str(n) for n in range(1, 9)]
    left = ("left liver, points", "remnant of right, points")
    return markdown_table(header, trees), markdown_table(
        ("mask of vessels", *names, "mean", *left), segments
    )


_POINTS = ("left_points", "remnant_points")


def _masks(phantom: CouinaudLiver, seed: int) -> Iterator[tuple[str, Masks]]:
    vessels = phantom.portal | phantom.hepatic | phantom.cava
    nothing = np.zeros_like(vessels)
    for kind, mask in (
        ("with cava and trunk", vessels),
        ("cut at the liver", vessels & phantom.liver),
        ("cut, thin ones missing, torn", _worn(vessels & phantom.liver, phantom, seed)),
    ):
        yield kind, Masks(phantom.liver, mask, nothing, phantom.geometry)


def _worn(vessels: BoolArray, phantom: CouinaudLiver, seed: int) -> BoolArray:
    """A mask without vessels thinner than 2.6 mm, and with a dozen gaps of 8 mm."""
    spacing = phantom.geometry.spacing_mm
    depth = ndimage.distance_transform_edt(vessels, sampling=spacing)
    core = depth > _THIN_MM
    near = ndimage.distance_transform_edt(~core, sampling=spacing)
    worn = vessels & (near <= _THIN_MM + 0.5)
    inside = np.argwhere(worn)
    chosen = np.random.default_rng(seed).choice(len(inside), _TEARS, replace=False)
    places = np.ones_like(vessels)
    places[tuple(inside[chosen].T)] = False
    away: NDArray[np.float64] = ndimage.distance_transform_edt(places, sampling=spacing)
    torn: BoolArray = worn & (away > _TEAR_MM)
    return torn


def _score(phantom: CouinaudLiver, masks: Masks) -> PhantomScore:
    lesions = np.zeros(masks.geometry.shape, dtype=np.int32)
    start = time.process_time()
    plan = plan_visit(masks, lesions)
    seconds = time.process_time() - start
    assert plan.trees is not None
    part = masks.crop(plan.box)
    hepatic = (phantom.hepatic | phantom.cava)[plan.box]
    case = LabelMap("", part.liver, hepatic, phantom.portal[plan.box], part.geometry)
    shares = [_share_percent(labels, LEFT, phantom) for labels in (plan.segments, phantom.segments)]
    remnants = []
    for labels in (plan.segments, phantom.segments):
        percent = remnant_of(segments_taken(labels, RIGHT), masks, lesions).remnant_percent
        remnants.append(0.0 if percent is None else percent)
    by_segment = [dice(plan.segments == n, phantom.segments == n) for n in range(1, 9)]
    return PhantomScore(
        tree_shares(plan.trees, case),
        tuple(by_segment),
        shares[0] - shares[1],
        remnants[0] - remnants[1],
        seconds,
    )


def _share_percent(
    labels: NDArray[np.uint8], segments: Sequence[int], phantom: CouinaudLiver
) -> float:
    taken = np.count_nonzero(segments_taken(labels, segments))
    return 100.0 * taken / np.count_nonzero(phantom.liver)
