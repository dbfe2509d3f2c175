"""Fluid around the liver of a crop: to learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from lvt_track.phantom.body.fields import SmoothField
from lvt_track.phantom.body.tissues import LIVER_TISSUES, Tissue, is_any

__all__ = ["with_ascites"]

Labels = NDArray[np.uint8]

_WIDTH_MM = (5.0, 40.0)
# Fluid presses the liver off the wall, and fills the fat beside it.
_INSIDE_SHARE, _STEP = 0.5, 2
# Factors of its width, from place to place: none where they would be negative.
_KNOT_MM, _FACTOR_MEAN, _FACTOR_DEVIATION = 40.0, 0.6, 0.6


def with_ascites(labels: Labels, spacing_mm: float, rng: np.random.Generator) -> Labels:
    """The labels with fluid in the place of the liver's outer layer and of the fat beside it.

    Its width varies from place to place, around 5 to 40 mm from crop to crop. Few bodies have
    ascites, and each of these shows it in the same places.

    Args:
        labels: `Tissue` codes (z, y, x).
        spacing_mm: edge of a voxel.
        rng: source of chance.
    """
    step_mm = _STEP * spacing_mm
    whole = is_any(labels, LIVER_TISSUES)
    liver = _coarse(whole)
    if not liver.any() or liver.all():
        return labels
    width_mm = float(np.exp(rng.uniform(*np.log(_WIDTH_MM)))) * _factors(liver.shape, step_mm, rng)
    depth_mm = distance_transform_edt(liver, sampling=step_mm)
    away_mm = distance_transform_edt(~liver, sampling=step_mm)
    layer = liver & (depth_mm < _INSIDE_SHARE * width_mm)
    beside = ~liver & (away_mm < width_mm)
    out = labels.copy()
    out[_fine(layer, labels.shape) & whole] = Tissue.ASCITES
    out[_fine(beside, labels.shape) & (labels == Tissue.VISCERAL_FAT)] = Tissue.ASCITES
    return out


def _factors(
    shape: tuple[int, ...], step_mm: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Smooth factors, zero in many places and mostly around one elsewhere."""
    z_mm, y_mm, x_mm = (step_mm * np.arange(n, dtype=np.float64) for n in shape)
    high_mm = (float(z_mm[-1]), float(y_mm[-1]), float(x_mm[-1]))
    field = SmoothField.draw(rng, (0.0, 0.0, 0.0), high_mm, _KNOT_MM, _FACTOR_DEVIATION)
    factors = np.float32(_FACTOR_MEAN) + field.on_axes(z_mm, y_mm, x_mm)
    return factors.clip(min=0.0)


def _coarse(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Blocks that hold any of the mask: no film of liver is left outside the fluid."""
    for axis, size in enumerate(mask.shape):
        mask = np.logical_or.reduceat(mask, range(0, size, _STEP), axis=axis)
    return mask


def _fine(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Every voxel repeated along each axis."""
    for axis, size in enumerate(shape):
        mask = np.repeat(mask, _STEP, axis=axis).take(range(size), axis=axis)
    return mask
