"""What is known of livers whose trees are labelled, and how plans agree with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray, Masks
from lvt_track.io.images.volumes import read_labels
from lvt_track.planning.vessels.trees import HEPATIC, PORTAL, UNKNOWN, VesselTrees

__all__ = ["LabelMap", "dice", "tree_shares"]

LEAST_RADIUS_MM = 1.5


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A liver with both trees known."""

    name: str
    liver: BoolArray
    hepatic: BoolArray
    portal: BoolArray
    geometry: Geometry

    @classmethod
    def read(cls, folder: Path, name: str) -> LabelMap:
        """Read a case of MSD Task08."""
        liver, geometry = read_labels(folder / f"msd_{name}_liver.nii.gz")
        trees, _ = read_labels(folder / f"msd_{name}_vessels1_tumors2.nii.gz")
        return cls(name, liver > 0, trees == 1, trees == 2, geometry)

    def masks(self, is_cut: bool) -> Masks:
        """Vessels whole, or as far as the liver's outline."""
        vessels = self.hepatic | self.portal
        if is_cut:
            vessels = vessels & self.liver
        return Masks(self.liver, vessels, np.zeros_like(vessels), self.geometry)


def tree_shares(trees: VesselTrees, case: LabelMap) -> tuple[float, float, float]:
    """Shares of the length of branches of 3 mm and more that are right, wrong, unknown."""
    hepatic, portal = trees.lattice.mask(case.hepatic), trees.lattice.mask(case.portal)
    lengths = {"right": 0.0, "wrong": 0.0, "unknown": 0.0}
    for branch, kind in zip(trees.graph.branches, trees.kinds, strict=True):
        if branch.calibre_mm < LEAST_RADIUS_MM:
            continue
        at = tuple(trees.lattice.index(branch.points_mm).T)
        truth = PORTAL if portal[at].mean() > hepatic[at].mean() else HEPATIC
        name = "unknown" if kind == UNKNOWN else "right" if kind == truth else "wrong"
        lengths[name] += branch.length_mm
    total = sum(lengths.values())
    return lengths["right"] / total, lengths["wrong"] / total, lengths["unknown"] / total


def dice(one: BoolArray, other: BoolArray) -> float:
    """Overlap of two masks."""
    return float(2 * np.count_nonzero(one & other) / max(one.sum() + other.sum(), 1))
