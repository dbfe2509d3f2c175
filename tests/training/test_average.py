"""The mean of several trainings of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lvt_track.errors import InputError, UsageError
from lvt_track.segment.models import save_model
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import Network
from lvt_track.training.synthetic import average
from lvt_track.training.synthetic.default_model import SEGMENTER, Start


def at_rest(networks: Mapping[str, ResidualUNet]) -> dict[str, Network]:
    return {name: Network.of(network) for name, network in networks.items()}


def test_the_mean_of_two_lies_half_way(tmp_path: Path) -> None:
    one = Start.of("default")
    moved = dict(one.networks)
    state = one.networks["segmenter"].state_dict()
    other = ResidualUNet(SEGMENTER.network)
    other.load_state_dict({key: value + 0.5 for key, value in state.items()})
    moved["segmenter"] = other
    told = {**one.card.training, "segmenter": {"steps": 7}}
    save_model(replace(one.card, training=told), at_rest(moved), tmp_path / "other")

    average.main([str(tmp_path), "default", str(tmp_path / "other" / "default")])
    mean = Start.of(str(tmp_path / "default"))
    for key, value in mean.networks["segmenter"].state_dict().items():
        torch.testing.assert_close(value, state[key] + 0.25, atol=2e-3, rtol=2e-3)
    assert mean.card.locator.sha256 == one.card.locator.sha256
    assert mean.card.training["locator"] == one.card.training["locator"]
    assert mean.card.training["segmenter"]["mean_of"][1] == {"steps": 7}
    assert mean.card.scores == {}


def test_shares_say_how_near_the_mean_lies(tmp_path: Path) -> None:
    one = Start.of("default")
    state = one.networks["segmenter"].state_dict()
    other = ResidualUNet(SEGMENTER.network)
    other.load_state_dict({key: value + 0.5 for key, value in state.items()})
    save_model(one.card, at_rest({**one.networks, "segmenter": other}), tmp_path / "other")

    models = ["default", str(tmp_path / "other" / "default")]
    average.main([str(tmp_path), *models, "--shares", "0.8", "0.2"])
    mean = Start.of(str(tmp_path / "default"))
    for key, value in mean.networks["segmenter"].state_dict().items():
        torch.testing.assert_close(value, state[key] + 0.1, atol=2e-3, rtol=2e-3)
    assert mean.card.training["segmenter"]["shares"] == [0.8, 0.2]


@pytest.mark.parametrize("shares", [["1"], ["0.5", "0.6"], ["0.2", "0.3", "0.5"]])
def test_shares_that_make_no_mean_are_refused(tmp_path: Path, shares: list[str]) -> None:
    with pytest.raises(UsageError, match="2 models were given with shares of"):
        average.main([str(tmp_path), "default", "default", "--shares", *shares])
    assert not list(tmp_path.iterdir())


def test_a_missing_model_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model named 'absent'"):
        average.main([str(tmp_path), "default", "absent"])
    assert not list(tmp_path.iterdir())
