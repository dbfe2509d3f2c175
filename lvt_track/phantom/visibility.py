"""Which lesions an image shows: contrast against the noise of their own size.

A lesion as bright as its liver cannot be drawn by any reader, and no table of findings holds it.
Rose (J Opt Soc Am 1948;38:196-208) found that the eye needs a contrast of three to five times the
noise that remains when it is averaged over the object.
"""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray

__all__ = ["SEEN", "conspicuity"]

SEEN = 4.0
"""Conspicuity from which a lesion counts as one that the image shows."""

_AROUND_MM = 30.0
_PATCH_MM = 7.5
# Texture does not average out as noise does: no liver is more even than this.
_LEAST_HU = 1.0


def conspicuity(
    hu: NDArray[np.generic],
    lesions: BoolArray,
    tissues: NDArray[np.uint8],
    parenchyma: BoolArray,
    liver: BoolArray,
    spacing_mm: tuple[float, float, float],
) -> tuple[NDArray[np.integer], FloatArray]:
    """How far each lesion stands out of the liver around it.

    A lesion stands out as far as the most conspicuous of its tissues, a rim or a core: the
    difference of its mean to that of the parenchyma in a cube of 30 mm, over the spread that a mean
    of as many voxels has in parenchyma. That spread is taken from cubes of 7.5 mm, which hold the
    correlation of noise, and falls with the root of the volume, down to 1 HU. Voxels that touch
    what is not liver do not count: fat that shares them makes any lesion look dark.

    Args:
        hu: image (z, y, x).
        lesions: where lesions are, same shape; 26-connected components are one each.
        tissues: what each voxel of a lesion is made of; any codes.
        parenchyma: liver without vessels and lesions.
        liver: all of it, lesions and vessels too.
        spacing_mm: edges of a voxel (z, y, x).

    Returns:
        Numbers of the components (z, y, x), 0 outside; and the conspicuity of each number: zero
        where all its voxels touch what is not liver, infinite for 0 and where there is no
        parenchyma to compare with.
    """
    number: NDArray[np.integer] = cc3d.connected_components(lesions, connectivity=26)
    count = int(number.max())
    stands_out = np.full(count + 1, np.inf)
    if count == 0 or not parenchyma.any():
        return number, stands_out
    values = hu.astype(np.float32)
    around, has_around = _mean_of(values, parenchyma, _cube(_AROUND_MM, spacing_mm))
    patch = _cube(_PATCH_MM, spacing_mm)
    rest = values - around
    evened, is_patch = _mean_of(rest, parenchyma, patch)
    # Means of patches that are mostly parenchyma; all voxels where the liver is too thin for any.
    whole = parenchyma & (is_patch > 0.8)
    patch_hu = float(evened[whole].std() if whole.any() else rest[parenchyma].std())
    voxel_hu = float(rest[parenchyma].std())

    compared = (number > 0) & (has_around > 0)
    stands_out[np.unique(number[compared])] = 0.0
    inside = compared & ndimage.minimum_filter(liver, size=3)
    pairs, which = np.unique(
        number[inside].astype(np.int64) * 256 + tissues[inside], return_inverse=True
    )
    sizes = np.bincount(which)
    difference = np.abs(np.bincount(which, weights=rest[inside]) / np.maximum(sizes, 1))
    spread = np.clip(
        patch_hu * np.sqrt(np.prod(patch) / sizes), _LEAST_HU, max(voxel_hu, _LEAST_HU)
    )
    np.maximum.at(stands_out, pairs // 256, difference / spread)
    return number, stands_out


def _cube(edge_mm: float, spacing_mm: tuple[float, float, float]) -> tuple[int, ...]:
    """Voxels along the axes, odd."""
    return tuple(
        2 * round((edge_mm / step - 1) / 2) + 1 if step < edge_mm else 1 for step in spacing_mm
    )


def _mean_of(
    values: NDArray[np.float32], where: BoolArray, size: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean over the marked voxels in a box around each voxel, and the share that is marked."""
    share = ndimage.uniform_filter(where.astype(np.float32), size, mode="constant")
    total = ndimage.uniform_filter(np.where(where, values, 0.0), size, mode="constant")
    mean = np.divide(total, share, out=np.zeros_like(total), where=share > 1e-4)
    return mean, np.where(share > 1e-4, share, 0.0).astype(np.float32)
