from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.segment.models import load_model
from lvt_track.training.datasets.descriptor import find_descriptor
from lvt_track.training.datasets.prepared import BITS, CASES
from lvt_track.training.datasets.writing import LabelledScan, write_case, write_dataset

SHAPE = (18, 22, 24)
CONFIGURATION = """
data = ["prepared/lits", "prepared/msd-hepatic-vessel"]
name = "tiny"
validation_share = 0.34
separable = ["mskcc"]

[learning]
steps = 3
warmup_steps = 1
log_steps = 1
scales = 2

[patches]
patch = [16, 16, 16]
spacing_mm = [2.0, 2.0, 2.0]
samples = 1

[network]
channels = [4, 8, 8]
blocks = [1, 1]

[loss]
vessel_cldice = 0.2
tumor_tversky = 0.5
"""


def scan(seed: int) -> LabelledScan:
    hu = np.random.default_rng(seed).normal(0, 10, SHAPE).astype(np.int16)
    labels = np.zeros(SHAPE, np.uint8)
    for name, box, value in (
        ("liver", np.s_[3:15, 3:18, 3:20], 100),
        ("vessels", np.s_[5:13, 6:8, 6:8], 160),
        ("tumors", np.s_[8:12, 11:15, 11:15], 40),
    ):
        labels[box] |= BITS[name]
        hu[box] += np.int16(value)
    return LabelledScan(hu, labels, (2.0, 2.0, 2.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two prepared datasets of three cases, and a configuration."""
    for name, shown in (
        ("lits", ("liver", "tumors")),
        ("msd-hepatic-vessel", ("vessels", "tumors")),
    ):
        prepared = tmp_path / "prepared" / name
        (prepared / CASES).mkdir(parents=True)
        facts = []
        for number in range(3):
            whole = scan(number)
            bits = whole.labels & np.uint8(sum(BITS[one] for one in shown))
            case = {"name": f"case{number}", "patient": f"{name}/{number}"}
            kept = LabelledScan(whole.hu, bits, whole.spacing_mm)
            facts.append(write_case(kept, case, prepared / CASES / case["name"]))
        write_dataset(find_descriptor(name), facts, prepared)
    (tmp_path / "tiny.toml").write_text(CONFIGURATION)
    return tmp_path


def lvt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def test_trains_a_model_that_segment_can_use(folder: Path) -> None:
    out = folder / "out"
    result = lvt(folder / "tiny.toml", "-o", out, "--json", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["steps"] == 3
    card = json.loads((out / "tiny" / "card.json").read_text())
    assert card["segmenter"]["patch"] == [16, 16, 16]
    assert card["training"]["configuration"]["tumor_tversky"] == 0.5
    assert "lits: CC BY-NC-ND 4.0" in card["licence"]
    model = load_model(str(out / "tiny"))
    default = load_model()
    assert model.locator.part.sha256 == default.locator.part.sha256
    rows = list(csv.DictReader((out / "validation.csv").read_text().splitlines()))
    assert {row["dataset"] for row in rows} == {"lits", "msd-hepatic-vessel"}
    assert all(
        (row["dice_liver"] == "") == (row["dataset"] == "msd-hepatic-vessel") for row in rows
    )
    assert set(card["scores"]["validation_dice"]) == {"liver", "vessels", "tumors"}
    assert (out / "metrics.png").stat().st_size > 5000
    assert len((out / "metrics.csv").read_text().splitlines()) == 4


def test_resumes_as_it_was_begun_and_no_other(folder: Path) -> None:
    out = folder / "out"
    toml = folder / "tiny.toml"
    assert lvt(toml, "-o", out, "--device", "cpu", "-q").exit_code == 0
    refused = lvt(toml, "-o", out, "--device", "cpu")
    assert refused.exit_code == 2
    again = lvt(toml, "-o", out, "--device", "cpu", "--resume", "--steps", "5", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["steps"] == 5
    assert len((out / "metrics.csv").read_text().splitlines()) == 6
    other = lvt(toml, "-o", out, "--device", "cpu", "--resume", "--name", "other")
    assert other.exit_code == 2
    assert "another name" in other.output


def test_judges_while_it_learns_and_says_what_it_cannot_judge(folder: Path) -> None:
    out = folder / "out"
    toml = folder / "often.toml"
    toml.write_text(CONFIGURATION.replace("steps = 3", "steps = 3\ncheckpoint_s = 0.0"))
    result = lvt(toml, "-o", out, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "kept back" not in result.output
    rows = list(csv.DictReader((out / "validation_curve.csv").read_text().splitlines()))
    assert rows[0]["step"] == "1"
    assert 0.0 <= float(rows[0]["dice_liver"]) <= 1.0
    alone = folder / "alone.toml"
    alone.write_text(CONFIGURATION.replace("validation_share = 0.34", "validation_share = 0.1"))
    result = lvt(alone, "-o", folder / "alone", "--device", "cpu", "--steps", "1")
    told = " ".join(result.output.split())
    assert "no case is kept back to judge by, so how good the model is will not be known" in told
    assert "lits (patients: 3)" in told
    assert not (folder / "alone" / "validation_curve.csv").exists()


def test_starts_from_the_weights_of_a_model(folder: Path) -> None:
    first, second = folder / "first", folder / "second"
    toml = folder / "tiny.toml"
    assert lvt(toml, "-o", first, "--device", "cpu", "-q").exit_code == 0
    bare = folder / "bare.toml"
    # What the network is like is left open, and it learns next to nothing.
    bare.write_text(
        CONFIGURATION.split("[patches]")[0].replace(
            "steps = 3", "steps = 1\nlearning_rate = 1e-9\nweight_decay = 0.0"
        )
        + "[patches]\nsamples = 1\n"
    )
    begun = lvt(
        bare, "-o", second, "--start-from", first / "tiny", "--name", "tuned", "--device", "cpu"
    )
    assert begun.exit_code == 0, begun.output
    cards = [
        json.loads((at / "card.json").read_text()) for at in (first / "tiny", second / "tuned")
    ]
    for key in ("network", "patch", "spacing_mm"):
        assert cards[0]["segmenter"][key] == cards[1]["segmenter"][key]
    assert cards[1]["training"]["start_from"] == {
        "name": "tiny",
        "version": cards[0]["version"],
        "sha256": cards[0]["segmenter"]["sha256"],
    }
    assert "the model tiny it started from" in cards[1]["licence"]
    before, after = (
        load_model(str(at)).parts[0].segmenter.network.module
        for at in (first / "tiny", second / "tuned")
    )
    for one, other in zip(before.parameters(), after.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_starting_models_that_do_not_fit_are_refused(folder: Path) -> None:
    toml = folder / "tiny.toml"
    other = lvt(toml, "-o", folder / "out", "--start-from", "default")
    assert other.exit_code == 2
    assert "channels (4, 8, 8)" in " ".join(other.output.split())
    plain = folder / "plain.toml"
    plain.write_text(CONFIGURATION.split("[patches]")[0])
    head = lvt(plain, "-o", folder / "out", "--start-from", "default", "--method", "marginal")
    assert head.exit_code == 2
    assert "head of 'default'" in " ".join(head.output.split())
    unknown = lvt(toml, "-o", folder / "out", "--start-from", "nobody")
    assert unknown.exit_code == 3
    assert "nobody" in unknown.output
    assert not (folder / "out").exists()


def test_rivals_train_from_the_command_line(folder: Path) -> None:
    plain = folder / "plain.toml"
    plain.write_text(CONFIGURATION.split("[loss]")[0].replace("scales = 2", "scales = 1"))
    out = folder / "out"
    result = lvt(plain, "-o", out, "--method", "masked-multiclass", "--steps", "1", "-q")
    assert result.exit_code == 0, result.output
    network = load_model("tiny", (out,)).parts[0].segmenter
    assert json.loads((out / "tiny" / "card.json").read_text())["segmenter"]["network"]["exclusive"]
    assert network.classes == ("liver", "vessels", "tumors")
    full = lvt(plain, "-o", folder / "full", "--method", "full", "--steps", "1")
    assert full.exit_code == 3
    assert "complete labels" in full.output


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (("[patches]", "[patchs]"), 3, "patchs is no key"),
        (("scales = 2", "scale = 2"), 3, "learning.scale is no key"),
        (("steps = 3\n", ""), 2, "--budget-minutes"),
        (("steps = 3", "steps = 0"), 3, "steps must be positive"),
        (("[16, 16, 16]", "[16, 16, 15]"), 2, "multiples of 4"),
        (("prepared/lits", "prepared/gone"), 3, "not a prepared dataset"),
        (("vessel_cldice", "method = "), 3, "not TOML"),
        (('name = "tiny"', 'name = "a/b"'), 3, "plain name"),
    ],
)
def test_wrong_configurations_are_refused(
    folder: Path, change: tuple[str, str], code: int, told: str
) -> None:
    toml = folder / "tiny.toml"
    toml.write_text(CONFIGURATION.replace(*change))
    result = lvt(toml, "-o", folder / "out", "--device", "cpu")
    assert result.exit_code == code, result.output
    assert told in result.output.replace("\n", " ")
    assert not (folder / "out" / "checkpoint.pt").exists()


def test_options_alone_need_data_and_a_known_method(folder: Path) -> None:
    assert "--data" in lvt("-o", folder / "out", "--steps", "1").output
    known = lvt("-o", folder / "out", "--steps", "1", "--data", "x", "--method", "nnunet")
    assert known.exit_code == 2
    assert "marginal" in known.output
