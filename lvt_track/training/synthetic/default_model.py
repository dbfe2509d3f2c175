"""The embedded model, reproduced: its configuration, and one command that trains it.

    python -m lvt_track.training.synthetic.default_model WORK --budget-minutes 120

draws the synthetic patients into WORK, trains the locator and then the segmenter, writes the model
into WORK/models, and goes on where it stopped when called again. With `--start-from default` it
goes on from the weights of a model that is there already, widened where its networks are narrower.
All processor cores draw crops, and a GPU, where there is one, makes images of them; with `torchrun`
in place of `python` several processes share each step.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from lvt_track.core.threads import allowed_cores
from lvt_track.errors import UsageError, run_module
from lvt_track.phantom.body.anatomy import Field
from lvt_track.segment.default_segmenter import DefaultSegmenter
from lvt_track.segment.models import Card, Part, load_model, save_model
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import Network
from lvt_track.training.batches.batch import Batch
from lvt_track.training.batches.prefetch import Ahead, made_by_processes, made_by_threads
from lvt_track.training.history import draw_history
from lvt_track.training.loop import (
    CHECKPOINT,
    METRICS,
    LoopSettings,
    TrainingRun,
    averaged_network,
    train,
)
from lvt_track.training.net2wider import widened
from lvt_track.training.processes import device_of_process, processes, rank, world_size
from lvt_track.training.synthetic.bodies import SyntheticBatches
from lvt_track.training.synthetic.recipe import Recipe
from lvt_track.training.synthetic.subjects import draw_subjects, subject_files

__all__ = ["LOCATOR", "SEGMENTER", "Configuration", "export", "main", "train_part"]

VERSION = "0.11.0"
THRESHOLDS = (0.5, 0.4, 0.5)
"""Of liver, vessels and tumours, chosen by `benchmarks/thresholds.py` on phantoms kept for that."""

FLUID_HU = 15.0
"""Cysts of phantoms have 7 ± 4 HU; hardly any tumour is as dark as this all through."""

_FURTHER_RATE, _FURTHER_DECAY = 6e-4, 0.6
"""Learning rate and last share over which it falls, for weights that have learned already."""


@dataclass(frozen=True)
class Configuration:
    """One network of the default model.

    Attributes:
        name: of the network, and of its folders.
        network: its size.
        recipe: how its images are made.
        body: how much of a body it sees.
        subjects: bodies to draw, by their seeds.
        seed: of weights and batches.
        budget_share: of the whole time.
        looks_finer: whether scans are looked at with the finer voxels of the recipe too.
    """

    name: str
    network: NetworkParameters
    recipe: Recipe
    body: Field
    subjects: range
    seed: int
    budget_share: float
    looks_finer: bool = False


LOCATOR = Configuration(
    name="locator",
    network=NetworkParameters((8, 16, 32, 64, 96), (1, 1, 2, 2), outputs=1),
    recipe=Recipe(4.0, (64, 96, 96), classes=1, follows_liver=0.6, cut_probability=0.3),
    body="abdomen",
    subjects=range(400),
    seed=1,
    budget_share=0.2,
)

SEGMENTER = Configuration(
    name="segmenter",
    # Fluid, 7 ± 25 HU, as the window below has it.
    network=NetworkParameters((32, 64, 96, 128, 192), (1, 2, 2, 2), highlights=((-0.39, 0.143),)),
    recipe=Recipe(
        2.0,
        (80, 80, 80),
        finer=2,
        stretch=0.08,
        window_hu=(-100.0, 250.0),
        follows_liver=0.92,
        noise_hu=(2.5, 18.0),
        fine_share=0.35,
        ascites=0.15,
    ),
    body="upper",
    subjects=range(120),
    seed=2,
    budget_share=0.8,
    looks_finer=True,
)


def train_part(
    part: Configuration,
    work: Path,
    settings: LoopSettings,
    device: torch.device,
    start: ResidualUNet | None = None,
) -> ResidualUNet:
    """Draw one network's patients as far as they are missing, and train it.

    Args:
        part: which network.
        work: folder for patients and checkpoints.
        settings: how long and how fast.
        device: to train on.
        start: a network of the same size whose weights to go on from.
    """
    bodies = work / f"{part.name}-bodies"
    recipe = part.recipe
    cores = allowed_cores()
    world = world_size()
    subjects = part.subjects[rank() :: world]
    draw_subjects(
        bodies, subjects, recipe.spacing_mm / recipe.finer, part.body, max(1, cores // world)
    )
    if world > 1:
        distributed.barrier()
    torch.manual_seed(part.seed)
    network = ResidualUNet(part.network)
    if start is not None:
        network.load_state_dict(start.state_dict())
    files = subject_files(bodies)
    batches: Callable[[int], Batch]
    if device.type == "cuda":
        # Making images is mostly telling the GPU to: a thread does it while the network learns.
        drawing = max(1, (cores - 1) // world)
        made = SyntheticBatches(files, recipe, part.seed, device, Ahead(world, drawing))
        batches = made_by_threads(made, world, 1)
    else:
        # Half of the cores learn, and the others make whole batches.
        ready = SyntheticBatches(files, recipe, part.seed)
        batches = made_by_processes(ready, world, max(1, cores // 2 // world))
    return train(network, batches, settings, TrainingRun(work / part.name, device))


@dataclass(frozen=True, eq=False)
class Start:
    """A model of the same two networks, to go on from.

    Attributes:
        card: of the model, with the sizes of these networks; its checksums are of its own files.
        networks: by name.
    """

    card: Card
    networks: Mapping[str, ResidualUNet]

    @classmethod
    def of(cls, model: str) -> Start:
        """The model of this name or folder; narrower networks are widened.

        Raises:
            InputError: when there is none, or it is damaged.
            UsageError: when it has other networks.
        """
        loaded = load_model(model)
        drawn = loaded.parts[0].segmenter
        if not isinstance(drawn, DefaultSegmenter):
            raise UsageError(f"{model!r} has no networks of this program alone")
        networks = ((LOCATOR, loaded.locator.network), (SEGMENTER, drawn.network))
        try:
            wide = {part.name: widened(old.module, part.network) for part, old in networks}
        except ValueError as error:
            raise UsageError(
                f"the networks of {model!r} are not those of this configuration: {error}"
            ) from error
        locator = replace(drawn.card.locator, network=LOCATOR.network)
        segmenter = replace(drawn.card.segmenter, network=SEGMENTER.network)
        return cls(replace(drawn.card, locator=locator, segmenter=segmenter), wide)


def _seed(part: Configuration, start: Start | None) -> int:
    """Of the batches; those to go on with are not those that the network has seen."""
    if start is None:
        return part.seed
    before: Part = getattr(start.card, part.name)
    return int(before.sha256[:8], 16)


def export(work: Path, parent: Path, start: Start | None = None, samples: int = 1) -> Card:
    """Write the networks of `work` as the model `default`, and draw how they learned.

    Args:
        work: folder that the networks were trained in.
        parent: folder of models to write into.
        start: what they went on from; a network that was not trained is taken from it as it is.
        samples: crops per step.

    Returns:
        The card as written.
    """
    parts: dict[str, Part] = {}
    networks: dict[str, ResidualUNet] = {}
    training: dict[str, Any] = {}
    for part in (LOCATOR, SEGMENTER):
        edge = part.recipe.spacing_mm
        fine = part.recipe.fine_edge * edge
        parts[part.name] = Part(
            file=f"{part.name}.safetensors",
            sha256="",
            spacing_mm=(edge, edge, edge),
            patch=part.recipe.patch,
            window_hu=part.recipe.window_hu,
            network=part.network,
            finer_mm=(fine, fine, fine) if part.looks_finer else None,
        )
        before = start.card.training.get(part.name, {}) if start else {}
        folder = work / part.name
        if start is not None and not (folder / CHECKPOINT).exists():
            networks[part.name], training[part.name] = start.networks[part.name], before
            continue
        networks[part.name], step, seconds = averaged_network(ResidualUNet(part.network), folder)
        if (folder / METRICS).exists():
            draw_history(folder / METRICS, folder / "validation_curve.csv", folder / "metrics.png")
        training[part.name] = {
            "seed": _seed(part, start),
            "subjects": len(subject_files(work / f"{part.name}-bodies")),
            "steps": step,
            "crops": step * samples,
            "minutes": round(seconds / 60.0, 1),
        }
        if start is not None:
            training[part.name]["before"] = {"version": start.card.version, **before}
    card = Card(
        name="default",
        version=VERSION,
        licence="Apache-2.0",
        training_data="Synthetic patients of lvt_track.phantom alone; no real scan was seen",
        locator=parts[LOCATOR.name],
        segmenter=parts[SEGMENTER.name],
        thresholds=THRESHOLDS,
        fluid_hu=FLUID_HU,
        training=training,
    )
    weights = {name: Network.of(network) for name, network in networks.items()}
    return save_model(card, weights, parent)


def main(arguments: list[str] | None = None) -> None:
    """Train both networks from the command line."""
    parser = argparse.ArgumentParser(description="Train the default model on synthetic patients.")
    parser.add_argument("work", type=Path, help="folder for patients and checkpoints")
    parser.add_argument("--budget-minutes", type=float, default=120.0)
    parser.add_argument("--only", choices=[LOCATOR.name, SEGMENTER.name])
    parser.add_argument("--start-from", metavar="MODEL", help="go on from this model's weights")
    parser.add_argument("--bodies", type=int, help="bodies to draw for each network")
    parser.add_argument(
        "--first-body", type=int, default=0, help="seed of the first of them; others follow"
    )
    parser.add_argument("--samples", type=int, help="crops per step; 4 on a GPU, else 1")
    parser.add_argument(
        "--learning-rate", type=float, help="the largest; by default it grows with --samples"
    )
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args(arguments)
    with processes():
        _train_parts(chosen)


def _train_parts(chosen: argparse.Namespace) -> None:
    """Train what is chosen; the first process writes the model."""
    start = Start.of(chosen.start_from) if chosen.start_from else None
    device = device_of_process(chosen.device)
    samples = chosen.samples or (4 if device.type == "cuda" else 1)
    for part in (LOCATOR, SEGMENTER):
        if chosen.only in (None, part.name):
            share = 1.0 if chosen.only else part.budget_share
            settings = LoopSettings(budget_s=60.0 * chosen.budget_minutes * share)
            if start:
                settings = replace(
                    settings, learning_rate=_FURTHER_RATE, decay_share=_FURTHER_DECAY
                )
            # Gradients of more crops are less noisy, by the root of their number.
            rate = chosen.learning_rate or settings.learning_rate * samples**0.5
            settings = replace(settings, learning_rate=rate)
            recipe = replace(part.recipe, samples=samples)
            first, count = chosen.first_body, chosen.bodies or len(part.subjects)
            subjects = range(first, first + count)
            part = replace(part, subjects=subjects, recipe=recipe, seed=_seed(part, start))
            network = start.networks[part.name] if start else None
            train_part(part, chosen.work, settings, device, network)
    if rank() == 0 and (start or chosen.only is None):
        export(chosen.work, chosen.work / "models", start, samples)


if __name__ == "__main__":
    run_module(main)
