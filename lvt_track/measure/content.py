"""What a lesion is made of: surface, spread of HU, share of dead tissue, sub-voxel volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray, Volume

__all__ = ["NECROTIC_BELOW_HU", "HuContent", "hu_content", "soft_volume_ml", "surface_mm2"]

NECROTIC_BELOW_HU = 30.0
"""Tissue that stays below this after contrast has no blood supply; fluid has 0 to 20 HU."""

_PERCENTILES = (5, 25, 50, 75, 95)
# Single voxels cross any threshold by noise alone; a Gaussian mean of this width does not.
_SMOOTHING_MM = 1.0


@dataclass(frozen=True)
class HuContent:
    """HU inside a lesion.

    Attributes:
        mean_hu, sd_hu: mean and standard deviation.
        percentiles_hu: the 5th, 25th, 50th, 75th and 95th.
        necrotic_share: part of the volume below `NECROTIC_BELOW_HU` after light smoothing; means
            something only after contrast.
    """

    mean_hu: float
    sd_hu: float
    percentiles_hu: tuple[float, float, float, float, float]
    necrotic_share: float


def hu_content(mask: BoolArray, volume: Volume) -> HuContent:
    """HU inside a lesion.

    Args:
        mask: boolean (z, y, x), not empty.
        volume: HU on the same grid.

    Raises:
        ValueError: when the mask is empty or of another shape.
    """
    if mask.shape != volume.hu.shape or not mask.any():
        raise ValueError(f"mask {mask.shape} must not be empty, nor differ from {volume.hu.shape}")
    inside = volume.hu[mask].astype(np.float64)
    p5, p25, p50, p75, p95 = (float(p) for p in np.percentile(inside, _PERCENTILES))
    # Smoothed within the mask alone: what lies around must not leak in.
    sigma = [_SMOOTHING_MM / s for s in volume.geometry.spacing_mm]
    weight = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    summed = ndimage.gaussian_filter(np.where(mask, volume.hu, 0).astype(np.float32), sigma)
    smooth = summed[mask] / weight[mask]
    return HuContent(
        mean_hu=float(inside.mean()),
        sd_hu=float(inside.std()),
        percentiles_hu=(p5, p25, p50, p75, p95),
        necrotic_share=float((smooth < NECROTIC_BELOW_HU).mean()),
    )


def surface_mm2(mask: BoolArray, geometry: Geometry) -> float:
    """Surface area, by counting how often lines in 13 directions cross it (Crofton's formula).

    Args:
        mask: boolean (z, y, x).
        geometry: its grid.
    """
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
    image.SetSpacing(geometry.spacing_mm[::-1])
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.SetComputePerimeter(True)
    shapes.Execute(image)
    return float(shapes.GetPerimeter(1)) if shapes.HasLabel(1) else 0.0


def soft_volume_ml(probability: NDArray[np.floating], geometry: Geometry) -> float:
    """Volume from probabilities (z, y, x) of 0 to 1, which count a voxel at the border in part.

    Raises:
        ValueError: for values outside 0 to 1, or another shape.
    """
    if probability.shape != geometry.shape:
        raise ValueError(f"probability has shape {probability.shape}, geometry {geometry.shape}")
    if not (probability.min(initial=0.0) >= 0 and probability.max(initial=0.0) <= 1):
        raise ValueError("probabilities must lie between 0 and 1")
    return float(probability.sum(dtype=np.float64)) * geometry.voxel_volume_ml
