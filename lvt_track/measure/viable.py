"""The part of a lesion that enhances in the arterial phase, for mRECIST and EASL.

Viable is what takes up contrast in the arterial phase (Lencioni and Llovet, Semin Liver Dis
2010;30:52-60). Where a native scan is given, what is at least 20 HU brighter than in it; without
one, what is brighter than the liver. Haemorrhage and lipiodol, bright already, are so told from
what enhances, and where they cannot be the note says so. The edge between viable and dead tissue
runs half way between the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.components import label_components
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.viability import Viability
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.measure.axes import caliper_in_slice
from lvt_track.measure.calipers import longest_clear_pair, longest_perpendicular, widest_at_most
from lvt_track.measure.outline import SliceOutline, extreme_points

__all__ = ["LIPIODOL_HU", "UPTAKE_HU", "measure_viable", "viable_axes", "viable_mask"]

UPTAKE_HU = 20.0
"""Less than this between native and arterial scan is noise, motion and beam hardening."""

ABOVE_LIVER_HU = 10.0
"""Without a native scan: by so much what enhances is brighter than the liver."""

LIPIODOL_HU = 110.0
"""As bright as this before contrast only iodised oil, calcium and metal are."""

_BRIGHT_ARTERIAL_HU = 220.0
_SMOOTHING_MM, _NATIVE_SMOOTHING_MM = 1.2, 2.5
# Smaller pieces in a slice are noise; smaller gaps in what enhances do not break a line.
_LEAST_MM2, _GAP_MM2 = 12.0, 12.0
_LEAST_LEVEL_VOXELS = 8
_LEAST_STEP_HU = 25.0
_BORDER_MM = 1.8


@dataclass(frozen=True, eq=False)
class _Uptake:
    """How much brighter than its reference each voxel is.

    Attributes:
        hu: (z, y, x).
        least_hu: from where on it counts as enhancing.
        lowest_hu: below which the edge half way to dead tissue may not fall.
    """

    hu: FloatArray
    least_hu: float
    lowest_hu: float


def measure_viable(
    mask: BoolArray, arterial: Volume, plain: BoolArray, native: NDArray[np.number] | None = None
) -> Viability:
    """Measure what enhances of one lesion.

    Args:
        mask: the lesion, dead parts included, on the grid of the arterial scan (z, y, x); not
            empty, some 10 mm of what is around it shown.
        arterial: the scan.
        plain: liver that is neither vessel nor lesion, on the same grid.
        native: HU before contrast, brought onto the same grid; None without.

    Raises:
        ValueError: when the mask is empty or shapes differ.
    """
    if mask.shape != arterial.hu.shape or plain.shape != mask.shape or not mask.any():
        raise ValueError(f"mask {mask.shape} must not be empty, nor differ from the scan's grid")
    if native is None and not plain.any():
        return Viability(reason="no liver around it to compare it with")
    viable, note = viable_mask(mask, arterial, plain, native)
    share = np.count_nonzero(viable) / np.count_nonzero(mask)
    long_axis, short_axis = None, None
    if viable.any():
        long_axis, short_axis = viable_axes(viable, arterial.geometry)
    return Viability(
        long_axis=long_axis,
        short_axis=short_axis,
        volume_ml=float(np.count_nonzero(viable)) * arterial.geometry.voxel_volume_ml,
        necrosis_percent=100.0 * (1.0 - share),
        note=note,
    )


def viable_mask(
    mask: BoolArray, arterial: Volume, plain: BoolArray, native: NDArray[np.number] | None = None
) -> tuple[BoolArray, str]:
    """The voxels (z, y, x) of a lesion that enhance, and what limits that.

    Args:
        mask, arterial, plain, native: as `measure_viable` takes them.
    """
    spacing = arterial.geometry.spacing_mm
    smooth = _smooth_inside(arterial.hu, mask, spacing, _SMOOTHING_MM)
    judged, note = mask, ""
    if native is not None:
        before = _smooth_inside(native, mask, spacing, _NATIVE_SMOOTHING_MM)
        uptake = _Uptake(smooth - before, UPTAKE_HU, UPTAKE_HU / 2)
        bright = mask & (before >= LIPIODOL_HU)
        if bright.any():
            judged = mask & ~bright
            share = 100.0 * np.count_nonzero(bright) / np.count_nonzero(mask)
            note = f"{share:.0f} % bright before contrast (lipiodol or calcium), not judged viable"
    else:
        level_hu = float(np.median(arterial.hu[plain]))
        uptake = _Uptake(smooth - level_hu, ABOVE_LIVER_HU, -ABOVE_LIVER_HU)
        note = "no native scan: haemorrhage and lipiodol cannot be told from what enhances"
        if np.count_nonzero(mask & (smooth >= _BRIGHT_ARTERIAL_HU)) < _LEAST_LEVEL_VOXELS:
            note = "no native scan"
    liver_hu = float(np.median(arterial.hu[plain])) if plain.any() else -np.inf
    border = _border(mask, spacing)
    enhancing = judged & (uptake.hu >= uptake.least_hu)
    # At the border the liver shows through, wherever two scans lie not quite on each other.
    enhancing &= ~border | (smooth >= liver_hu + ABOVE_LIVER_HU)
    enhancing = _without_specks(enhancing, spacing)
    if not enhancing.any():
        return enhancing, note
    dead = judged & (uptake.hu < uptake.least_hu)
    if np.count_nonzero(dead) >= _LEAST_LEVEL_VOXELS:
        near = ndimage.binary_dilation(enhancing, iterations=2) & judged
        near &= _beyond_half(uptake, smooth, enhancing, dead)
        alive_hu = float(np.median(smooth[enhancing]))
        if alive_hu >= liver_hu + 2 * ABOVE_LIVER_HU:
            near &= ~border | (smooth >= (alive_hu + liver_hu) / 2)
        enhancing = _without_specks(near, spacing)
    return _without_gaps(enhancing, mask, spacing), note


def _border(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> BoolArray:
    """What of a mask (z, y, x) lies at its outline, in the plane; nothing of small ones."""
    depth_mm = np.stack(
        [ndimage.distance_transform_edt(np.pad(k, 1), sampling=spacing_mm[1:]) for k in mask]
    )[:, 1:-1, 1:-1]
    border: BoolArray = mask & (depth_mm <= _BORDER_MM)
    return border if depth_mm.max() > 2 * _BORDER_MM else np.zeros_like(mask)


def _beyond_half(
    uptake: _Uptake, arterial: FloatArray, enhancing: BoolArray, dead: BoolArray
) -> BoolArray:
    """Where the image is nearer to what enhances than to dead tissue.

    The arterial image says so sharper than its difference to a native one of another breath, but
    where dead tissue is bright as well.
    """
    image, lowest_hu = arterial, -np.inf
    levels = np.median(image[enhancing]), np.percentile(image[dead], 25)
    if levels[0] - levels[1] < _LEAST_STEP_HU:
        image, lowest_hu = uptake.hu, uptake.lowest_hu
        levels = np.median(image[enhancing]), np.percentile(image[dead], 25)
    beyond: BoolArray = image >= max(float(sum(levels)) / 2, lowest_hu)
    return beyond


def _smooth_inside(
    hu: NDArray[np.number], mask: BoolArray, spacing_mm: tuple[float, float, float], sd_mm: float
) -> FloatArray:
    """The image (z, y, x) smoothed within the mask alone: what lies around must not leak in."""
    sigma = [0.0, sd_mm / spacing_mm[1], sd_mm / spacing_mm[2]]
    if spacing_mm[0] < sd_mm * 2:
        sigma[0] = 0.7 * sd_mm / spacing_mm[0]
    weight = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    summed = ndimage.gaussian_filter(np.where(mask, hu, 0).astype(np.float32), sigma)
    smooth: FloatArray = np.divide(
        summed, weight, out=np.asarray(hu, dtype=np.float32).copy(), where=mask & (weight > 0)
    )
    return smooth


def _without_specks(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> BoolArray:
    """A mask (z, y, x) without pieces that are tiny in every slice."""
    least = max(2, round(_LEAST_MM2 / (spacing_mm[1] * spacing_mm[2])))
    pieces, count = label_components(mask)
    if count == 0:
        return mask
    largest = np.zeros(count + 1, dtype=np.intp)
    for plane in pieces:
        largest = np.maximum(largest, np.bincount(plane.ravel(), minlength=count + 1))
    largest[0] = 0
    kept: BoolArray = (largest >= least)[pieces]
    return kept


def _without_gaps(
    viable: BoolArray, mask: BoolArray, spacing_mm: tuple[float, float, float]
) -> BoolArray:
    """A mask (z, y, x) whose tiny holes, slice by slice, are filled where the lesion is."""
    most = _GAP_MM2 / (spacing_mm[1] * spacing_mm[2])
    filled = viable.copy()
    for plane, lesion in zip(filled, mask, strict=True):
        gaps, count = ndimage.label(lesion & ~plane)
        if count:
            sizes = np.bincount(gaps.ravel())
            sizes[0] = sizes.max() + int(most) + 1
            plane |= (sizes <= most)[gaps]
    return filled


def viable_axes(viable: BoolArray, geometry: Geometry) -> tuple[Caliper, Caliper]:
    """The calipers of what enhances; dead tissue within it stops a line, unlike holes of masks."""
    pixel_mm = geometry.spacing_mm[1:]
    used = [int(k) for k in np.flatnonzero(viable.any(axis=(1, 2)))]
    at_most_mm = {k: widest_at_most(extreme_points(viable[k], pixel_mm)) for k in used}
    best_mm, best, ends = 0.0, used[0], np.zeros((2, 2))
    for k in sorted(used, key=lambda k: -at_most_mm[k]):
        if at_most_mm[k] <= best_mm:
            break
        outline = SliceOutline(viable[k], pixel_mm)
        corners = outline.edges_mm[:, 0]
        pair = longest_clear_pair(corners, outline.barrier_mm, outline.may_hold, best_mm)
        if pair is not None:
            best_mm, best, ends = pair[2], k, corners[list(pair[:2])]
    island = SliceOutline(viable[best], pixel_mm).island_at(ends[0])
    short = np.stack(longest_perpendicular(ends[0], ends[1], island.edges_mm, island.barrier_mm))
    if np.linalg.norm(short[1] - short[0]) > best_mm:
        ends, short = short, ends
    return caliper_in_slice(ends, best, geometry), caliper_in_slice(short, best, geometry)
