"""How segments told on real livers look beside what is published, for `benchmarks/planning.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.volume import Masks
from lvt_track.planning.resection.remnant import LEFT, RIGHT
from lvt_track.planning.visit_plan import plan_visit
from pages.markdown import markdown_table
from plans.truth import LabelMap

__all__ = ["anatomy_table", "masks_without"]

_SMOOTH_MM = 4.0


def anatomy_table(cases: Sequence[LabelMap]) -> str:
    """Shares of segments, pieces and roughness of their borders; a row for each mask."""
    rows = []
    for case in cases:
        for kind, masks in masks_without(case):
            plan = plan_visit(masks, np.zeros(masks.geometry.shape, dtype=np.int32))
            labels = plan.segments[plan.box]
            sizes = np.bincount(labels.ravel(), minlength=9)[1:]
            shares = [f"{100 * size / sizes.sum():.1f}" for size in sizes]
            left, right = (sum(sizes[n - 1] for n in side) for side in (LEFT, RIGHT))
            rows.append(
                (
                    case.name,
                    kind,
                    *shares,
                    f"{100 * left / (left + right):.0f} : {100 * right / (left + right):.0f}",
                    f"{100 * _loose_share(labels):.2f}",
                    f"{100 * _rough_share(labels, masks):.1f}",
                )
            )
    header = ("map", "vessels", *(str(n) for n in range(1, 9)), "left : right", "loose, %")
    return markdown_table((*header, "rough, %"), rows)


def masks_without(case: LabelMap) -> list[tuple[str, Masks]]:
    """All vessels, those within the liver, and hepatic veins with the cava alone."""
    nothing = np.zeros_like(case.liver)
    alone = Masks(case.liver, case.hepatic, nothing, case.geometry)
    return [("all", case.masks(False)), ("cut", case.masks(True)), ("hepatic", alone)]


def _loose_share(labels: NDArray[np.uint8]) -> float:
    """What of the liver lies outside the largest piece of its segment."""
    loose = 0
    for name in range(1, 9):
        pieces, count = ndimage.label(labels == name, np.ones((3, 3, 3)))
        if count > 1:
            sizes = np.bincount(pieces.ravel())[1:]
            loose += int(sizes.sum() - sizes.max())
    return loose / np.count_nonzero(labels)


def _rough_share(labels: NDArray[np.uint8], masks: Masks) -> float:
    """What of the liver would change its segment if borders were smoothed by 4 mm."""
    width = [_SMOOTH_MM / step for step in masks.geometry.spacing_mm]
    best, most = labels.copy(), np.zeros(labels.shape, dtype=np.float32)
    for name in range(1, 9):
        share = ndimage.gaussian_filter((labels == name).astype(np.float32), width)
        more = share > most
        best[more], most[more] = name, share[more]
    return float(np.mean((best != labels)[labels > 0]))
