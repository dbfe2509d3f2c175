"""The training loop, top to bottom.

A batch is a pure function of its number, so a run that was killed and resumed takes the same steps
as one that was not. Started by `torchrun`, every process takes its share of the batches and the
gradients are summed; the same code runs alone on one CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, distributed

from lvt_track.core.volume import CLASSES
from lvt_track.errors import LvtError
from lvt_track.io.spreadsheets.writing import append_row
from lvt_track.segment.network.half_precision import bfloat16_is_sound
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.batches.batch import Batch
from lvt_track.training.memory import keep_freed_memory
from lvt_track.training.objective.methods import MULTILABEL, Method
from lvt_track.training.objective.supervision import SupervisedNetwork, supervised_loss
from lvt_track.training.processes import rank, world_size

__all__ = [
    "CHECKPOINT",
    "METRICS",
    "Batch",
    "LoopSettings",
    "Progress",
    "TrainingRun",
    "averaged_network",
    "train",
]

CHECKPOINT = "checkpoint.pt"
METRICS = "metrics.csv"
_COLUMNS = ("step", "seconds", "loss", "learning_rate", *(f"dice_{name}" for name in CLASSES))


@dataclass(frozen=True)
class LoopSettings:
    """How to learn.

    Attributes:
        steps: steps to take; None for as many as the budget allows.
        budget_s: seconds to train for, over all resumed runs; None for no limit. One of the two
            is needed; only a budget of steps is resumed exactly, as time sets the learning rate.
        learning_rate: of AdamW, after the warm-up and before the decay.
        warmup_steps: steps over which it rises.
        decay_share: last share of the budget, over which it falls to zero.
        weight_decay: of AdamW.
        gradient_clip: largest norm of the gradient.
        half_precision: compute in bfloat16 where the device is sound at it.
        ema_decay: of the moving average of the weights, which is the result.
        checkpoint_s: seconds between checkpoints.
        log_steps: steps per row of the metrics file.
        scales: resolutions of the decoder that are told the labels; 1 for the full one alone.
    """

    steps: int | None = None
    budget_s: float | None = None
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    decay_share: float = 0.25
    weight_decay: float = 1e-2
    gradient_clip: float = 1.0
    half_precision: bool = True
    ema_decay: float = 0.998
    checkpoint_s: float = 120.0
    log_steps: int = 10
    scales: int = 1

    def __post_init__(self) -> None:
        if self.steps is None and self.budget_s is None:
            raise ValueError("training needs a number of steps or a budget in seconds")
        for name in ("steps", "budget_s", "learning_rate", "warmup_steps", "decay_share"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive, got {value}")

    def progress(self, step: int, seconds: float) -> float:
        """Share of the budget that is used, from 0; 1 or more is the end."""
        shares = [0.0]
        if self.steps is not None:
            shares.append(step / self.steps)
        if self.budget_s is not None:
            shares.append(seconds / self.budget_s)
        return max(shares)

    def rate(self, step: int, progress: float) -> float:
        """Learning rate: warm-up, plateau, linear decay."""
        warmup = min(1.0, (step + 1) / self.warmup_steps)
        decay = min(1.0, max(0.0, 1.0 - progress) / self.decay_share)
        return self.learning_rate * warmup * decay


@dataclass(frozen=True)
class Progress:
    """Where training stands after a step.

    Attributes:
        step: steps taken.
        seconds: of training, over all resumed runs.
        share: of the budget that was used before this step.
        loss: of this step's batch.
        dice: per class over the known voxels of the batch; NaN where it does not occur.
    """

    step: int
    seconds: float
    share: float
    loss: float
    dice: tuple[float, ...]


@dataclass(frozen=True)
class TrainingRun:
    """Where a training takes place, and who hears of it.

    Attributes:
        folder: for `checkpoint.pt` and `metrics.csv`; made if missing.
        device: to train on.
        on_step: called after each step.
        on_checkpoint: told after each checkpoint but the last what would be returned now, the
            step and the seconds. The time it takes counts as training.
    """

    folder: Path
    device: torch.device
    on_step: Callable[[Progress], None] | None = None
    on_checkpoint: Callable[[ResidualUNet, int, float], None] | None = None


@dataclass(frozen=True, eq=False)
class _Learner:
    """What a checkpoint holds: the network that is trained, the average of its weights, AdamW."""

    trained: SupervisedNetwork
    average: list[Tensor]
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(cls, trained: SupervisedNetwork, settings: LoopSettings) -> _Learner:
        """Before the first step."""
        weights = list(trained.parameters())
        optimizer = torch.optim.AdamW(
            weights, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        return cls(trained, [weight.detach().clone() for weight in weights], optimizer)

    def set_rate(self, rate: float) -> None:
        """Learn at this rate from now on."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def descend(self, loss: Tensor, settings: LoopSettings, step: int) -> None:
        """One step down the gradient of all processes; the average follows, at first faster."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        weights: list[Tensor] = list(self.trained.parameters())
        for weight in weights:
            if weight.grad is not None:
                _sum_over_processes(weight.grad)
        torch.nn.utils.clip_grad_norm_(weights, settings.gradient_clip)
        self.optimizer.step()
        decay = min(settings.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, weights, 1.0 - decay)


def train(
    network: ResidualUNet,
    batch_at: Callable[[int], Batch],
    settings: LoopSettings,
    run: TrainingRun,
    method: Method = MULTILABEL,
) -> ResidualUNet:
    """Train a network, or go on where the folder's checkpoint stands.

    Args:
        network: to be trained, in place.
        batch_at: the batch with this number; the same number must give the same batch.
        settings: how.
        run: where.
        method: how to learn from partial labels; reads the logits of the network's head.

    Returns:
        A network with the moving average of the weights, on the CPU, ready to run.

    Raises:
        LvtError: when the loss is not a number; the batch is then saved in the folder.
    """
    folder, device = run.folder, run.device
    folder.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    number, world = rank(), world_size()
    learner = _Learner.of(SupervisedNetwork(network, settings.scales).to(device).train(), settings)
    trained, average = learner.trained, learner.average
    half = settings.half_precision and bfloat16_is_sound(device)
    # Patches are all of one size, for which the quickest convolutions are worth looking for.
    torch.backends.cudnn.benchmark = True
    step, seconds = _resume(folder, learner)
    if number == 0:
        _forget_after(folder / METRICS, step)
    started, saved = time.perf_counter() - seconds, seconds
    recent: list[Tensor] = []

    while (share := settings.progress(step, seconds)) < 1.0:
        batch = batch_at(step * world + number).to(device)
        rate = settings.rate(step, share)
        learner.set_rate(rate)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            logits = trained(batch.image)
        loss = supervised_loss(logits, batch, method, _sum_over_processes)
        if not torch.isfinite(loss):
            _save_batch(batch, folder / f"not-finite-{step}.safetensors", step)
        step += 1
        learner.descend(loss, settings, step)

        dice = _dice(network.per_class(logits[0].detach()), batch)
        recent.append(torch.cat([loss.detach()[None], dice]))
        seconds = _slowest(time.perf_counter() - started)
        if len(recent) == settings.log_steps:
            means = torch.stack(recent).nanmean(dim=0).tolist()
            recent.clear()
            if number == 0:
                values = [step, round(seconds, 1), means[0], rate, *means[1:]]
                append_row(folder / METRICS, _COLUMNS, [f"{value:.6g}" for value in values])
        if number == 0 and seconds - saved > settings.checkpoint_s:
            _save(folder, learner, step, seconds)
            saved = seconds
            if run.on_checkpoint is not None:
                run.on_checkpoint(_averaged(network, average), step, seconds)
        if run.on_step is not None:
            run.on_step(Progress(step, seconds, share, loss.item(), tuple(dice.tolist())))

    if number == 0:
        _save(folder, learner, step, seconds)
    return _averaged(network, average)


def averaged_network(network: ResidualUNet, folder: Path) -> tuple[ResidualUNet, int, float]:
    """The moving average in a folder's checkpoint, its step and its seconds of training.

    Args:
        network: of the same size; filled in place.
        folder: of a run of `train`.
    """
    state = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    _fill(network, state["average"])
    return network.eval(), state["step"], state["seconds"]


def _resume(folder: Path, learner: _Learner) -> tuple[int, float]:
    """Step and seconds of the folder's checkpoint, which is taken over; zero without one."""
    path = folder / CHECKPOINT
    if not path.exists():
        return 0, 0.0
    device = learner.average[0].device
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    learner.trained.network.load_state_dict(state["network"])
    learner.trained.heads.load_state_dict(state["heads"])
    learner.optimizer.load_state_dict(state["optimizer"])
    for tensor, saved in zip(learner.average, state["average"], strict=True):
        tensor.copy_(saved)
    return state["step"], state["seconds"]


