"""Patch and spacing from what the scans are like and how much memory there is."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lvt_track.errors import UsageError
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.training.batches.patches import WINDOW_LEVEL_HU, WINDOW_WIDTH_HU, PatchPlan
from lvt_track.training.configuration import PatchChoice
from lvt_track.training.datasets.prepared import PreparedDataset
from lvt_track.training.objective.supervision import SupervisedNetwork

__all__ = ["bytes_per_voxel", "memory_bytes", "plan_network", "plan_patches"]

LARGE = NetworkParameters((32, 64, 128, 256, 320, 320), (3, 4, 6, 6, 6))
"""Network for a GPU, of the size of nnU-Net's residual encoder M (Isensee et al., 2024)."""

_LARGE_NEEDS_BYTES = 10 * 1024**3
# On a CPU time is what is scarce, not memory.
_CPU_BYTES = 2 * 1024**3
# Weights, gradients, the optimizer and the workspace of convolutions stand beside activations.
_SHARE_OF_MEMORY = 0.6
_LEAST_PATCH_MM = 100.0
# Larger patches show nothing more of a liver, and steps would become few.
_MOST_VOXELS = 160**3


def memory_bytes(device: torch.device) -> int:
    """Memory at hand for training on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return min(free, _CPU_BYTES)


def plan_network(device: torch.device, memory: int) -> NetworkParameters:
    """A network that suits a device: the large one for a GPU with room for it."""
    if device.type == "cuda" and memory >= _LARGE_NEEDS_BYTES:
        return LARGE
    return NetworkParameters()


def plan_patches(
    datasets: Sequence[PreparedDataset],
    network: SupervisedNetwork,
    choice: PatchChoice,
    memory: int,
) -> PatchPlan:
    """Complete what is said of patches.

    The spacing is the median of the datasets' median spacings. The patch is as long along each axis
    as the memory allows, in mm, and no longer than the median scan. Where it would be shorter than
    100 mm, too short to tell the liver from its neighbours, the spacing is made coarser.

    Args:
        datasets: to learn from.
        network: that is to be trained.
        choice: what is said; kept.
        memory: bytes at hand.

    Raises:
        UsageError: when a chosen patch does not suit the network, or the memory is too small for
            any.
    """
    stride = network.network.parameters_of_size.stride
    room = _SHARE_OF_MEMORY * memory / bytes_per_voxel(network) / choice.samples
    room = min(room, _MOST_VOXELS)
    spacing_mm = np.array(
        choice.spacing_mm
        or np.median([data.fingerprint.spacing_mm.median for data in datasets], axis=0)
    )
    if choice.patch is not None:
        patch = np.array(choice.patch)
        if any(patch % stride) or min(patch) < 2 * stride:
            raise UsageError(
                f"this network takes patches of multiples of {stride} from {2 * stride} on, "
                f"not {choice.patch}"
            )
    else:
        size_mm = np.median(
            [
                np.array(data.fingerprint.shape.median) * data.fingerprint.spacing_mm.median
                for data in datasets
            ],
            axis=0,
        )
        patch = _largest(spacing_mm, size_mm, stride, room)
        while choice.spacing_mm is None and min(patch * spacing_mm) < min(
            _LEAST_PATCH_MM, *size_mm
        ):
            spacing_mm = np.maximum(spacing_mm, min(1.1 * min(spacing_mm), max(spacing_mm)))
            if np.ptp(spacing_mm) < 1e-6:
                spacing_mm = 1.1 * spacing_mm
            patch = _largest(spacing_mm, size_mm, stride, room)
    z, y, x = (int(n) for n in patch)
    dz, dy, dx = (round(float(s), 3) for s in spacing_mm)
    return PatchPlan(
        (z, y, x),
        (dz, dy, dx),
        choice.samples,
        choice.foreground_share,
        WINDOW_LEVEL_HU if choice.window_level_hu is None else choice.window_level_hu,
        WINDOW_WIDTH_HU if choice.window_width_hu is None else choice.window_width_hu,
    )


def bytes_per_voxel(network: SupervisedNetwork) -> float:
    """What a training step keeps for its way back, per voxel of the input, in float32."""
    edge = 2 * network.network.parameters_of_size.stride
    kept: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        kept[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return value

    device = next(network.parameters()).device
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        # The result holds the graph, and with it the storages, until all are counted.
        logits = network(torch.zeros(1, 1, edge, edge, edge, device=device))
    total = sum(size for place, size in kept.items() if place not in weights)
    # The loss keeps about two copies of the logits.
    total += sum(2 * level.nelement() * level.element_size() for level in logits)
    return float(total / edge**3)


def _largest(spacing_mm: np.ndarray, size_mm: np.ndarray, stride: int, room: float) -> np.ndarray:
    """The longest patch, alike along each axis in mm, of at most so many voxels."""
    longest = np.ceil(size_mm / spacing_mm / stride) * stride
    patch = np.full(3, 2 * stride)
    if np.prod(patch) > room:
        raise UsageError(
            "the memory at hand is too small for this network",
            remedy="Choose fewer channels or samples in the configuration",
        )
    while True:
        # The axis that is shortest in mm grows next.
        for axis in np.argsort(patch * spacing_mm):
            grown = patch.copy()
            grown[axis] += stride
            if grown[axis] <= max(longest[axis], 2 * stride) and np.prod(grown) <= room:
                patch = grown
                break
        else:
            return patch
