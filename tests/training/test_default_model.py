from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lvt_track.errors import UsageError
from lvt_track.segment.models import load_model
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.training.synthetic import default_model
from lvt_track.training.synthetic.default_model import LOCATOR, SEGMENTER, Start

MODELS = "models/default"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two networks as small as they go."""
    for name, part in (("LOCATOR", LOCATOR), ("SEGMENTER", SEGMENTER)):
        recipe = replace(part.recipe, spacing_mm=8.0 * part.recipe.finer, patch=(16, 16, 16))
        size = NetworkParameters((4, 4), (1,), outputs=part.network.outputs)
        tiny = replace(part, network=size, recipe=recipe, body="upper")
        monkeypatch.setattr(default_model, name, tiny)


@pytest.mark.usefixtures("small")
def test_command_trains_both_and_goes_on_from_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    default_model.main([str(first), "--budget-minutes", "0.06", "--bodies", "2"])
    made = Start.of(str(first / MODELS))
    assert made.card.training["segmenter"]["subjects"] == 2
    assert made.card.training["segmenter"]["steps"] > 0
    drawn = [(first / "segmenter" / name).exists() for name in ("metrics.csv", "metrics.png")]
    assert drawn[0] == drawn[1]

    more = ["--only", "segmenter", "--start-from", str(first / MODELS), "--bodies", "1"]
    more += ["--first-body", "7"]
    default_model.main([str(second), "--budget-minutes", "0.01", *more])
    assert [file.name for file in (second / "segmenter-bodies").iterdir()] == ["000007.npy"]
    card = Start.of(str(second / MODELS)).card
    assert card.locator.sha256 == made.card.locator.sha256
    assert card.segmenter.sha256 != made.card.segmenter.sha256
    assert card.training["locator"] == made.card.training["locator"]
    before = card.training["segmenter"]["before"]
    assert before["steps"] == made.card.training["segmenter"]["steps"]
    assert load_model(str(second / MODELS)).name == "default"

    wider = NetworkParameters((6, 4), (1,))
    monkeypatch.setattr(default_model, "SEGMENTER", replace(SEGMENTER, network=wider))
    start = Start.of(str(second / MODELS))
    assert start.networks["segmenter"].parameters_of_size == wider
    assert start.networks["locator"].parameters_of_size.channels == (4, 4)


@pytest.mark.usefixtures("small")
def test_networks_of_another_size_are_refused() -> None:
    with pytest.raises(UsageError, match="not those of this configuration: "):
        Start.of("default")


def test_the_embedded_model_can_be_gone_on_from(tmp_path: Path) -> None:
    start = Start.of("default")
    card = default_model.export(tmp_path / "work", tmp_path, start)
    assert card.locator.sha256 == start.card.locator.sha256
    assert card.segmenter.sha256 == start.card.segmenter.sha256
    assert card.training == start.card.training
