"""Whether torch may compute a network in bfloat16 on a device."""

from __future__ import annotations

import functools

import torch

from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet

__all__ = ["bfloat16_is_sound"]

_LARGEST_ERROR = 0.05


@functools.cache
def bfloat16_is_sound(device: str | torch.device) -> bool:
    """Whether bfloat16 is fast here and gives what float32 gives, tried on a small network.

    On CPUs it pays only where the processor multiplies bfloat16 itself (AVX-512 BF16), and PyTorch
    has had wrong bfloat16 convolutions there (issue 169688); hence the trial, once per process.
    """
    device = torch.device(device)
    if device.type == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return False
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return False
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        network = ResidualUNet(NetworkParameters((8, 16, 32), (1, 1))).to(device).eval()
        image = torch.randn(1, 1, 16, 16, 24).to(device)
        exact = network(image).sigmoid()
        with torch.autocast(device.type, dtype=torch.bfloat16):
            quick = network(image).float().sigmoid()
    return bool((quick - exact).abs().max() < _LARGEST_ERROR)
