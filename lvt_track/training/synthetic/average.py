"""The mean of the weights of several trainings of one model.

    python -m lvt_track.training.synthetic.average PARENT MODEL MODEL ... [--shares 0.25 0.75 ...]

Trainings that went on from the same weights lie close enough for their mean to be a model too, and
it often does better than each of them (Wortsman et al., ICML 2022).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lvt_track.errors import UsageError, run_module
from lvt_track.segment.models import Card, save_model
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import Network
from lvt_track.training.synthetic.default_model import LOCATOR, SEGMENTER, VERSION, Start

__all__ = ["average", "main"]


def average(models: Sequence[Start], shares: Sequence[float], parent: Path) -> Card:
    """Write the mean of models that have the networks of `training.default_model`.

    Args:
        models: at least one; what is not weights is taken from the first.
        shares: of each of them in the mean.
        parent: folder of models to write into.

    Returns:
        The card as written; under `mean_of` it keeps how each of them was trained, and its share.

    Raises:
        UsageError: when there are not as many shares as models, or they do not make 1.
    """
    if len(shares) != len(models) or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise UsageError(
            f"{len(models)} models were given with shares of {', '.join(map(str, shares))}",
            remedy="Give one share for each model; together they make 1",
        )
    first = models[0].card
    networks: dict[str, Network] = {}
    training: dict[str, Any] = {}
    for name in (LOCATOR.name, SEGMENTER.name):
        networks[name] = Network.of(_mean([model.networks[name] for model in models], shares))
        trainings = [model.card.training.get(name, {}) for model in models]
        is_one = len({getattr(model.card, name).sha256 for model in models}) == 1
        training[name] = trainings[0] if is_one else {"mean_of": trainings, "shares": list(shares)}
    card = replace(first, version=VERSION, training=training, scores={})
    return save_model(card, networks, parent)


def _mean(networks: Sequence[ResidualUNet], shares: Sequence[float]) -> ResidualUNet:
    """A network of the same size with the weighted mean of their weights."""
    result = ResidualUNet(networks[0].parameters_of_size)
    states = [network.state_dict() for network in networks]
    means = {
        key: sum(share * state[key] for share, state in zip(shares, states, strict=True))
        for key in states[0]
    }
    result.load_state_dict(means)
    return result.eval()


def main(arguments: list[str] | None = None) -> None:
    """Average from the command line."""
    parser = argparse.ArgumentParser(description="Write the mean of models' weights.")
    parser.add_argument("parent", type=Path, help="folder of models to write into")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or folders")
    parser.add_argument("--shares", nargs="+", type=float, help="of each model; equal by default")
    chosen = parser.parse_args(arguments)
    shares = chosen.shares or [1.0 / len(chosen.models)] * len(chosen.models)
    average([Start.of(name) for name in chosen.models], shares, chosen.parent)


if __name__ == "__main__":
    run_module(main)
