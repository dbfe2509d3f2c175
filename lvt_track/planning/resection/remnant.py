"""What a resection takes and what it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Box, Geometry, bounding_box
from lvt_track.core.volume import BoolArray, LabelArray, Masks
from lvt_track.planning.proximity.distances import Shape, gap_between, label_boxes

__all__ = [
    "LEFT",
    "REFERENCE_PERCENT",
    "RIGHT",
    "Remnant",
    "TumorMargin",
    "remnant_of",
    "segments_taken",
    "standard_liver_ml",
    "wedge_around",
]

RIGHT, LEFT = (5, 6, 7, 8), (2, 3, 4)
"""Segments of a right and a left hemihepatectomy."""

REFERENCE_PERCENT = (20.0, 30.0, 40.0)
"""Least remnants that the literature names for a healthy liver, after chemotherapy, and in
cirrhosis (Clavien et al., N Engl J Med 2007;356:1545-1559): lines to compare with, no advice."""


@dataclass(frozen=True)
class TumorMargin:
    """What a resection does to one tumour.

    Attributes:
        label: of the lesion.
        margin_mm: liver between it and the cut; 0 where the cut goes through it; None where it
            stays, or no liver is left.
        stays: whether some of it stays.
        is_cut: whether some of it stays and some goes.
    """

    label: int
    margin_mm: float | None
    stays: bool
    is_cut: bool


@dataclass(frozen=True)
class Remnant:
    """Volumes and margins of a resection.

    Attributes:
        resected_ml, remnant_ml: of the liver, tumours included.
        resected_functional_ml, remnant_functional_ml: without tumours.
        functional_ml: of the whole liver without tumours.
        margins: of each tumour.
        remarks: what a reader must know.
    """

    resected_ml: float
    remnant_ml: float
    resected_functional_ml: float
    remnant_functional_ml: float
    functional_ml: float
    margins: tuple[TumorMargin, ...]
    remarks: tuple[str, ...]

    @property
    def remnant_percent(self) -> float | None:
        """Share of the functional liver that remains; None without a liver."""
        if self.functional_ml <= 0:
            return None
        return 100.0 * self.remnant_functional_ml / self.functional_ml

    @property
    def tumors_left(self) -> int:
        """How many tumours stay, in whole or in part."""
        return sum(margin.stays for margin in self.margins)

    @property
    def least_margin_mm(self) -> float | None:
        """The least margin of the tumours that are taken or cut."""
        known = [margin.margin_mm for margin in self.margins if margin.margin_mm is not None]
        return min(known) if known else None


def remnant_of(resected: BoolArray, masks: Masks, lesions: LabelArray) -> Remnant:
    """Volumes and margins of a resection.

    Args:
        resected: what is taken (z, y, x); what lies outside the liver does not count.
        masks: of the visit.
        lesions: labels of its lesions.
    """
    box = bounding_box(masks.liver | masks.tumors)
    if box is not None:
        resected, masks, lesions = resected[box], masks.crop(box), lesions[box]
    liver = masks.liver | masks.tumors
    taken, kept = liver & resected, liver & ~resected
    ml = masks.geometry.voxel_volume_ml

    def volume(mask: BoolArray) -> float:
        return float(np.count_nonzero(mask)) * ml

    functional = liver & ~masks.tumors
    remarks = []
    if not kept.any():
        remarks.append("nothing of the liver remains")
    if not taken.any():
        remarks.append("nothing of the liver is taken")
    pieces, count = ndimage.label(kept)
    if count > 1:
        sizes = np.sort(np.bincount(pieces.ravel())[1:])[::-1] * ml
        large = int(np.count_nonzero(sizes >= 5.0))
        if large > 1:
            remarks.append(f"what remains is in {large} pieces of 5 mL and more")
    left = Shape.of(kept, masks.geometry)
    margins = tuple(
        _margin(label, lesions[box] == label, box, taken, left)
        for label, box in label_boxes(lesions)
    )
    return Remnant(
        volume(taken),
        volume(kept),
        volume(taken & functional),
        volume(kept & functional),
        volume(functional),
        margins,
        tuple(remarks),
    )


def _margin(
    label: int, tumor: BoolArray, box: Box, taken: BoolArray, left: Shape | None
) -> TumorMargin:
    """What becomes of a tumour, given as a mask of its box."""
    goes, stays = bool((tumor & taken[box]).any()), bool((tumor & ~taken[box]).any())
    if stays:
        return TumorMargin(label, 0.0 if goes else None, True, goes)
    if left is None:
        return TumorMargin(label, None, False, False)
    gap = gap_between(Shape(tumor, box, left.geometry), left)
    return TumorMargin(label, gap.distance_mm, False, False)


def wedge_around(tumor: BoolArray, margin_mm: float, geometry: Geometry) -> BoolArray:
    """A tumour (z, y, x) and every voxel of which a part is nearer to it than a margin."""
    wedge = np.zeros_like(tumor)
    box = bounding_box(tumor)
    if box is None:
        return wedge
    wide = tuple(
        slice(max(s.start - int(margin_mm / step) - 2, 0), s.stop + int(margin_mm / step) + 2)
        for s, step in zip(box, geometry.spacing_mm, strict=True)
    )
    # Grown by one voxel all around, distances between centres are those between boxes.
    touched = ndimage.binary_dilation(tumor[wide], np.ones((3, 3, 3), dtype=bool))
    gap_mm: NDArray[np.float64] = ndimage.distance_transform_edt(
        ~touched, sampling=geometry.spacing_mm
    )
    wedge[wide] = gap_mm < max(margin_mm, 1e-6)
    return wedge


def standard_liver_ml(weight_kg: float, height_cm: float) -> float:
    """Liver volume to be expected: -794.41 + 1267.28 x body surface in square metres.

    Vauthey et al., Liver Transpl 2002;8:233-240, with the body surface after Mosteller,
    N Engl J Med 1987;317:1098: the root of height in cm times weight in kg over 3600.

    Raises:
        ValueError: for a weight or height that no adult has.
    """
    if not (25 <= weight_kg <= 350 and 100 <= height_cm <= 250):
        raise ValueError(
            f"weight 25 to 350 kg and height 100 to 250 cm are understood, "
            f"got {weight_kg:g} kg and {height_cm:g} cm"
        )
    surface_m2 = float(np.sqrt(height_cm * weight_kg / 3600.0))
    return -794.41 + 1267.28 * surface_m2


def segments_taken(labels: NDArray[np.uint8], segments: Sequence[int]) -> BoolArray:
    """The voxels of some segments (z, y, x)."""
    taken: BoolArray = np.isin(labels, np.array(segments, dtype=labels.dtype))
    return taken
