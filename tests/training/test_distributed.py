from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing

from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.loop import Batch, LoopSettings, TrainingRun, train

CPU = torch.device("cpu")
SETTINGS = LoopSettings(steps=4, warmup_steps=1, log_steps=2, half_precision=False, scales=2)


def sample(number: int) -> Batch:
    generator = torch.Generator().manual_seed(number)
    image = torch.randn(1, 1, 8, 8, 8, generator=generator)
    target = torch.cat([image > -0.5, image > 0.5, image > 1.0], dim=1)
    # Every second sample does not know the tumours.
    known = torch.ones_like(target)
    known[:, 2] = number % 2 == 0
    return Batch(image, target, known)


def pair(number: int) -> Batch:
    one, other = sample(2 * number), sample(2 * number + 1)
    return Batch(
        torch.cat([one.image, other.image]),
        torch.cat([one.target, other.target]),
        torch.cat([one.known, other.known]),
    )


def network() -> ResidualUNet:
    torch.manual_seed(0)
    return ResidualUNet(NetworkParameters((4, 8, 8), (1, 1)))


def half_of_the_work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    trained = train(network(), sample, SETTINGS, TrainingRun(Path(folder), CPU))
    if rank == 0:
        torch.save(trained.state_dict(), Path(folder) / "two.pt")
    distributed.destroy_process_group()


@pytest.mark.skipif(not distributed.is_gloo_available(), reason="torch was built without gloo")
def test_two_processes_equal_one_with_the_same_batch(tmp_path: Path) -> None:
    multiprocessing.spawn(half_of_the_work, args=(str(tmp_path),), nprocs=2)
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    one = train(network(), pair, SETTINGS, TrainingRun(tmp_path / "one", CPU)).state_dict()
    for name, value in one.items():
        assert torch.allclose(value, two[name], atol=1e-5), name
