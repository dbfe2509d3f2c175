from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.errors import InputError, LvtError, UsageError
from lvt_track.segment.cards import ImportedCard
from lvt_track.segment.models import EMBEDDED, card_of, list_models, load_model, remove_model
from lvt_track.segment.nnunet.importer import import_nnunet, read_checkpoint
from lvt_track.segment.nnunet.segmenter import ForeignSegmenter

Write = Callable[..., Path]

LABELS = {"background": 0, "liver": 1, "vessel": 2, "tumor": 3}
REGIONS = {"background": 0, "liver": [1, 2, 3], "vessels": [2], "lesion": [3, 4]}


def network_of(name: str) -> torch.nn.Module:
    segmenter = load_model(name).parts[0].segmenter
    assert isinstance(segmenter, ForeignSegmenter)
    return segmenter.networks[0]


def test_results_become_a_model(write_results: Write, models: Path, tmp_path: Path) -> None:
    place = write_results(tmp_path / "Dataset501_Toy", LABELS, folds=2)
    card = import_nnunet(place, "toy")
    assert card.channels == {"liver": (1, 2, 3), "vessels": (2,), "tumors": (3,)}
    assert card.spacing_mm == (3.0, 2.5, 2.5)
    assert card.patch == (16, 16, 16)
    assert (card.normalisation.low_hu, card.normalisation.sd_hu) == (-60.0, 40.0)
    assert card.mirror_axes == ()
    assert set(card.origin) == {"fold_0/checkpoint_final.pth", "fold_1/checkpoint_final.pth"}
    assert card_of("toy") == card
    assert ImportedCard.from_json(card.to_json()) == card
    model = load_model("toy")
    assert model.sources == dict.fromkeys(("liver", "vessels", "tumors"), "toy")
    assert model.digests == {"toy": card.sha256}
    trained = torch.load(place / "fold_0" / "checkpoint_final.pth", weights_only=False)
    for key, value in network_of("toy").state_dict().items():
        assert torch.equal(value, trained["network_weights"][key]), key
    assert not list(models.glob(".importing-*"))


def test_folder_of_the_dataset_will_do(write_results: Write, models: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "one", LABELS)
    assert import_nnunet(tmp_path / "one", "toy", mirror=True).mirror_axes == (0, 1, 2)
    write_results(tmp_path / "one", LABELS, trainer="nnUNetTrainerOther")
    with pytest.raises(UsageError, match="several models: nnUNetTrainerOther__"):
        import_nnunet(tmp_path / "one", "other")


