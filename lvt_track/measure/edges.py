"""Where the edge of a lesion runs in its image: half way between the lesion and its liver.

A model draws too large: its outline runs 0.6 mm outside of the edge on average, and is rough, and
the longest line of a rough outline ends on its bumps. Within a band about the drawn outline the
lesion is therefore drawn anew, where the smoothed image is nearer to the lesion than to the liver
around it (at its tips, which smoothing rounds off, sooner), and its axes are measured there. Masks
that a reader gave are never touched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray

__all__ = ["INWARD_MM", "LEAST_CONTRAST_HU", "edge_mask"]

LEAST_CONTRAST_HU = 12.0
"""With less the image does not say where the edge is."""

INWARD_MM, OUTWARD_MM = 3.0, 1.0
"""How far inside and outside of the drawn outline the edge is looked for."""

LUMP_DEPTH_MM = 3.5
"""A part of the lesion as deep as this, and apart from the rest by the image, is no bump."""

SMOOTHING_MM = 1.4
"""Standard deviation of the Gaussian that takes the noise away."""

BLUR_MM = 1.7
"""Of the smoothed image, with the scanner's own blur."""

ROUND_SHARE, LEAST_SHARE = 0.05, 0.25
"""Of the contrast: what a blurred round lesion of 10 mm lacks of one half at its edge, which is
left so as bumps that remain make up for it; and what is asked for at the sharpest tip."""

ROUNDING_PART, ROUNDING_MM = 0.25, 4.0
"""Noise roughens an edge, and a longest line ends on bumps: the outline is smoothed by a Gaussian
of this part of the lesion's inner radius, of so much at most."""

_BIN_MM, _REACH_MM = 0.5, 6.0
_DEEP_MM = 1.5
# Farther out a neighbour or the liver's surface may lie.
_LIVER_FROM_MM, _LIVER_TO_MM = 2.5, 5.0
_LEAST_PIXELS = 5
# Of the contrast, by which a profile may leave the range between lesion and liver.
_OVERSHOOT = 0.35
_AREA_RATIO = (0.4, 1.4)


@dataclass(frozen=True)
class _Levels:
    """HU of a lesion inside of its edge and of the liver around it."""

    lesion_hu: float
    liver_hu: float

    @property
    def contrast_hu(self) -> float:
        return self.liver_hu - self.lesion_hu


def edge_mask(
    mask: BoolArray,
    hu: NDArray[np.int16] | NDArray[np.float32],
    plain: BoolArray,
    pixel_mm: tuple[float, float],
) -> BoolArray | None:
    """One slice of a lesion as its edge in the image bounds it.

    Args:
        mask: the lesion as it was drawn (y, x), not empty, some 10 mm of what is around it shown.
        hu: the image there.
        plain: liver that is neither vessel nor another lesion.
        pixel_mm: size of a pixel along y, x.

    Returns:
        None where the image does not tell: too little contrast or plain liver, a rim that is
        brighter or darker than both sides, an edge that is not where the lesion was drawn, or one
        that leaves out a lump of it.
    """
    away_mm = _signed_mm(mask, pixel_mm)
    usable = plain | mask
    levels = _levels(hu, usable, away_mm)
    if levels is None:
        return None
    image = np.where(usable, hu, levels.liver_hu).astype(np.float64)
    smooth = ndimage.gaussian_filter(image, SMOOTHING_MM / np.array(pixel_mm))
    toward_liver = (smooth - levels.lesion_hu) / levels.contrast_hu
    is_lesion = toward_liver < 1 - _share_at_edge(mask, pixel_mm)
    inside = (away_mm < -INWARD_MM) | (is_lesion & (away_mm <= OUTWARD_MM))
    pieces, count = ndimage.label(inside)
    if count == 0:
        return None
    sizes = np.bincount(pieces[mask], minlength=count + 1)
    sizes[0] = 0
    depths = ndimage.maximum(-away_mm, pieces, np.arange(1, count + 1))
    if np.count_nonzero(np.asarray(depths) > LUMP_DEPTH_MM) > 1:
        return None
    edge = _rounded(ndimage.binary_fill_holes(pieces == sizes.argmax()), pixel_mm)
    ratio = np.count_nonzero(edge) / np.count_nonzero(mask)
    return edge if _AREA_RATIO[0] <= ratio <= _AREA_RATIO[1] else None


