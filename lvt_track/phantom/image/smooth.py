"""Filters along the axes of a volume, in torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["along_axes", "smooth"]

# A narrower filter than this, in voxels, changes nothing.
_LEAST_SIGMA = 0.15


def smooth(volume: Tensor, sigma_zyx: tuple[float, float, float]) -> Tensor:
    """Gaussian filter of a (z, y, x) volume; widths in voxels, edges repeated."""
    z, y, x = (
        _gaussian(size, sigma, volume.device) if sigma >= _LEAST_SIGMA else None
        for size, sigma in zip(volume.shape, sigma_zyx, strict=True)
    )
    return along_axes(volume, (z, y, x))


def along_axes(
    volume: Tensor, weights: tuple[Tensor | None, Tensor | None, Tensor | None]
) -> Tensor:
    """A volume (z, y, x) whose lines along each axis are multiplied by a matrix.

    A filter as a matrix multiplies zeros, and is yet several times as fast as a convolution of one
    channel or sums that slide.

    Args:
        volume: float32.
        weights: for each axis (to, from); None to leave it as it is.
    """
    along_z, along_y, along_x = weights
    if along_x is not None:
        volume = volume @ along_x.T
    if along_y is not None:
        volume = along_y @ volume
    if along_z is not None:
        volume = (along_z @ volume.flatten(1)).view(volume.shape)
    return volume


def _gaussian(size: int, sigma: float, device: torch.device) -> Tensor:
    """Weights (size, size) of a Gaussian filter whose ends are repeated."""
    half = max(1, math.ceil(2.5 * sigma))
    place = torch.arange(size + 2 * half, device=device) - half
    apart = (place - torch.arange(size, device=device)[:, None]).abs()
    weights = torch.where(apart <= half, torch.exp(-0.5 * (apart / sigma) ** 2), 0.0)
    weights = weights / weights.sum(dim=1, keepdim=True)
    inside = weights[:, half:-half].clone()
    inside[:, 0] += weights[:, :half].sum(dim=1)
    inside[:, -1] += weights[:, -half:].sum(dim=1)
    return inside