@pytest.mark.parametrize("architecture", ["PlainConvUNet", "ResidualEncoderUNet"])
def test_plans_of_before_name_the_same_network(
    write_results: Write, models: Path, tmp_path: Path, architecture: str
) -> None:
    x = torch.randn(1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    said = []
    for old in (False, True):
        place = write_results(tmp_path / str(old), LABELS, architecture=architecture, old=old)
        import_nnunet(place, f"old-{old}")
        said.append(network_of(f"old-{old}")(x))
    assert torch.equal(said[0], said[1])
    assert said[0].shape == (1, 4, 16, 16, 16)


def test_regions_are_channels_in_their_order(
    write_results: Write, models: Path, tmp_path: Path
) -> None:
    place = write_results(tmp_path, REGIONS, facts={"regions_class_order": [1, 2, 3]})
    card = import_nnunet(place, "toy")
    assert card.regions
    assert card.outputs == 3
    assert card.channels == {"liver": (0,), "vessels": (1,), "tumors": (2,)}


def test_mapping_file(write_results: Write, models: Path, tmp_path: Path) -> None:
    names = {"background": 0, "parenchyma": 1, "mets": 2, "hcc": 3}
    place = write_results(tmp_path / "results", names, checkpoint="checkpoint_best.pth")
    with pytest.raises(UsageError, match=r"none of the labels.*parenchyma.*--mapping"):
        import_nnunet(place, "toy")
    mapping = tmp_path / "mine.toml"
    mapping.write_text(
        'licence = "mine"\norientation = "LPS"\n[labels]\n'
        'liver = ["parenchyma", 2, 3]\ntumors = ["mets", "hcc"]\n'
    )
    card = import_nnunet(place, "toy", str(mapping))
    assert card.channels == {"liver": (1, 2, 3), "tumors": (2, 3)}
    assert (card.licence, card.orientation) == ("mine", "LPS")
    mapping.write_text("[labels]\nliver = [7]\n")
    with pytest.raises(InputError, match="no label 7; it has parenchyma, mets, hcc"):
        import_nnunet(place, "other", str(mapping))
    for text in ("", "[labels]\nspleen = [1]\n", "[labels\n", "colour = 1\n[labels]\nliver = [1]"):
        mapping.write_text(text)
        with pytest.raises(InputError, match="mapping cannot be used"):
            import_nnunet(place, "other", str(mapping))
    with pytest.raises(UsageError, match=r"no mapping named 'x'.*liver_lesions"):
        import_nnunet(place, "other", "x")


ORGANS = [
    "spleen", "kidney_right", "kidney_left", "gallbladder", "liver", "stomach", "pancreas",
    "adrenal_gland_right", "adrenal_gland_left", "lung_upper_lobe_left", "lung_lower_lobe_left",
    "lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right", "esophagus",
    "trachea", "thyroid_gland", "small_bowel", "duodenum", "colon", "urinary_bladder", "prostate",
    "kidney_cyst_left", "kidney_cyst_right",
]  # fmt: skip
TOTALSEGMENTATOR: list[tuple[str, dict[str, Any], dict[str, tuple[int, ...]]]] = [
    (
        "liver",
        {
            "folder": "Dataset291_TotalSegmentator_part1_organs_1559subj",
            "labels": {"background": 0} | {name: k for k, name in enumerate(ORGANS, 1)},
            "trainer": "nnUNetTrainerNoMirroring",
            "spacing_mm": (1.5, 1.5, 1.5),
            "old": True,
        },
        {"liver": (5,)},
    ),
    (
        "liver_vessels",
        {
            "folder": "Dataset008_HepaticVessel",
            "labels": {"background": 0, "vessel": 1, "tumor": 2},
            "spacing_mm": (1.5, 0.8, 0.8),
            "folds": 2,
            "old": True,
        },
        {"vessels": (1,), "tumors": (2,)},
    ),
    (
        "liver_lesions",
        {
            "folder": "Dataset591_liver_lesions",
            "labels": {"background": 0, "liver_lesions": 1},
            "configuration": "3d_fullres_high",
            "spacing_mm": (1.0, 0.75, 0.75),
        },
        {"tumors": (1,)},
    ),
]


@pytest.mark.parametrize(("mapping", "layout", "channels"), TOTALSEGMENTATOR)
def test_layouts_of_totalsegmentator(
    write_results: Write,
    models: Path,
    tmp_path: Path,
    mapping: str,
    layout: dict[str, Any],
    channels: dict[str, tuple[int, ...]],
) -> None:
    layout = dict(layout)
    place = write_results(tmp_path / layout.pop("folder"), **layout)
    card = import_nnunet(place.parent, "ts", mapping)
    assert card.channels == channels
    assert card.orientation == "RAS"
    assert card.crop_mm == {"liver": None, "liver_vessels": 20.0, "liver_lesions": 20.0}[mapping]
    assert card.licence == "Apache-2.0"
    joined = load_model("ts+default")
    assert joined.name == ("ts+default")
    assert {name for name, part in joined.sources.items() if part == "ts"} == set(channels)
    if "liver" not in channels:
        with pytest.raises(UsageError, match=r"does not draw the liver.*--model ts\+default"):
            load_model("ts")


def test_mapping_of_other_weights_is_refused(
    write_results: Write, models: Path, tmp_path: Path
) -> None:
    place = write_results(tmp_path, {"background": 0, "liver_lesions": 1})
    with pytest.raises(InputError, match=r"mapping is for \(1.0, 0.75, 0.75\) mm, the plan for"):
        import_nnunet(place, "ts", "liver_lesions")


class Code:
    """Something that runs when a pickle is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def test_pickled_code_is_refused_and_never_runs(
    write_results: Write, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = write_results(tmp_path / "results", LABELS)
    path = place / "fold_0" / "checkpoint_final.pth"
    held = torch.load(path, weights_only=False)
    torch.save(held | {"logging": Code()}, path)
    with pytest.raises(InputError, match="refused: it holds more than weights") as caught:
        import_nnunet(place, "toy")
    assert caught.value.path == path
    assert not (tmp_path / "ran").exists()
    assert not models.exists()


def test_checkpoints_of_numpy_1_are_read(tmp_path: Path, write_results: Write) -> None:
    path = write_results(tmp_path, LABELS) / "fold_0" / "checkpoint_final.pth"
    with zipfile.ZipFile(path) as held:
        parts = {name: held.read(name) for name in held.namelist()}
    with zipfile.ZipFile(path, "w") as older:
        for name, content in parts.items():
            older.writestr(name, content.replace(b"numpy._core.", b"numpy.core."))
    assert any(b"numpy._core." in content for content in parts.values())
    found = read_checkpoint(path)
    assert found.configuration == "3d_fullres"
    assert found.mirror_axes == (0, 1, 2)


def test_damaged_checkpoint_is_refused(write_results: Write, models: Path, tmp_path: Path) -> None:
    place = write_results(tmp_path, LABELS)
    path = place / "fold_0" / "checkpoint_final.pth"
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"", b"no checkpoint at all"):
        path.write_bytes(broken)
        with pytest.raises(InputError) as caught:
            import_nnunet(place, "toy")
        assert caught.value.path == path
    torch.save({"weights": {}}, path)
    with pytest.raises(InputError, match="no checkpoint of nnU-Net v2"):
        import_nnunet(place, "toy")
    path.unlink()
    with pytest.raises(InputError, match=r"holds no fold_\*/checkpoint_final.pth"):
        import_nnunet(place, "toy")


@pytest.mark.parametrize("name", ["plans.json", "dataset.json"])
@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_missing_or_broken_plan_is_refused(
    write_results: Write, models: Path, tmp_path: Path, name: str, content: str | None
) -> None:
    place = write_results(tmp_path, LABELS)
    if content is None:
        (place / name).unlink()
    else:
        (place / name).write_text(content)
    with pytest.raises(InputError):
        import_nnunet(place, "toy")
    assert not models.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"previous_stage": "3d_lowres"}, "second stage of a cascade"),
        ({"patch_size": [512, 512]}, "two-dimensional"),
        ({"preprocessor_name": "MyPreprocessor"}, "MyPreprocessor; only DefaultPreprocessor"),
        ({"resampling_fn_data": "resample_torch_simple"}, "resample_torch_simple; only"),
        ({"normalization_schemes": ["RGBTo01Normalization"]}, "RGBTo01Normalization is not known"),
        ({"architecture": {"network_class_name": "os.system", "arch_kwargs": {}}}, "'system'"),
        (
            {
                "architecture": {
                    "network_class_name": "PlainConvUNet",
                    "arch_kwargs": {"conv_op": "os.system", "strides": [[1, 1, 1]]},
                }
            },
            "conv_op 'os.system' is not known",
        ),
    ],
)
def test_what_is_not_run_here_is_refused_with_the_reason(
    write_results: Write, models: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    place = write_results(tmp_path, LABELS, changes=changes)
    with pytest.raises(InputError, match=message):
        import_nnunet(place, "toy")
    assert not models.exists()


def test_several_images_per_scan_are_refused(
    write_results: Write, models: Path, tmp_path: Path
) -> None:
    place = write_results(tmp_path, LABELS, facts={"channel_names": {"0": "CT", "1": "PET"}})
    with pytest.raises(InputError, match="needs 2 images"):
        import_nnunet(place, "toy")


def test_weights_of_another_network_are_refused(
    write_results: Write, models: Path, tmp_path: Path
) -> None:
    place = write_results(tmp_path, LABELS)
    dataset = json.loads((place / "dataset.json").read_text())
    dataset["labels"]["cyst"] = 4
    (place / "dataset.json").write_text(json.dumps(dataset))
    with pytest.raises(InputError, match="do not fit"):
        import_nnunet(place, "toy")


def test_changed_weights_are_refused(write_results: Write, models: Path, tmp_path: Path) -> None:
    import_nnunet(write_results(tmp_path / "results", LABELS), "toy")
    path = models / "toy" / "fold0.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="sha256 differs"):
        load_model("toy")
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load_model("toy")


@pytest.mark.parametrize("name", ["default", "../toy", "", "a+b", ".hidden"])
def test_names_that_cannot_be(
    write_results: Write, models: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match=r"no name for a model|a model named 'default' already"):
        import_nnunet(write_results(tmp_path / "results", LABELS), name)


def test_models_come_and_go(write_results: Write, models: Path, tmp_path: Path) -> None:
    def lvt(*args: object) -> str:
        result = CliRunner().invoke(app, ["models", *map(str, args)])
        assert result.exit_code == 0, result.output
        return result.output

    place = write_results(tmp_path / "results", LABELS)
    assert "draws liver, vessels, tumors; 1 fold" in lvt("import", place, "--name", "toy")
    assert [line.split()[0] for line in lvt("list").splitlines()] == ["default", "toy"]
    assert json.loads(lvt("info", "toy", "--json"))["kind"] == "nnU-Net v2"
    with pytest.raises(UsageError, match="lvt models remove toy"):
        import_nnunet(place, "toy")
    lvt("remove", "toy")
    assert [card.name for card in list_models()] == ["default"]
    for name, message in (("default", "comes with lvt"), ("toy", "no model named 'toy'")):
        with pytest.raises(LvtError, match=message):
            remove_model(name)
    assert EMBEDDED.is_dir()
