"""One training, from planned sizes to the written model; alone or in several processes."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lvt_track.core.threads import allowed_cores
from lvt_track.segment.cards import Card, Part
from lvt_track.segment.models import load_model, save_model
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import Network
from lvt_track.training.batches.patches import PatchBatches, PatchPlan, TrainingScan
from lvt_track.training.batches.prefetch import Ahead
from lvt_track.training.configuration import TrainingConfiguration
from lvt_track.training.datasets.prepared import PreparedDataset
from lvt_track.training.initialization import Start, starting_model
from lvt_track.training.loop import Progress, TrainingRun, averaged_network, train
from lvt_track.training.objective.supervision import SupervisedNetwork
from lvt_track.training.plan import memory_bytes, plan_network, plan_patches
from lvt_track.training.processes import device_of_process, world_size
from lvt_track.training.score import judge
from lvt_track.training.validation import ValidationCurve

__all__ = ["Session"]

_VERSION = "1"
_MOST_THREADS = 8


@dataclass(frozen=True, eq=False)
class Session:
    """A training whose sizes are settled.

    Attributes:
        configuration: what was asked for.
        network: size of the network.
        plan: what patches are like.
        device: where it trains.
        start: the model it starts from; None to start from chance.
    """

    configuration: TrainingConfiguration
    network: NetworkParameters
    plan: PatchPlan
    device: torch.device
    start: Start | None = None

    @classmethod
    def planned(
        cls,
        configuration: TrainingConfiguration,
        datasets: Sequence[PreparedDataset],
        device_name: str,
    ) -> Session:
        """Settle what the configuration leaves open.

        Args:
            configuration: what is asked for.
            datasets: to learn from.
            device_name: as for `device_of_process`.

        Raises:
            UsageError: when there is no such device, the patch does not suit, or the model to start
                from does not.
            InputError: when that model cannot be used.
        """
        device = device_of_process(device_name)
        memory = memory_bytes(device)
        start = starting_model(configuration)
        if start is not None:
            size, choice = start.size, start.choice(configuration.patches)
        else:
            size = configuration.network or plan_network(device, memory)
            choice = configuration.patches
        size = configuration.learns_by.headed(size)
        trial = SupervisedNetwork(ResidualUNet(size).to(device), configuration.learning.scales)
        plan = plan_patches(datasets, trial, choice, memory)
        return cls(configuration, size, plan, device, start)

    def learn(
        self,
        scans: Sequence[TrainingScan],
        folder: Path,
        on_step: Callable[[Progress], None] | None = None,
        curve: ValidationCurve | None = None,
    ) -> ResidualUNet:
        """Train, or go on where the folder's checkpoint stands.

        Args:
            scans: to learn from.
            folder: for the checkpoint and the metrics.
            on_step: called after each step.
            curve: judges the network while it learns.
        """
        asked = self.configuration
        torch.manual_seed(asked.seed)
        network = ResidualUNet(self.network)
        if self.start is not None:
            network.load_state_dict(self.start.network.state_dict())
        world = world_size()
        batches = PatchBatches(
            scans,
            self.plan,
            asked.augmentation,
            asked.seed,
            self.device,
            Ahead(world, max(1, min(_MOST_THREADS, allowed_cores() // 2 // world))),
        )
        with _tensorboard(folder / "tensorboard", on_step) as report_step:
            return train(
                network,
                batches,
                asked.learning,
                TrainingRun(folder, self.device, report_step, curve),
                asked.learns_by,
            )

    def taken(self, folder: Path) -> tuple[int, float]:
        """Steps and seconds of training that the folder's checkpoint has behind it."""
        _, step, seconds = averaged_network(ResidualUNet(self.network), folder)
        return step, seconds

    def judge(self, network: ResidualUNet, scan: TrainingScan) -> Mapping[str, float | None]:
        """Dice of each annotated class; see `judge.judge`."""
        network.to(self.device)
        return judge(network, self.configuration.learns_by, self.plan, scan, self.device)

    def save(
        self,
        network: ResidualUNet,
        datasets: Sequence[PreparedDataset],
        facts: Mapping[str, Any],
        scores: Mapping[str, Any],
        parent: Path,
    ) -> Card:
        """Write the model, with the locator of the default model.

        Args:
            network: the trained one.
            datasets: it learned from.
            facts: of the training, for the card.
            scores: what was measured, for the card.
            parent: folder to write its folder into.
        """
        default = load_model()
        drawn = Part(
            file="segmenter.safetensors",
            sha256="",
            spacing_mm=self.plan.spacing_mm,
            patch=self.plan.patch,
            window_hu=self.plan.window_hu,
            network=self.network,
        )
        licences = [f"{data.name}: {data.licence}" for data in datasets]
        learned_from = [f"{data.title} ({data.citation})" for data in datasets]
        if self.start is not None:
            before = self.start.card
            licences.append(f"the model {before.name} it started from: {before.licence}")
            learned_from.append(f"before that, as {before.name}: {before.training_data}")
        card = Card(
            name=self.configuration.name,
            version=_VERSION,
            licence="As the training data allow. " + "; ".join(licences),
            training_data="; ".join(learned_from),
            locator=default.locator.part,
            segmenter=drawn,
            training=facts,
            scores=scores,
        )
        networks = {"locator": default.locator.network, "segmenter": Network.of(network)}
        return save_model(card, networks, parent)


@contextlib.contextmanager
def _tensorboard(
    folder: Path, on_step: Callable[[Progress], None] | None
) -> Iterator[Callable[[Progress], None] | None]:
    """Tell TensorBoard too, where it is installed, whatever the first process is told."""
    if on_step is None or importlib.util.find_spec("tensorboard") is None:
        yield on_step
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:

        def report_step(progress: Progress) -> None:
            writer.add_scalar("loss", progress.loss, progress.step)
            on_step(progress)

        yield report_step
