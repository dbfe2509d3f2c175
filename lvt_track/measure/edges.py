"""Where the edge of a lesion runs in its image: half way between the lesion and its liver.

A model draws too large: its outline runs 0.6 mm outside of the edge on average, and is rough, and
the longest line of a rough outline ends on its bumps. Within a band about the drawn outline the
lesion is therefore drawn anew, where the smoothed image is nearer to the lesion than to the liver
around it, and its axes are measured there. Masks that a reader gave are never touched.
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

SMOOTHING_MM = 1.4
"""Standard deviation of the Gaussian that takes the noise away."""

_BIN_MM, _REACH_MM = 0.5, 6.0
_DEEP_MM, _FAR_MM = 1.5, 2.5
_LEAST_PIXELS = 5
# Of the contrast, by which a profile may leave the range between lesion and liver.
_OVERSHOOT = 0.25
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
        brighter or darker than both sides, or an edge that is not where the lesion was drawn.
    """
    away_mm = _signed_mm(mask, pixel_mm)
    usable = plain | mask
    levels = _levels(hu, usable, away_mm)
    if levels is None:
        return None
    image = np.where(usable, hu, levels.liver_hu).astype(np.float64)
    smooth = ndimage.gaussian_filter(image, SMOOTHING_MM / np.array(pixel_mm))
    half_hu = (levels.lesion_hu + levels.liver_hu) / 2
    is_lesion = smooth < half_hu if levels.contrast_hu > 0 else smooth > half_hu
    inside = (away_mm < -INWARD_MM) | (is_lesion & (away_mm <= OUTWARD_MM))
    pieces, count = ndimage.label(inside)
    if count == 0:
        return None
    sizes = np.bincount(pieces[mask], minlength=count + 1)
    sizes[0] = 0
    edge: BoolArray = ndimage.binary_fill_holes(pieces == sizes.argmax()).astype(np.bool_)
    ratio = np.count_nonzero(edge) / np.count_nonzero(mask)
    return edge if _AREA_RATIO[0] <= ratio <= _AREA_RATIO[1] else None


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
    deep, far = enough & (middle < -_DEEP_MM), enough & (middle > _FAR_MM)
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
    between = enough & (middle >= -_DEEP_MM) & (middle <= _FAR_MM)
    share = (sums[between] / counts[between] - levels.lesion_hu) / levels.contrast_hu
    is_monotone = (share > -_OVERSHOOT).all() and (share < 1 + _OVERSHOOT).all()
    return levels if is_monotone else None
