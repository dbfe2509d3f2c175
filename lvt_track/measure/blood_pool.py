"""Brightness of what contrast passes through, found in a CT by where it lies beside the spine.

No mask and no network. The spine is the densest column behind the middle of the body. Aorta and
cava lie in front of it: round and no wider than 32 mm, and even along the body, which vertebrae
with their discs are not. Liver and spleen are the most frequent brightness deep in the right and
in the left of the body. Kidneys lie on both sides of the spine, and what is bright in them but not
joined to the skeleton is cortex or urine.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray, Volume

__all__ = ["BloodPool", "measure_blood_pool"]

_GRID_MM = 3.0
_BODY_HU, _BONE_HU, _DENSE_HU, _TOP_HU = -250.0, 200.0, 250.0, 700.0
_SOFT_HU = 220.0
_LUNG_HU, _LUNG_SHARE = -600.0, 0.15
# Below and above the lungs' base.
_LEVEL_MM = (160.0, 40.0)
# Vertebra and disc come round every 35 mm or so: no stretch that long is even in them.
_EVEN_MM = 40.0
# Narrowest and widest that a vessel of the trunk is; how much it stands out of what is wider.
_NARROW_MM, _WIDE_MM, _STANDS_OUT_HU = 10.0, 32.0, 10.0
_LEAST_VOXELS = 200
_URINE_ML = 1.0
# How far the liver strays from what is most frequent in it.
_LIVER_HU = 25.0

Image = NDArray[np.float32]


@dataclass(frozen=True)
class BloodPool:
    """Brightness in HU; NaN where the scan does not show the place.

    Attributes:
        aorta, cava: brightest vessel in front of the spine, left and right of its middle.
        liver, spleen: most frequent brightness deep in the right and left of the body.
        kidneys: 90th percentile of soft tissue beside the spine.
        urine: what the brightest millilitre there has at least, without the skeleton.
        liver_vessels: 99th percentile within the liver.
    """

    aorta: float
    cava: float
    liver: float
    spleen: float
    kidneys: float
    urine: float
    liver_vessels: float

    def values(self) -> FloatArray:
        """All of them (7,), in the order of the attributes."""
        return np.array([getattr(self, field.name) for field in fields(self)])


def measure_blood_pool(volume: Volume) -> BloodPool | None:
    """Measure where contrast is; None where no body with a spine is shown.

    Args:
        volume: a CT of the trunk, in any order of axes.
    """
    hu, spacing_mm = _upright(volume)
    body = _body(hu)
    level = _liver_level(hu, body, spacing_mm)
    hu, body = hu[level], body[level]
    if np.count_nonzero(body) < _LEAST_VOXELS:
        return None
    spine = _spine(hu, body, spacing_mm)
    if spine is None:
        return None
    y_mm = ((np.arange(hu.shape[1]) - spine[0]) * spacing_mm[1])[None, :, None]
    x_mm = ((np.arange(hu.shape[2]) - spine[1]) * spacing_mm[2])[None, None, :]
    depth_mm = ndimage.distance_transform_edt(body.mean(axis=0) > 0.5, sampling=spacing_mm[1:])[
        None
    ]
    bone = hu > _BONE_HU
    deep = body & (depth_mm > 25) & ~bone
    beside = (np.abs(x_mm) > 26) & (np.abs(x_mm) < 80) & (y_mm > -75) & (y_mm < -5)
    smooth = ndimage.uniform_filter(hu, 3)
    loins = body & beside & (depth_mm > 22)
    loins &= ~_reaching_out(hu > _DENSE_HU, loins)
    vessels = _vessels(hu, (y_mm[0, :, 0], x_mm[0, 0]), spacing_mm)
    front = (y_mm > -85) & (y_mm < -18)
    right = deep & (x_mm < -20)
    liver_hu = _mode(smooth, deep & (x_mm < -35), 0.0)
    return BloodPool(
        aorta=_brightest(vessels, front & (x_mm > -8) & (x_mm < 38)),
        cava=_brightest(vessels, front & (x_mm > -42) & (x_mm < -10)),
        liver=liver_hu,
        spleen=_mode(smooth, deep & (x_mm > 60) & (y_mm > -55) & (y_mm < 30), 35.0),
        kidneys=_kidneys(smooth, loins),
        urine=_brightest_ml(smooth, loins, float(np.prod(spacing_mm)) / 1000.0),
        liver_vessels=_liver_vessels(smooth, right, liver_hu),
    )


def _upright(volume: Volume) -> tuple[Image, FloatArray]:
    """HU in coarse voxels, axes towards head, back and left (z, y, x), and their edges in mm."""
    direction = volume.geometry.direction
    # Columns of the direction are array axes x, y, z; each world axis takes the closest one.
    axes = [2 - int(np.argmax(np.abs(direction[world]))) for world in (2, 1, 0)]
    if len(set(axes)) < 3:
        axes = [0, 1, 2]
    hu: NDArray[Any] = volume.hu.transpose(axes)
    for axis, world in enumerate((2, 1, 0)):
        if direction[world, 2 - axes[axis]] < 0:
            hu = np.flip(hu, axis)
    spacing = np.array([volume.geometry.spacing_mm[axis] for axis in axes])
    steps = np.maximum(np.rint(_GRID_MM / spacing).astype(int), 1)
    for axis, step in enumerate(steps):
        hu = _averaged(hu, axis, int(step))
    return np.ascontiguousarray(hu, dtype=np.float32), spacing * steps


def _averaged(hu: NDArray[Any], axis: int, step: int) -> Image:
    """Means of neighbours along an axis; what is left over at its end is dropped."""
    count = hu.shape[axis] // step
    if step == 1 or count == 0:
        return hu.astype(np.float32)
    parts = np.moveaxis(hu, axis, 0)[: count * step]
    total = parts[0::step].astype(np.float32)
    for offset in range(1, step):
        total += parts[offset::step]
    return np.moveaxis(total / np.float32(step), 0, axis)


def _largest(mask: BoolArray) -> BoolArray:
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    largest: BoolArray = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return largest


def _reaching_out(bright: BoolArray, inside: BoolArray) -> BoolArray:
    """Bright pieces that are not wholly inside, and what they share voxels with."""
    labels, count = ndimage.label(bright)
    outside = np.zeros(count + 1, dtype=bool)
    outside[np.unique(labels[~inside])] = True
    outside[0] = False
    reaching: BoolArray = ndimage.binary_dilation(outside[labels])
    return reaching


def _body(hu: Image) -> BoolArray:
    """The trunk, filled slice by slice, without the table."""
    body = _largest(ndimage.binary_opening(hu > _BODY_HU, iterations=2))
    return np.stack([ndimage.binary_fill_holes(plane) for plane in body])


def _liver_level(hu: Image, body: BoolArray, spacing_mm: FloatArray) -> slice:
    """Slices from a little above the lungs' base to the loins; all where no lung is shown."""
    air = np.count_nonzero(body & (hu < _LUNG_HU), axis=(1, 2))
    share = air / np.maximum(np.count_nonzero(body, axis=(1, 2)), 1)
    lungs = np.flatnonzero(share > _LUNG_SHARE)
    if not len(lungs):
        return slice(0, len(hu))
    runs = np.split(lungs, np.flatnonzero(np.diff(lungs) > 1) + 1)
    base = int(max(runs, key=len)[0])
    below, above = (round(mm / spacing_mm[0]) for mm in _LEVEL_MM)
    return slice(max(0, base - below), min(len(hu), base + above))


