"""What a training step costs: the masks of our loss, and nnU-Net v2's own step beside ours.

    PYTHONPATH=. python benchmarks/training.py [--patch 64 --rounds 6 --threads 1]

Run it with a Python that has nnunetv2 (pip install nnunetv2) besides torch, pandas and safetensors.
All in one run: the same network, deep supervision at three scales, the same patch and batch, held
in memory. nnU-Net's side is its trainer's own `train_step`, its loss and its optimizer. Time is the
processor's, of one thread, so that other programs do not count. Writes docs/results/training.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor, nn
from torch.nn import functional

from lvt_track.segment.network.half_precision import bfloat16_is_sound
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.batches.batch import Batch
from lvt_track.training.loop import LoopSettings, Progress, TrainingRun, train
from lvt_track.training.objective.methods import OURS
from lvt_track.training.objective.supervision import SupervisedNetwork, supervised_loss
from pages.markdown import markdown_table, write_page

CPU = torch.device("cpu")
SIZE = NetworkParameters()
SCALES = 3
SAMPLES = 2
STEPS = 4


def batch_of(patch: int) -> Batch:
    """Two patches; the second's dataset does not annotate vessels, in a part nothing is known."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn((SAMPLES, 1, patch, patch, patch), generator=generator)
    smooth = functional.avg_pool3d(image, 9, stride=1, padding=4)
    target = torch.cat([smooth > -0.02, smooth > 0.08, smooth > 0.06], dim=1)
    known = torch.ones_like(target)
    known[1, 1] = ~target[1, 0]
    known[:, :, : patch // 8] = False
    return Batch(image, target, known, torch.tensor([[True] * 3, [True, False, True]]))


def ours(batch: Batch, half: bool) -> list[float]:
    """Seconds of the steps of our own loop, the first left out."""
    times = [time.process_time()]

    def note(_: Progress) -> None:
        times.append(time.process_time())

    settings = LoopSettings(
        steps=STEPS, scales=SCALES, half_precision=half, checkpoint_s=1e9, log_steps=STEPS
    )
    with tempfile.TemporaryDirectory() as folder:
        network = ResidualUNet(OURS.headed(SIZE))
        train(network, lambda _: batch, settings, TrainingRun(Path(folder), CPU, note), OURS)
    return list(np.diff(times)[1:])


def theirs(batch: Batch, network: nn.Module, scales: int) -> list[float]:
    """Seconds of steps of nnU-Net's trainer, the first left out."""
    trainer = SimpleNamespace(
        device=CPU,
        network=network,
        grad_scaler=None,
        initial_lr=1e-2,
        weight_decay=3e-5,
        num_epochs=1000,
        is_ddp=False,
        enable_deep_supervision=True,
        label_manager=SimpleNamespace(has_regions=True, ignore_label=None),
        configuration_manager=SimpleNamespace(batch_dice=False),
        _do_i_compile=lambda: False,
        _get_deep_supervision_scales=lambda: list(range(scales)),
    )
    trainer.loss = nnUNetTrainer._build_loss(trainer)
    trainer.optimizer, _ = nnUNetTrainer.configure_optimizers(trainer)
    data = {
        "data": batch.image,
        "target": [batch.every(2**level).target.float() for level in range(scales)],
    }
    times = []
    for _ in range(STEPS):
        start = time.process_time()
        nnUNetTrainer.train_step(trainer, data)
        times.append(time.process_time() - start)
    return times[1:]


def their_network() -> nn.Module:
    """nnU-Net's residual encoder with as many features and blocks per level as ours."""
    levels = len(SIZE.channels)
    return ResidualEncoderUNet(
        input_channels=1,
        n_stages=levels,
        features_per_stage=SIZE.channels,
        conv_op=nn.Conv3d,
        kernel_sizes=3,
        strides=[1] + [2] * (levels - 1),
        n_blocks_per_stage=(1, *SIZE.blocks),
        num_classes=SIZE.outputs,
        n_conv_per_stage_decoder=1,
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
    )


def plain_loss(logits: list[Tensor], batch: Batch) -> Tensor:
    """Cross-entropy and Dice without any mask, at every scale."""
    weights = [0.5**level for level in range(len(logits))]
    total = logits[0].new_zeros(())
    for level, (weight, values) in enumerate(zip(weights, logits, strict=True)):
        truth = batch.every(2**level).target.float()
        probability = values.sigmoid()
        voxels = (2, 3, 4)
        overlap = (probability * truth).sum(voxels)
        dice = (2.0 * overlap + 1.0) / (probability.sum(voxels) + truth.sum(voxels) + 1.0)
        loss = functional.binary_cross_entropy_with_logits(values, truth) + 1.0 - dice.mean()
        total = total + weight / sum(weights) * loss
    return total


def loss_seconds(
    network: SupervisedNetwork, batch: Batch, loss: Callable[[list[Tensor], Batch], Tensor]
) -> float:
    """Seconds of a loss, there and back to the logits."""
    with torch.no_grad():
        logits = network(batch.image)
    logits = [values.requires_grad_() for values in logits]
    start = time.process_time()
    loss(logits, batch).backward()
    return time.process_time() - start


def main() -> None:
    """Measure in turns, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    batch = batch_of(chosen.patch)
    complete = Batch(batch.image, batch.target, torch.ones_like(batch.known))
    network = SupervisedNetwork(ResidualUNet(SIZE), SCALES)

    def masked(logits: list[Tensor], labels: Batch) -> Tensor:
        return supervised_loss(logits, labels, OURS)

    measures: dict[str, Callable[[], list[float]]] = {
        "ours": lambda: ours(batch, half=False),
        "nnU-Net": lambda: theirs(complete, SupervisedNetwork(ResidualUNet(SIZE), SCALES), SCALES),
        "nnU-Net, its network": lambda: theirs(complete, their_network(), len(SIZE.channels) - 1),
        "masked": lambda: [loss_seconds(network, batch, masked)],
        "plain": lambda: [loss_seconds(network, complete, plain_loss)],
    }
    if bfloat16_is_sound(CPU):
        measures["ours, bfloat16"] = lambda: ours(batch, half=True)
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(chosen.rounds):
        for name, measure in measures.items():
            seconds[name] += measure()

    def told(name: str) -> str:
        low, middle, high = np.percentile(seconds[name], [25, 50, 75])
        return f"{middle:.3f} s ({low:.3f} … {high:.3f})"

    step, extra = (float(np.median(seconds[name])) for name in ("ours", "plain"))
    extra = float(np.median(seconds["masked"])) - extra
    rows = [
        ["nnU-Net's step, our network, float32", told("nnU-Net")],
        ["our step, our network, float32", told("ours")],
    ]
    if "ours, bfloat16" in seconds:
        rows.append(["our step as it runs here, bfloat16", told("ours, bfloat16")])
    rows.append(
        ["nnU-Net's step, its residual encoder of the same widths", told("nnU-Net, its network")]
    )
    write_page(
        "training",
        "What a training step costs",
        f"python benchmarks/training.py --patch {chosen.patch} --rounds {chosen.rounds} "
        f"--threads {chosen.threads}",
        f"torch {torch.__version__}, nnunetv2 {version('nnunetv2')}; {SAMPLES} patches of "
        f"{chosen.patch}³, {chosen.rounds} rounds in turns, processor time, median (quartiles). "
        f"Network: channels {SIZE.channels}, blocks {SIZE.blocks}, three scales supervised.",
        markdown_table(["step", "time"], rows),
        "Reading patches and varying them is not counted on either side: batches lie in memory. "
        "nnU-Net's step is the `train_step` of its trainer with the loss it builds for overlapping "
        "regions and its optimizer (SGD), which does not use bfloat16 on a CPU; its targets at the "
        "coarser scales are made beforehand, by its workers. Ours includes them, AdamW, the moving "
        "average of the weights and the Dice of the log.",
        "## What the masks cost",
        markdown_table(
            ["loss, there and back", "time"],
            [["masked per class and voxel", told("masked")], ["without any mask", told("plain")]],
        ),
        f"The masks cost {1000 * extra:.1f} ms, {100 * extra / step:.1f} % of our step in float32"
        + (
            f" and {100 * extra / float(np.median(seconds['ours, bfloat16'])):.1f} % in bfloat16."
            if "ours, bfloat16" in seconds
            else "."
        ),
    )


if __name__ == "__main__":
    main()
