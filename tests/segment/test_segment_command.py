"""`lvt segment`, in process, with the embedded model on a phantom."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import CLASSES, Volume
from lvt_track.io.files import sha256_of
from lvt_track.io.images.volumes import read_geometry, read_mask, read_probability, write_volume
from lvt_track.phantom.image.synthesis import Scanner, TissueMap, synthesise_image
from lvt_track.segment.models import load_model
from lvt_track.training.synthetic.subjects import draw_subject


def lvt(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slab through the liver of a phantom, 64 mm high: a few windows."""
    labels = torch.from_numpy(draw_subject(7, 4.0, "upper")[32:48])
    generator = torch.Generator().manual_seed(0)
    hu = synthesise_image(TissueMap(labels), 4.0, Phase.PORTAL, Scanner(), generator).numpy()
    path = tmp_path_factory.mktemp("scan") / "portal.nii.gz"
    write_volume(Volume(hu.round().astype(np.int16), Geometry.axial(hu.shape, (4.0,) * 3)), path)
    return path


@pytest.fixture(scope="module")
def run(scan: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    out = tmp_path_factory.mktemp("segment") / "out"
    result = lvt(
        "segment", scan, "-o", out, "--device", "cpu", "--save-probabilities", "--json", "--quiet"
    )
    assert result.exit_code == 0, result.output
    return out, json.loads(result.output)


def test_masks_and_probabilities_lie_on_the_scan(
    run: tuple[Path, dict[str, object]], scan: Path
) -> None:
    out, facts = run
    geometry = read_geometry(scan)
    for name in CLASSES:
        mask = read_mask(out / f"{name}.nii.gz", geometry)
        assert np.count_nonzero(mask) * geometry.voxel_volume_ml == pytest.approx(
            facts[f"{name}_ml"], abs=0.06
        )
        probability = read_probability(out / f"{name}_probability.nii.gz", geometry)
        assert read_geometry(out / f"{name}_probability.nii.gz").is_close(geometry)
        assert 0.0 <= probability.min() <= probability.max() <= 1.0
    liver = read_mask(out / "liver.nii.gz", geometry)
    assert liver.any()
    probability = read_probability(out / "liver_probability.nii.gz", geometry)
    assert probability[liver].mean() > 0.6
    assert probability[~liver].mean() < 0.1


def test_the_manifest_says_what_made_which_mask(
    run: tuple[Path, dict[str, object]], scan: Path
) -> None:
    manifest = json.loads((run[0] / "run.json").read_text())
    assert manifest["masks"] == dict.fromkeys(CLASSES, "default")
    assert manifest["models"] == dict(load_model("default").digests)
    assert [item["sha256"] for item in manifest["inputs"]] == [sha256_of(scan)]
    assert manifest["seconds"]["network"] > 0
    report = lvt("report", run[0])
    assert report.exit_code == 3
    assert "not of `lvt track`" in " ".join(report.output.split())


def test_results_are_not_written_over(run: tuple[Path, dict[str, object]], scan: Path) -> None:
    again = lvt("segment", scan, "-o", run[0])
    assert again.exit_code == 2
    assert "already holds files" in again.output
