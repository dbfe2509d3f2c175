from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from lvt_track.errors import UsageError
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.configuration import PatchChoice
from lvt_track.training.datasets.prepared import Fingerprint, Span
from lvt_track.training.objective.supervision import SupervisedNetwork
from lvt_track.training.plan import bytes_per_voxel, plan_network, plan_patches

GIB = 1024**3
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Dataset:
    """What planning reads of a dataset."""

    fingerprint: Fingerprint


def dataset(spacing_mm: Triple, shape: Triple) -> Any:
    spacing, size = (Span(value, value, value) for value in (spacing_mm, shape))
    return Dataset(Fingerprint(spacing, size, {}))


def network(*channels: int) -> SupervisedNetwork:
    blocks = (1,) * (len(channels) - 1)
    return SupervisedNetwork(ResidualUNet(NetworkParameters(channels, blocks)), 1)


SMALL = network(8, 16, 32)
SCANS = [
    dataset((5.0, 0.8, 0.8), (60, 512, 512)),
    dataset((1.0, 0.7, 0.7), (400, 512, 512)),
    dataset((2.0, 0.9, 0.9), (150, 512, 512)),
]


def test_patch_fits_the_memory_and_the_network() -> None:
    edges = []
    for memory in (GIB // 4, GIB, 4 * GIB):
        plan = plan_patches(SCANS, SMALL, PatchChoice(spacing_mm=(2, 0.8, 0.8)), memory)
        assert all(n % 4 == 0 and n >= 8 for n in plan.patch)
        needed = np.prod(plan.patch) * bytes_per_voxel(SMALL) * plan.samples
        assert needed <= memory
        lengths_mm = np.array(plan.patch) * plan.spacing_mm
        assert np.ptp(lengths_mm) <= 0.25 * max(lengths_mm)
        edges.append(np.prod(plan.patch))
    assert edges == sorted(edges)
    assert edges[0] < edges[-1]


def test_spacing_is_the_median_or_coarser_where_a_patch_would_be_short() -> None:
    assert plan_patches(SCANS, SMALL, PatchChoice(), 24 * GIB).spacing_mm == (2.0, 0.8, 0.8)
    plan = plan_patches(SCANS, SMALL, PatchChoice(), GIB // 16)
    assert min(np.array(plan.patch) * plan.spacing_mm) >= 100.0
    assert min(plan.spacing_mm) > 0.8


def test_patch_is_no_larger_than_the_scans() -> None:
    thin = dataset((5.0, 1.0, 1.0), (20, 300, 300))
    plan = plan_patches([thin], SMALL, PatchChoice(), 24 * GIB)
    assert plan.patch[0] == 20
    assert plan.patch[1] > 100


def test_what_is_said_is_kept() -> None:
    choice = PatchChoice((16, 20, 24), (3.0, 3.0, 3.0), samples=3, window_level_hu=40.0)
    plan = plan_patches(SCANS, SMALL, choice, GIB)
    assert (plan.patch, plan.spacing_mm, plan.samples) == ((16, 20, 24), (3.0, 3.0, 3.0), 3)
    assert plan.window_level_hu == 40.0
    with pytest.raises(UsageError, match="multiples of 4"):
        plan_patches(SCANS, SMALL, PatchChoice(patch=(16, 20, 22)), GIB)
    with pytest.raises(UsageError, match="too small"):
        plan_patches(SCANS, SMALL, PatchChoice(), 1000)
    with pytest.raises(ValueError, match="samples"):
        PatchChoice(samples=0)


def test_what_a_step_keeps_grows_with_the_channels() -> None:
    # Full resolution dominates: twice the channels, about twice the bytes.
    one, two = bytes_per_voxel(SMALL), bytes_per_voxel(network(16, 32, 64))
    assert 1.6 < two / one < 2.2
    assert one > 8 * 4


def test_network_suits_the_device() -> None:
    assert plan_network(torch.device("cpu"), 64 * GIB) == NetworkParameters()
    assert plan_network(torch.device("cuda"), 24 * GIB).channels[-1] == 320
    assert plan_network(torch.device("cuda"), 4 * GIB) == NetworkParameters()
