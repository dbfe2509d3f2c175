"""The mean of the weights of several trainings of one model.

    python -m lvt_track.training.average PARENT MODEL MODEL ...

Trainings that went on from the same weights lie close enough for their mean to be a model too, and
it often does better than each of them (Wortsman et al., ICML 2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lvt_track.segment.models import Card, save_model
from lvt_track.segment.network import ResidualUNet
from lvt_track.training.default_model import LOCATOR, SEGMENTER, VERSION, Start

__all__ = ["average", "main"]


def average(models: Sequence[Start], parent: Path) -> Card:
    """Write the mean of models that have the networks of `training.default_model`.

    Args:
        models: at least one; what is not weights is taken from the first.
        parent: folder of models to write into.

    Returns:
        The card as written; under `mean_of` it keeps how each of them was trained.
    """
    first = models[0].card
    networks: dict[str, ResidualUNet] = {}
    training: dict[str, Any] = {}
    for name in (LOCATOR.name, SEGMENTER.name):
        networks[name] = _mean([model.networks[name] for model in models])
        told = [model.card.training.get(name, {}) for model in models]
        is_one = len({getattr(model.card, name).sha256 for model in models}) == 1
        training[name] = told[0] if is_one else {"mean_of": told}
    card = replace(first, version=VERSION, training=training, scores={})
    return save_model(card, networks, parent)


def _mean(networks: Sequence[ResidualUNet]) -> ResidualUNet:
    """A network of the same size with the mean of their weights."""
    result = ResidualUNet(networks[0].parameters_of_size)
    states = [network.state_dict() for network in networks]
    means = {key: torch.stack([state[key] for state in states]).mean(dim=0) for key in states[0]}
    result.load_state_dict(means)
    return result.eval()


def main(arguments: list[str] | None = None) -> None:
    """Average from the command line."""
    parser = argparse.ArgumentParser(description="Write the mean of models' weights.")
    parser.add_argument("parent", type=Path, help="folder of models to write into")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or folders")
    chosen = parser.parse_args(arguments)
    average([Start.of(name) for name in chosen.models], chosen.parent)


if __name__ == "__main__":
    main()
