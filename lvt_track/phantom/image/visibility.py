"""Which lesions an image shows: contrast against the noise of their own size.

A lesion as bright as its liver cannot be drawn by any reader, and no table of findings holds it.
Rose (J Opt Soc Am 1948;38:196-208) found that the eye needs a contrast of three to five times the
noise that remains when it is averaged over the object.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lvt_track.phantom.image.smooth import along_axes

__all__ = ["SEEN", "LesionMaps", "conspicuity"]

SEEN = 4.0
"""Conspicuity from which a lesion counts as one that the image shows."""

_AROUND_MM = 30.0
_PATCH_MM = 7.5
# Texture does not average out as noise does: no liver is more even than this.
_LEAST_HU = 1.0


class LesionMaps(NamedTuple):
    """Where the lesions of an image lie, and in what; all (z, y, x).

    Attributes:
        number: which lesion a voxel belongs to, from 1, and 0 outside; integers.
        tissues: what each voxel of a lesion is made of; any codes below 256.
        parenchyma: liver without vessels and lesions, bool.
        liver: all of it, lesions and vessels too, bool.
    """

    number: Tensor
    tissues: Tensor
    parenchyma: Tensor
    liver: Tensor


def conspicuity(hu: Tensor, lesions: LesionMaps, spacing_mm: tuple[float, float, float]) -> Tensor:
    """How far each lesion stands out of the liver around it.

    A lesion stands out as far as the most conspicuous of its tissues, a rim or a core: the
    difference of its mean to that of the parenchyma in a cube of 30 mm, over the spread that a mean
    of as many voxels has in parenchyma. That spread is taken from cubes of 7.5 mm, which hold the
    correlation of noise, and falls with the root of the volume, down to 1 HU. Voxels that touch
    what is not liver do not count: fat that shares them makes any lesion look dark.

    Args:
        hu: image (z, y, x).
        lesions: where they lie, same shape.
        spacing_mm: edges of a voxel (z, y, x).

    Returns:
        Conspicuity by number: zero where all its voxels touch what is not liver, infinite for 0
        and where there is no parenchyma to compare with.
    """
    number, tissues, parenchyma, liver = lesions
    count = int(number.max())
    stands_out = torch.full((count + 1,), torch.inf, device=hu.device)
    if count == 0 or not bool(parenchyma.any()):
        return stands_out
    values = hu.float()
    around, has_around = _mean_of(values, parenchyma, _cube(_AROUND_MM, spacing_mm))
    patch = _cube(_PATCH_MM, spacing_mm)
    rest = values - around
    evened, is_patch = _mean_of(rest, parenchyma, patch)
    # Means of patches that are mostly parenchyma; all voxels where the liver is too thin for any.
    whole = parenchyma & (is_patch > 0.8)
    even = evened[whole] if bool(whole.any()) else rest[parenchyma]
    patch_hu, voxel_hu = even.std(correction=0), rest[parenchyma].std(correction=0)

    compared = (number > 0) & (has_around > 0)
    stands_out[number[compared].long()] = 0.0
    inside = compared & (_box_mean((~liver).float(), (3, 3, 3)) < 1e-3)
    codes = number[inside].long() * 256 + tissues[inside].long()
    pairs, which, sizes = torch.unique(codes, return_inverse=True, return_counts=True)
    sums = torch.zeros(len(pairs), device=hu.device).index_add_(0, which, rest[inside])
    spread = patch_hu * (math.prod(patch) / sizes).sqrt()
    spread = torch.minimum(spread.clamp(min=_LEAST_HU), voxel_hu.clamp(min=_LEAST_HU))
    return stands_out.scatter_reduce(0, pairs // 256, (sums / sizes).abs() / spread, "amax")


def _cube(edge_mm: float, spacing_mm: tuple[float, float, float]) -> tuple[int, ...]:
    """Voxels along the axes, odd."""
    return tuple(
        2 * round((edge_mm / step - 1) / 2) + 1 if step < edge_mm else 1 for step in spacing_mm
    )


def _mean_of(values: Tensor, where: Tensor, size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean over the marked voxels in a box around each voxel, and the share that is marked."""
    share = _box_mean(where.float(), size)
    total = _box_mean(torch.where(where, values, 0.0), size)
    is_any = share > 1e-4
    return torch.where(is_any, total / share, 0.0), torch.where(is_any, share, 0.0)


def _box_mean(values: Tensor, size: tuple[int, ...]) -> Tensor:
    """Mean over a box of odd size around each voxel (z, y, x); zero beyond the ends."""
    z, y, x = (_band(n, width, values.device) for n, width in zip(values.shape, size, strict=True))
    return along_axes(values, (z, y, x))


def _band(length: int, width: int, device: torch.device) -> Tensor:
    """Symmetric weights (length, length) of a moving mean over an odd width."""
    place = torch.arange(length, device=device)
    return ((place[:, None] - place).abs() <= width // 2).float() / width
