"""Crops of a body's label map: where they lie, how they are stretched, where the scan ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES

__all__ = ["Places", "crop_around", "cut_scan"]

Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Places:
    """Where a body may be cropped: voxels of its liver and of its lesions, some of them.

    Attributes:
        whole: shape of the body's label map.
        liver, lesions: indices (n, 3).
        stray: how far a crop's centre may lie from them, in voxels along each axis.
    """

    whole: tuple[int, ...]
    liver: NDArray[np.intp]
    lesions: NDArray[np.intp]
    stray: int

    @classmethod
    def of(cls, labels: Labels, finer: int) -> Places:
        """Those of a label map that is `finer` times as fine as the images made of it."""
        step = 3 * finer
        sparse = labels[::step, ::step, ::step]
        liver, lesions = (
            np.argwhere(np.isin(sparse, [int(tissue) for tissue in tissues])) * step
            for tissues in (LIVER_TISSUES, TUMOR_TISSUES)
        )
        return cls(labels.shape, liver, lesions, 12 * finer)

    def draw(self, follows_liver: float, rng: np.random.Generator) -> NDArray[np.intp]:
        """A centre: near a lesion or in the liver, in the liver's box, or anywhere."""
        if len(self.liver) == 0 or rng.random() >= follows_liver:
            return rng.integers(0, self.whole)
        choice = rng.random()
        centre: NDArray[np.intp]
        if choice < 0.2:
            centre = rng.integers(self.liver.min(axis=0), self.liver.max(axis=0) + 1)
        else:
            near = self.lesions if len(self.lesions) and choice < 0.6 else self.liver
            stray = rng.integers(-self.stray, self.stray + 1, size=3)
            centre = near[int(rng.integers(len(near)))] + stray
        return centre


def crop_around(
    whole: Labels,
    centre: NDArray[np.intp],
    size: tuple[int, int, int],
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Labels:
    """A crop of a label map, moved inside the map; air where that is too small.

    Args:
        whole: label map (z, y, x).
        centre: of the crop, an index.
        size: of the crop, in voxels.
        stretch: along each axis, how much larger the body is drawn than it is in the map.
    """
    out = np.zeros(size, dtype=np.uint8)
    take, put = [], []
    for middle, n, have, factor in zip(centre, size, whole.shape, stretch, strict=True):
        reach = n / factor
        first = np.clip(middle - reach / 2, min(0.0, have - reach), max(0.0, have - reach))
        if have < reach:
            first = (have - reach) / 2
        index = np.floor(first + (np.arange(n) + 0.5) / factor).astype(np.intp)
        inside = np.flatnonzero((index >= 0) & (index < have))
        take.append(index[inside])
        put.append(slice(int(inside[0]), int(inside[-1]) + 1))
    # One axis after the other: many times as fast as picking every voxel by itself.
    block = whole[tuple(slice(index[0], index[-1] + 1) for index in take)]
    for axis, index in enumerate(take):
        block = block.take(index - index[0], axis=axis)
    out[tuple(put)] = block
    return out


def cut_scan(hu: Tensor, known: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """End the scan inside a crop; as at inference, its end slices are repeated beyond.

    Args:
        hu: image (z, y, x).
        known: where labels are known (classes, z, y, x); not beyond the ends.
        rng: source of chance.
    """
    size = hu.shape[0]
    kept = int(rng.integers(max(1, size // 8), size))
    first = int(rng.integers(0, size - kept + 1))
    place = torch.arange(size, device=hu.device)
    index = place.clamp(first, first + kept - 1)
    seen = place == index
    return hu[index], known & seen[:, None, None]
