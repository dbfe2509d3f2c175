"""Gaussian filter of a volume, in torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["smooth"]


def _gaussian(sigma: float, device: torch.device) -> Tensor:
    half = max(1, math.ceil(2.5 * sigma))
    at = torch.arange(-half, half + 1, device=device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (at / max(sigma, 1e-3)) ** 2)
    return kernel / kernel.sum()


def smooth(volume: Tensor, sigma_zyx: tuple[float, float, float]) -> Tensor:
    """Gaussian filter of a (z, y, x) volume; widths in voxels, edges repeated."""
    out = volume[None, None]
    for axis, sigma in enumerate(sigma_zyx):
        if sigma < 0.15:
            continue
        kernel = _gaussian(sigma, volume.device)
        half = (len(kernel) - 1) // 2
        shape, pad = [1, 1, 1, 1, 1], [0] * 6
        shape[2 + axis] = len(kernel)
        pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = half
        out = functional.conv3d(functional.pad(out, pad, mode="replicate"), kernel.view(shape))
    return out[0, 0]
