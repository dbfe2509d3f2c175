"""How far what a network's convolutions read reaches: measured once, kept beside the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import InputPeaks

__all__ = ["measured_peaks"]

# One voxel in ten thousand is cut; with all kept, or one in a thousand cut, tumours of phantoms
# are drawn less alike.
_KEPT = 0.9999
# Of the largest peak: a channel that is silent in the windows may speak in others.
_LEAST = 1e-3


def measured_peaks(
    network: ResidualUNet, windows: Iterable[Tensor], skip: tuple[str, ...] = ("stem.0", "head")
) -> InputPeaks:
    """Peaks of all convolutions but some, over windows.

    Args:
        network: on the CPU.
        windows: what it sees (z, y, x).
        skip: convolutions that stay in float, by name: the first, where brightness is told, and
            the last, where 256 steps would show; both cost next to nothing.
    """
    peaks: dict[str, NDArray[np.float32]] = {}
    handles = [
        layer.register_forward_pre_hook(_noting(name, peaks))
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv3d) and name not in skip
    ]
    try:
        with torch.inference_mode():
            for window in windows:
                network(window[None, None])
    finally:
        for handle in handles:
            handle.remove()
    return {name: np.maximum(peak, _LEAST * peak.max()) for name, peak in peaks.items()}


def _noting(
    name: str, peaks: dict[str, NDArray[np.float32]]
) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0][0].abs().flatten(1)
        above = int((1.0 - _KEPT) * values.shape[1])
        peak = values.topk(above + 1, dim=1).values[:, -1].float().numpy()
        peaks[name] = np.maximum(peaks.get(name, peak), peak)

    return note
