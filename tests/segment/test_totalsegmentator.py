from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.core.geometry import Geometry
from lvt_track.errors import UsageError
from lvt_track.io.images.volumes import read_mask, read_volume
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.segment.totalsegmentator import TotalSegmentator

WEIGHTS = (
    "Dataset291_TotalSegmentator_part1_organs_1559subj",
    "Dataset297_TotalSegmentator_total_3mm_1559subj_v204",
    "Dataset298_TotalSegmentator_total_6mm_1559subj",
    "Dataset008_HepaticVessel",
    "Dataset591_liver_lesions",
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A stand-in for the installed package; gives the calls made to it."""
    weights = tmp_path / "weights"
    for name in WEIGHTS:
        (weights / name).mkdir(parents=True)
    calls: list[dict[str, Any]] = []

    def totalsegmentator(input: Path, output: None, **options: Any) -> SimpleNamespace:
        print("If you use this tool please cite")
        calls.append(options)
        hu = read_volume(input).hu
        labels = np.zeros(hu.shape, dtype=np.uint8)
        body = hu > 0
        if options["task"] == "total":
            labels[body] = 1
            labels[(hu > 30) & body] = 5
        elif options["task"] == "liver_vessels":
            labels[hu > 130] = 1
            labels[(hu > 30) & (hu < 80)] = 2
        else:
            labels[(hu > 30) & (hu < 80)] = 1
        return SimpleNamespace(dataobj=labels.T)

    config, api = ModuleType("totalsegmentator.config"), ModuleType("totalsegmentator.python_api")
    config.get_weights_dir = lambda: weights  # type: ignore[attr-defined]
    api.totalsegmentator = totalsegmentator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "totalsegmentator", ModuleType("totalsegmentator"))
    monkeypatch.setitem(sys.modules, "totalsegmentator.config", config)
    monkeypatch.setitem(sys.modules, "totalsegmentator.python_api", api)
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda name: "2.18.0" if name == "TotalSegmentator" else version(name),
    )
    return calls


def test_three_tasks_make_three_masks(
    package: list[dict[str, Any]], tiny_patient: Path, tmp_path: Path
) -> None:
    scan = tiny_patient / "2024-01-15" / "portal.nii.gz"
    out = tmp_path / "out"
    args = ["segment", scan, "-o", out, "--model", "totalsegmentator", "--device", "cpu"]
    result = CliRunner().invoke(app, [*map(str, args), "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["model"] == "totalsegmentator"
    assert [call["task"] for call in package] == ["total", "liver_vessels", "liver_lesions"]
    assert package[0]["roi_subset"] == ["liver"]
    assert all(call["device"] == "cpu" and call["ml"] for call in package)
    truth = tiny_patient / "2024-01-15"
    geometry: Geometry = read_volume(scan).geometry
    masks = {n: read_mask(out / f"{n}.nii.gz", geometry) for n in ("liver", "vessels", "tumors")}
    vessels = read_mask(truth / "vessels.nii.gz", geometry)
    assert not (masks["vessels"] & ~masks["liver"]).any()
    assert not (masks["tumors"] & ~masks["liver"]).any()
    assert (masks["vessels"] & vessels).sum() > 0.5 * vessels.sum()


def test_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "totalsegmentator", None)
    with pytest.raises(UsageError, match=r"not installed.*pip install 'lvt-track\[totalsegm"):
        ModelChoice("totalsegmentator").model  # noqa: B018


def test_nothing_is_downloaded(package: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "weights" / "Dataset591_liver_lesions").rmdir()
    (tmp_path / "weights" / "Dataset297_TotalSegmentator_total_3mm_1559subj_v204").rmdir()
    with pytest.raises(UsageError, match="weights for total_fast, liver_lesions are not") as caught:
        TotalSegmentator.installed()
    assert "totalseg_download_weights -t liver_lesions" in caught.value.remedy
    assert package == []


def test_version_stands_for_the_weights(package: list[dict[str, Any]]) -> None:
    model = ModelChoice("totalsegmentator").model
    assert model.digests == {"totalsegmentator": "TotalSegmentator 2.18.0"}
    assert set(model.sources.values()) == {"totalsegmentator"}