def _spine(hu: Image, body: BoolArray, spacing_mm: FloatArray) -> FloatArray | None:
    """Row and column of the middle of the spine (2,); None without any bone there."""
    rows, columns = np.nonzero(body.any(axis=0))
    middle, half = float(np.median(columns)), float(np.median(rows))
    y, x = np.ogrid[: hu.shape[1], : hu.shape[2]]
    near = (np.abs(x - middle) * spacing_mm[2] < 45) & (y > half)
    dense = (np.clip(hu - _DENSE_HU, 0, _TOP_HU) * (near & body)).sum(axis=0)
    if not dense.any():
        return None
    column = ndimage.gaussian_filter(dense, np.array([9.0, 15.0]) / spacing_mm[1:])
    return np.array(np.unravel_index(column.argmax(), column.shape), dtype=float)


def _vessels(hu: Image, around_mm: tuple[FloatArray, FloatArray], spacing_mm: FloatArray) -> Image:
    """Least brightness along a stretch of the body of what is round and narrow; else -inf."""
    y_mm, x_mm = around_mm
    rows, columns = np.flatnonzero((y_mm > -120) & (y_mm < 20)), np.flatnonzero(np.abs(x_mm) < 75)
    box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    part = np.clip(hu[box], -150, _TOP_HU)
    part = ndimage.gaussian_filter(part, np.array([0.0, 1.5, 1.5]) / spacing_mm)
    part = ndimage.grey_opening(part, footprint=_disc(_NARROW_MM, spacing_mm))
    length = max(1, min(len(hu), round(_EVEN_MM / spacing_mm[0])))
    least = ndimage.minimum_filter1d(part, length, axis=0, mode="nearest")
    wide = ndimage.grey_opening(least, footprint=_disc(_WIDE_MM, spacing_mm))
    vessels = np.full(hu.shape, -np.inf, dtype=np.float32)
    vessels[box] = np.where(least - wide > _STANDS_OUT_HU, least, -np.inf)
    # A stretch that reaches beyond the ends of the scan is shorter than it should be.
    vessels[: length // 2], vessels[len(hu) - (length - 1) // 2 :] = -np.inf, -np.inf
    return vessels


def _disc(diameter_mm: float, spacing_mm: FloatArray) -> BoolArray:
    """Of one slice (1, y, x)."""
    reach = (diameter_mm / 2 / spacing_mm[1:]).astype(int)
    y, x = (np.arange(-n, n + 1) * step for n, step in zip(reach, spacing_mm[1:], strict=True))
    disc: BoolArray = np.hypot(y[:, None], x)[None] <= diameter_mm / 2
    return disc


def _brightest(vessels: Image, where: BoolArray) -> float:
    """Median over the slices of the brightest place in each; NaN where there is none."""
    values = np.where(where, vessels, -np.inf).reshape(len(vessels), -1).max(axis=1)
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else np.nan


def _mode(smooth: Image, where: BoolArray, least_hu: float) -> float:
    """Most frequent brightness of soft tissue."""
    counts, edges = np.histogram(smooth[where], bins=100, range=(least_hu, _SOFT_HU))
    if counts.sum() < _LEAST_VOXELS:
        return np.nan
    peak = int(np.argmax(ndimage.gaussian_filter1d(counts.astype(float), 3.0)))
    return float((edges[peak] + edges[peak + 1]) / 2)


def _liver_vessels(smooth: Image, where: BoolArray, liver_hu: float) -> float:
    """What is brightest in the largest piece as bright as the liver, holes of it included."""
    liver = _largest(ndimage.binary_opening(where & (np.abs(smooth - liver_hu) < _LIVER_HU)))
    closed = ndimage.binary_closing(np.pad(liver, 4), iterations=4)[4:-4, 4:-4, 4:-4]
    inside = smooth[ndimage.binary_erosion(closed, iterations=2)]
    return float(np.quantile(inside, 0.99)) if len(inside) >= _LEAST_VOXELS else np.nan


def _kidneys(hu: Image, loins: BoolArray) -> float:
    soft = hu[loins]
    soft = soft[(soft > 10) & (soft < 400)]
    return float(np.quantile(soft, 0.9)) if len(soft) >= _LEAST_VOXELS else np.nan


def _brightest_ml(hu: Image, where: BoolArray, voxel_ml: float) -> float:
    """What the brightest voxels of some volume have at least."""
    values = hu[where]
    count = round(_URINE_ML / voxel_ml)
    if len(values) <= max(count, _LEAST_VOXELS):
        return np.nan
    return float(np.partition(values, len(values) - count)[len(values) - count])
