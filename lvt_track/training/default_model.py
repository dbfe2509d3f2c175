"""The embedded model, reproduced: its configuration, and one command that trains it.

    python -m lvt_track.training.default_model WORK --budget-minutes 120

draws the synthetic patients into WORK, trains the locator and then the segmenter, writes the model
into WORK/models, and goes on where it stopped when called again. With `torchrun` in place of
`python` the processes share each step. With `--start-from default` it goes on from the weights of a
model that is there already.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from lvt_track.errors import UsageError
from lvt_track.phantom.anatomy import Field
from lvt_track.phantom.subjects import draw_subjects, subject_files
from lvt_track.segment.device import pick_device
from lvt_track.segment.models import Card, Part, load_model, save_model
from lvt_track.segment.network import NetworkParameters, ResidualUNet
from lvt_track.segment.own import OwnSegmenter
from lvt_track.training.ahead import MadeAhead
from lvt_track.training.loop import LoopSettings, averaged_network, train
from lvt_track.training.synthetic import Recipe, SyntheticBatches

__all__ = ["LOCATOR", "SEGMENTER", "Configuration", "export", "main", "train_part"]

VERSION = "0.2.1"
THRESHOLDS = (0.5, 0.4, 0.5)
"""Of liver, vessels and tumours, chosen by `benchmarks/thresholds.py` on phantoms kept for that."""


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
        subjects: bodies to draw.
        seed: of weights and batches; bodies have the seeds 0, 1, 2, ...
        budget_share: of the whole time.
    """

    name: str
    network: NetworkParameters
    recipe: Recipe
    body: Field
    subjects: int
    seed: int
    budget_share: float


LOCATOR = Configuration(
    name="locator",
    network=NetworkParameters((8, 16, 32, 64, 96), (1, 1, 2, 2), outputs=1),
    recipe=Recipe(4.0, (64, 96, 96), classes=1, follows_liver=0.6, cut_probability=0.3),
    body="abdomen",
    subjects=400,
    seed=1,
    budget_share=0.2,
)

SEGMENTER = Configuration(
    name="segmenter",
    network=NetworkParameters((16, 32, 64, 128, 192), (1, 2, 2, 2)),
    recipe=Recipe(
        2.0,
        (80, 80, 80),
        finer=2,
        stretch=0.08,
        window_hu=(-100.0, 250.0),
        follows_liver=0.92,
        noise_hu=(2.5, 18.0),
    ),
    body="upper",
    subjects=120,
    seed=2,
    budget_share=0.8,
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
    processes = os.cpu_count() or 1
    draw_subjects(
        bodies, range(part.subjects), recipe.spacing_mm / recipe.finer, part.body, processes
    )
    torch.manual_seed(part.seed)
    network = ResidualUNet(part.network)
    if start is not None:
        network.load_state_dict(start.state_dict())
    world = distributed.get_world_size() if distributed.is_initialized() else 1
    batches = MadeAhead(
        SyntheticBatches(subject_files(bodies), recipe, part.seed),
        stride=world,
        threads=max(1, processes // 2 // world),
    )
    return train(network, batches, settings, work / part.name, device)


def export(work: Path, parent: Path, scores: Mapping[str, Any] | None = None) -> Card:
    """Write the networks of `work`, as far as they are trained, as the model `default`.

    Args:
        work: folder that both networks were trained in.
        parent: folder of models to write into.
        scores: what was measured, for the card.

    Returns:
        The card as written.
    """
    parts: dict[str, Part] = {}
    networks: dict[str, ResidualUNet] = {}
    training: dict[str, Any] = {}
    for part in (LOCATOR, SEGMENTER):
        networks[part.name], step, seconds = averaged_network(
            ResidualUNet(part.network), work / part.name
        )
        edge = part.recipe.spacing_mm
        parts[part.name] = Part(
            file=f"{part.name}.safetensors",
            sha256="",
            spacing_mm=(edge, edge, edge),
            patch=part.recipe.patch,
            window_hu=part.recipe.window_hu,
            network=part.network,
        )
        training[part.name] = {
            "seed": part.seed,
            "subjects": len(subject_files(work / f"{part.name}-bodies")),
            "steps": step,
            "minutes": round(seconds / 60.0, 1),
        }
    card = Card(
        name="default",
        version=VERSION,
        licence="Apache-2.0",
        training_data="Synthetic patients of lvt_track.phantom alone; no real scan was seen",
        locator=parts[LOCATOR.name],
        segmenter=parts[SEGMENTER.name],
        thresholds=THRESHOLDS,
        training=training,
        scores=scores or {},
    )
    return save_model(card, networks, parent)


def _networks_of(model: str) -> dict[str, ResidualUNet]:
    """The locator and the segmenter of a model made here."""
    loaded = load_model(model)
    drawn = loaded.parts[0].segmenter
    if not isinstance(drawn, OwnSegmenter):
        raise UsageError(f"the networks of {model!r} are not of this kind")
    return {LOCATOR.name: loaded.locator.network, SEGMENTER.name: drawn.network}


def main(arguments: list[str] | None = None) -> None:
    """Train both networks from the command line."""
    parser = argparse.ArgumentParser(description="Train the default model on synthetic patients.")
    parser.add_argument("work", type=Path, help="folder for patients and checkpoints")
    parser.add_argument("--budget-minutes", type=float, default=120.0)
    parser.add_argument("--only", choices=[LOCATOR.name, SEGMENTER.name])
    parser.add_argument("--start-from", metavar="MODEL", help="go on from this model's weights")
    parser.add_argument("--bodies", type=int, help="bodies to draw for each network")
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args(arguments)
    if "WORLD_SIZE" in os.environ:
        distributed.init_process_group()
    starts = _networks_of(chosen.start_from) if chosen.start_from else {}
    for part in (LOCATOR, SEGMENTER):
        if chosen.only in (None, part.name):
            share = 1.0 if chosen.only else part.budget_share
            settings = LoopSettings(budget_s=60.0 * chosen.budget_minutes * share)
            if starts:
                settings = replace(
                    settings, learning_rate=_FURTHER_RATE, decay_share=_FURTHER_DECAY
                )
            part = replace(part, subjects=chosen.bodies or part.subjects)
            device = pick_device(chosen.device)
            train_part(part, chosen.work, settings, device, starts.get(part.name))
    if chosen.only is None:
        export(chosen.work, chosen.work / "models")
    if distributed.is_initialized():
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
