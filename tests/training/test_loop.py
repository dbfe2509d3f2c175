from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from lvt_track.errors import LvtError
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.loop import (
    Batch,
    LoopSettings,
    Progress,
    TrainingRun,
    averaged_network,
    train,
)

CPU = torch.device("cpu")
SIZE = NetworkParameters((4, 8, 8), (1, 1))


def toy_batch(number: int) -> Batch:
    """A bright cube with a dark core and a brighter rod: liver, tumour, vessel."""
    generator = torch.Generator().manual_seed(number)
    z, y, x = (int(torch.randint(1, 6, (), generator=generator)) for _ in range(3))
    target = torch.zeros(1, 3, 16, 16, 16, dtype=torch.bool)
    target[0, 0, z : z + 9, y : y + 9, x : x + 9] = True
    target[0, 1, z + 1 : z + 8, y + 1 : y + 3, x + 1 : x + 3] = True
    target[0, 2, z + 4 : z + 8, y + 4 : y + 8, x + 4 : x + 8] = True
    image = target[:, :1] * 0.6 + target[:, 1:2] * 0.8 - target[:, 2:] * 0.3 - 0.5
    image = image + 0.05 * torch.randn(image.shape, generator=generator)
    return Batch(image, target, torch.ones_like(target))


def new_network() -> ResidualUNet:
    torch.manual_seed(0)
    return ResidualUNet(SIZE)


def test_learns_a_toy(tmp_path: Path) -> None:
    settings = LoopSettings(
        steps=200, learning_rate=1e-2, warmup_steps=5, ema_decay=0.9, half_precision=False
    )
    seen: list[Progress] = []
    network = train(new_network(), toy_batch, settings, TrainingRun(tmp_path, CPU, seen.append))
    assert [p.step for p in seen] == list(range(1, 201))
    batch = toy_batch(10_000)
    with torch.inference_mode():
        found = network(batch.image) > 0
    dice = (
        2
        * (found & batch.target).sum((0, 2, 3, 4))
        / (found.sum((0, 2, 3, 4)) + batch.target.sum((0, 2, 3, 4)))
    )
    assert dice.min() > 0.8
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert len(rows) == 20
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert float(rows[-1]["learning_rate"]) < 1e-3


class KilledError(Exception):
    pass


def test_killed_and_resumed_equals_never_killed(tmp_path: Path) -> None:
    settings = LoopSettings(steps=12, warmup_steps=3, checkpoint_s=0.0, log_steps=1, scales=2)

    def kill(progress: Progress) -> None:
        if progress.step == 7:
            raise KilledError

    whole = train(new_network(), toy_batch, settings, TrainingRun(tmp_path / "whole", CPU))
    with pytest.raises(KilledError):
        train(new_network(), toy_batch, settings, TrainingRun(tmp_path / "killed", CPU, kill))
    torch.manual_seed(99)
    resumed = train(ResidualUNet(SIZE), toy_batch, settings, TrainingRun(tmp_path / "killed", CPU))
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    rows = (tmp_path / "killed" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [str(n) for n in range(1, 13)]
    again, step, seconds = averaged_network(ResidualUNet(SIZE), tmp_path / "killed")
    assert step == 12
    assert seconds > 0
    assert torch.equal(again.head.weight, resumed.head.weight)


def test_loss_that_is_not_a_number_stops_with_the_batch_saved(tmp_path: Path) -> None:
    def spoiled(number: int) -> Batch:
        batch = toy_batch(number)
        return Batch(batch.image * float("nan"), batch.target, batch.known)

    with pytest.raises(LvtError, match="not a number at step 0"):
        train(new_network(), spoiled, LoopSettings(steps=2), TrainingRun(tmp_path, CPU))
    assert (tmp_path / "not-finite-0.safetensors").exists()


def test_budget_of_time_ends_training(tmp_path: Path) -> None:
    settings = LoopSettings(budget_s=0.3)
    seen: list[Progress] = []
    train(new_network(), toy_batch, settings, TrainingRun(tmp_path, CPU, seen.append))
    assert seen[-1].seconds >= 0.3
    assert len(seen) >= 2
    with pytest.raises(ValueError, match="budget"):
        LoopSettings()
    with pytest.raises(ValueError, match="steps must be positive"):
        LoopSettings(steps=0)