def _share_at_edge(mask: BoolArray, pixel_mm: tuple[float, float]) -> FloatArray:
    """How much of the contrast a blurred image has at the nearest part of the outline (y, x).

    One half along a straight edge, less at a tip.
    """
    shape = _rounded(mask, pixel_mm)
    share = ndimage.gaussian_filter(shape.astype(np.float64), BLUR_MM / np.array(pixel_mm))
    outlines = (
        shape & ~ndimage.binary_erosion(shape),
        ndimage.binary_dilation(shape) & ~shape,
    )
    nearest = (
        ndimage.distance_transform_edt(
            ~outline, sampling=pixel_mm, return_distances=False, return_indices=True
        )
        for outline in outlines
    )
    at_edge: FloatArray = np.mean([share[tuple(index)] for index in nearest], axis=0)
    return (at_edge + ROUND_SHARE).clip(LEAST_SHARE, 0.5)


def _rounded(piece: BoolArray, pixel_mm: tuple[float, float]) -> BoolArray:
    """A piece (y, x) with its outline smoothed; a disk keeps its radius."""
    radius_mm = float(ndimage.distance_transform_edt(np.pad(piece, 1), sampling=pixel_mm).max())
    sigma_mm = min(ROUNDING_MM, ROUNDING_PART * radius_mm)
    margin = int(np.ceil(2 * sigma_mm / min(pixel_mm)))
    padded = np.pad(piece, margin).astype(np.float64)
    smooth = ndimage.gaussian_filter(padded, sigma_mm / np.array(pixel_mm))
    # A blurred disk of radius r has 1/2 - sigma / (r sqrt(8 pi)) at its edge, to first order.
    level = 0.5 - sigma_mm / (radius_mm * np.sqrt(8 * np.pi))
    rounded: BoolArray = (smooth > level)[margin:-margin, margin:-margin]
    return rounded


def _signed_mm(mask: BoolArray, pixel_mm: tuple[float, float]) -> FloatArray:
    """Distance to the outline of a mask (y, x), negative inside."""
    padded = np.pad(mask, 1)
    inside = ndimage.distance_transform_edt(padded, sampling=pixel_mm)[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask, sampling=pixel_mm)
    half = min(pixel_mm) / 2
    signed: FloatArray = np.where(mask, half - inside, outside - half)
    return signed


def _levels(
    hu: NDArray[np.int16] | NDArray[np.float32], usable: BoolArray, away_mm: FloatArray
) -> _Levels | None:
    """The levels on both sides, from the mean profile across the whole outline."""
    bins = np.floor((away_mm + _REACH_MM) / _BIN_MM).astype(np.intp)
    last = round(2 * _REACH_MM / _BIN_MM)
    used = usable & (bins >= 0) & (bins < last)
    counts = np.bincount(bins[used], minlength=last)
    sums = np.bincount(bins[used], weights=hu[used].astype(np.float64), minlength=last)
    middle = (np.arange(last) + 0.5) * _BIN_MM - _REACH_MM
    enough = counts >= _LEAST_PIXELS
    deep = enough & (middle < -_DEEP_MM)
    far = enough & (middle > _LIVER_FROM_MM) & (middle < _LIVER_TO_MM)
    if not deep.any():  # too small to have a depth: its innermost pixels
        inner = np.flatnonzero((counts >= 3) & (middle < 0))
        deep = np.isin(np.arange(last), inner[:1])
    if not deep.any() or not far.any():
        return None
    levels = _Levels(
        float(sums[deep].sum() / counts[deep].sum()), float(sums[far].sum() / counts[far].sum())
    )
    if abs(levels.contrast_hu) < LEAST_CONTRAST_HU:
        return None
    between = enough & (middle >= -_DEEP_MM) & (middle <= _LIVER_FROM_MM)
    share = (sums[between] / counts[between] - levels.lesion_hu) / levels.contrast_hu
    is_monotone = (share > -_OVERSHOOT).all() and (share < 1 + _OVERSHOOT).all()
    return levels if is_monotone else None
