"""`lvt segment` of a NIfTI file with OpenVINO loads no library that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.images.volumes import read_mask, write_volume
from lvt_track.pipeline.doctor import examine
from lvt_track.segment.engine.choice import OPENVINO, pick_engine
from lvt_track.segment.engine.reference import drawn_network
from lvt_track.segment.models import Card, Part, save_model
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.weights import Network

LOCATOR = NetworkParameters((4, 8), (1,), outputs=1)
SEGMENTER = NetworkParameters((4, 8), (1,))
GRID = Geometry.axial((12, 20, 20), (6.0, 4.0, 4.0))
RUN = """
import sys
from lvt_track.cli.app import app
app(sys.argv[1:], standalone_mode=False)
assert "openvino" in sys.modules
for name in ("torch", "pydicom", "SimpleITK", "pandas", "matplotlib"):
    assert name not in sys.modules, name
"""


def sure(size: NetworkParameters) -> Network:
    """A network that takes everything for everything."""
    network = drawn_network(size)
    bias = np.full(network.weights["head.bias"].shape, 9.0, np.float32)
    return replace(network, weights={**network.weights, "head.bias": bias})


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    hu = np.random.default_rng(0).normal(60.0, 30.0, GRID.shape).astype(np.int16)
    hu[:, 0] = -1000
    path = tmp_path / "scan.nii.gz"
    write_volume(Volume(hu, GRID), path)
    return path


@pytest.mark.skipif(pick_engine("cpu").name != OPENVINO, reason="OpenVINO is not sound here")
def test_the_fast_engine_loads_neither_torch_nor_pydicom(scan: Path, tmp_path: Path) -> None:
    patch, out = (8, 16, 16), tmp_path / "out"
    locator = Part("", "", (8.0, 8.0, 8.0), patch, (-200.0, 300.0), LOCATOR)
    segmenter = replace(
        locator, spacing_mm=(6.0, 5.0, 5.0), network=SEGMENTER, finer_mm=(4.0, 4.0, 4.0)
    )
    card = Card("sure", "1", "none", "nothing", locator, segmenter, fluid_hu=5.0)
    save_model(card, {"locator": sure(LOCATOR), "segmenter": sure(SEGMENTER)}, tmp_path / "models")
    arguments = ["segment", str(scan), "-o", str(out), "--model", "sure", "--device", "cpu", "-q"]
    subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env=os.environ | {"LVT_MODELS": str(tmp_path / "models")},
        check=True,
    )
    assert read_mask(out / "liver.nii.gz", GRID).mean() > 0.9
    assert json.loads((out / "run.json").read_text())["engine"].startswith("cpu (OpenVINO")


def test_a_torch_that_cannot_be_loaded_is_told_and_the_engine_still_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    findings = {finding.name: finding for finding in examine()}
    assert not findings["torch"].is_ok
    assert findings["torch"].state.startswith("cannot be loaded")
    assert findings["engine"].is_ok == (pick_engine("cpu").name == OPENVINO)
