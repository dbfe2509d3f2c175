from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lvt_track.errors import InputError
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.segment.models import (
    INTENDED_USE,
    Card,
    Part,
    list_models,
    load_model,
    save_model,
)
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import Network

SIZE = NetworkParameters((4, 8), (1,))


def part(name: str) -> Part:
    return Part(name, "", (4.0, 4.0, 4.0), (16, 16, 16), (-200.0, 300.0), SIZE)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    card = Card("toy", "1", "Apache-2.0", "nothing", part("a"), part("b"))
    networks = {name: Network.of(ResidualUNet(SIZE)) for name in ("locator", "segmenter")}
    save_model(card, networks, tmp_path)
    return tmp_path


def test_saved_model_comes_back(saved: Path) -> None:
    model = load_model("toy", [saved])
    torch.manual_seed(0)
    for network in (model.locator.network, model.parts[0].segmenter.network):
        expected = ResidualUNet(SIZE)
        for mine, theirs in zip(network.module.parameters(), expected.parameters(), strict=True):
            assert torch.equal(mine, theirs.half().float())
            assert not mine.requires_grad
    assert model.parts[0].card.intended_use == INTENDED_USE
    assert [card.name for card in list_models([saved, saved])] == ["toy"]
    assert Card.from_json(model.parts[0].card.to_json()) == model.parts[0].card


def test_a_process_loads_a_model_once_and_anew_where_its_card_has_changed(saved: Path) -> None:
    name = str(saved / "toy")
    first = ModelChoice(name).model
    assert ModelChoice(name).model is first
    path = saved / "toy" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": "2"}))
    assert ModelChoice(name).model is not first


def test_a_second_look_is_kept_in_the_card() -> None:
    sees = replace(part("b"), finer_mm=(3.0, 2.0, 2.0))
    card = Card("toy", "1", "Apache-2.0", "nothing", part("a"), sees)
    assert Card.from_json(card.to_json()) == card


@pytest.mark.parametrize("finer_mm", [(4.0, 2.0, 2.0), (0.0, 2.0, 2.0), (2.0, 2.0)])
def test_a_second_look_that_is_not_finer_is_refused(finer_mm: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="finer_mm must be three positive lengths below"):
        replace(part("b"), finer_mm=finer_mm)


def test_what_names_a_model_changes_with_how_it_is_used_and_not_with_what_is_told_of_it(
    saved: Path,
) -> None:
    path = saved / "toy" / "card.json"
    before, facts = load_model("toy", [saved]), json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"scores": {"liver Dice": 0.9}}))
    assert load_model("toy", [saved]).conduct_sha256 == before.conduct_sha256
    facts["segmenter"]["finer_mm"] = [3.0, 3.0, 3.0]
    path.write_text(json.dumps(facts))
    looks_finer = load_model("toy", [saved])
    assert looks_finer.conduct_sha256 != before.conduct_sha256
    assert looks_finer.sha256 == before.sha256


def test_changed_weights_are_refused(saved: Path) -> None:
    path = saved / "toy" / "segmenter.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="sha256 differs") as caught:
        load_model("toy", [saved])
    assert caught.value.path == path


def test_missing_weights_are_refused(saved: Path) -> None:
    (saved / "toy" / "locator.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load_model("toy", [saved])


def test_weights_of_another_network_are_refused(saved: Path) -> None:
    card = saved / "toy" / "card.json"
    facts = json.loads(card.read_text())
    facts["locator"]["network"]["channels"] = [4, 16]
    card.write_text(json.dumps(facts))
    with pytest.raises(InputError, match="too few for the network the model's card describes"):
        load_model("toy", [saved])


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"locator": 1}', '{"name": "toy", "locator": {"file": "x"}}']
)
def test_broken_card_is_refused(saved: Path, text: str) -> None:
    (saved / "toy" / "card.json").write_text(text)
    with pytest.raises(InputError, match="card cannot be used"):
        load_model("toy", [saved])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["liver"]}, "classes"),
        ({"thresholds": [0.5, 0.5, 1.5]}, "thresholds"),
        ({"minimum_ml": [0.1]}, "minimum_ml"),
        ({"name": "other"}, "another model"),
    ],
)
def test_card_that_contradicts_itself_is_refused(
    saved: Path, change: dict[str, object], message: str
) -> None:
    card = saved / "toy" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_model("toy", [saved])


def test_card_cannot_point_outside_its_folder() -> None:
    with pytest.raises(ValueError, match="plain name"):
        part("../elsewhere.safetensors")
    with pytest.raises(ValueError, match="plain name"):
        part("/etc/passwd")


def test_unknown_name_lists_the_known_ones(saved: Path) -> None:
    with pytest.raises(InputError, match="Models at hand: toy"):
        load_model("nothing", [saved])
    with pytest.raises(InputError, match="no model named"):
        load_model("../toy", [saved])