def _save(folder: Path, learner: _Learner, step: int, seconds: float) -> None:
    """Write the checkpoint beside its place and move it there whole."""
    state = {
        "network": learner.trained.network.state_dict(),
        "heads": learner.trained.heads.state_dict(),
        "average": learner.average,
        "optimizer": learner.optimizer.state_dict(),
        "step": step,
        "seconds": seconds,
    }
    partial = folder / f"{CHECKPOINT}.partial"
    torch.save(state, partial)
    partial.replace(folder / CHECKPOINT)


def _averaged(network: ResidualUNet, average: list[Tensor]) -> ResidualUNet:
    """A network of the same size with other weights, on the CPU, ready to run."""
    result = ResidualUNet(network.parameters_of_size)
    _fill(result, average)
    return result.eval()


def _fill(network: ResidualUNet, values: list[Tensor]) -> None:
    """Set the weights; values beyond them are those of supervision heads."""
    with torch.no_grad():
        for weight, value in zip(network.parameters(), values, strict=False):
            weight.copy_(value)


def _save_batch(batch: Batch, path: Path, step: int) -> None:
    tensors = {
        "image": batch.image,
        "target": batch.target,
        "known": batch.known,
        "annotated": batch.annotated,
    }
    save_file(tensors, path)
    raise LvtError(
        f"the loss is not a number at step {step}; its batch is saved here",
        path=path,
        remedy="Look at the batch, or train at a lower learning rate from the last checkpoint",
    )


def _dice(logits: Tensor, batch: Batch) -> Tensor:
    """Hard Dice per class over the batch (classes,); NaN where the class does not occur."""
    predicted = (logits > 0) & batch.known
    truth = batch.target & batch.known
    axes = (0, 2, 3, 4)
    overlap = (predicted & truth).sum(axes).float()
    dice: Tensor = 2.0 * overlap / (predicted.sum(axes) + truth.sum(axes))
    return torch.where(truth.sum(axes) > 0, dice, torch.nan)


def _forget_after(path: Path, step: int) -> None:
    """Drop the rows of steps that are taken again, because they came after the checkpoint."""
    if path.exists():
        head, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [row for row in rows if int(row.split(",")[0]) <= step]
        path.write_text("".join([head, *kept]), encoding="utf-8")


def _sum_over_processes(value: Tensor) -> Tensor:
    if distributed.is_initialized():
        distributed.all_reduce(value)
    return value


def _slowest(seconds: float) -> float:
    """The same time in all processes, so that they stop at the same step."""
    if not distributed.is_initialized():
        return seconds
    value = torch.tensor(seconds, dtype=torch.float64)
    distributed.all_reduce(value, op=distributed.ReduceOp.MAX)
    return float(value)
