"""Sliding windows: a network over a volume larger than its patch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["predict", "window_starts"]

_SIGMA = 1.0 / 8.0


def window_starts(size: int, patch: int, overlap: float) -> list[int]:
    """First voxels of evenly spread windows that cover an axis.

    Args:
        size: voxels along the axis.
        patch: voxels of a window.
        overlap: least share of a window that its neighbour covers too, 0 to below 1.
    """
    if size <= patch:
        return [0]
    count = -int(-(size - patch) // max(1.0, patch * (1.0 - overlap))) + 1
    return [round(i * (size - patch) / (count - 1)) for i in range(count)]


def predict(
    network: nn.Module,
    image: Tensor,
    patch: tuple[int, int, int],
    outputs: int,
    *,
    wanted: Tensor | None = None,
    overlap: float = 0.5,
    half_precision: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """Probabilities over a whole volume, windows blended by a Gaussian.

    Args:
        network: maps (1, 1, z, y, x) to logits (1, outputs, z, y, x); on the image's device.
        image: normalised CT (z, y, x).
        patch: window size; an image smaller than it along an axis is extended by its edge.
        outputs: channels of the network.
        wanted: bool (z, y, x); windows without one True voxel are skipped and stay zero.
        overlap: share of a window that its neighbour covers too.
        half_precision: run convolutions in bfloat16.
        progress: called with the share that is done, 0 to 1.

    Returns:
        float32 (outputs, z, y, x) on the image's device.
    """
    shape = image.shape
    missing = [max(0, p - n) for p, n in zip(patch, shape, strict=True)]
    padding = [n for m in reversed(missing) for n in (m // 2, m - m // 2)]
    image = functional.pad(image[None, None], padding, mode="replicate")[0, 0]
    inner = tuple(slice(m // 2, m // 2 + n) for m, n in zip(missing, shape, strict=True))
    if wanted is not None:
        wanted = functional.pad(wanted[None].float(), padding)[0] > 0
    boxes = [
        tuple(slice(first, first + p) for first, p in zip(corner, patch, strict=True))
        for corner in product(
            *(window_starts(n, p, overlap) for n, p in zip(image.shape, patch, strict=True))
        )
    ]
    if wanted is not None:
        boxes = [box for box in boxes if bool(wanted[box].any())]
    weight = _gaussian(patch).to(image.device)
    total = torch.zeros((outputs, *image.shape), device=image.device)
    weights = torch.zeros(image.shape, device=image.device)
    with (
        torch.inference_mode(),
        torch.autocast(image.device.type, dtype=torch.bfloat16, enabled=half_precision),
    ):
        for done, box in enumerate(boxes, start=1):
            logits = network(image[box][None, None])[0].float()
            total[(slice(None), *box)] += logits.sigmoid() * weight
            weights[box] += weight
            if progress is not None:
                progress(done / len(boxes))
    return (total / weights.clamp(min=torch.finfo(torch.float32).tiny))[(slice(None), *inner)]


def _gaussian(patch: tuple[int, int, int]) -> Tensor:
    """Weight of each voxel of a window: high in its middle, never zero."""
    weight = torch.ones(())
    for size in patch:
        offset = (torch.arange(size) - (size - 1) / 2) / (size * _SIGMA)
        weight = weight[..., None] * torch.exp(-0.5 * offset**2)
    return weight.clamp(min=1e-4)
