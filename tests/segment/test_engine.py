"""OpenVINO says what torch says, whatever the number of threads, and steps aside where it fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lvt_track.core.geometry import Box, Geometry
from lvt_track.core.volume import Volume
from lvt_track.errors import UsageError
from lvt_track.segment import infer, segmenter
from lvt_track.segment.cards import Part
from lvt_track.segment.engine import choice
from lvt_track.segment.engine.choice import (
    OPENVINO,
    TORCH,
    Engine,
    after_failure,
    network_on,
    pick_engine,
)
from lvt_track.segment.engine.eight_bits import whole_weights
from lvt_track.segment.engine.layers import can_lay
from lvt_track.segment.engine.peaks import measured_peaks
from lvt_track.segment.engine.processor import processor_flags
from lvt_track.segment.engine.reference import reference_probabilities
from lvt_track.segment.network import half_precision
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import Network
from lvt_track.segment.segmenter import Effort, Run
from lvt_track.segment.windows import window_boxes

CPU = "cpu"
FLOAT32 = Engine(OPENVINO, "", "float32")
PATCH = (16, 16, 16)
# As the embedded ones are: the segmenter with brightnesses marked, the locator without.
SEGMENTER = NetworkParameters((4, 8, 8), (1, 2), highlights=((-0.39, 0.143),))
LOCATOR = NetworkParameters((4, 8), (1,), outputs=1)
IMAGE_SHAPE = (24, 20, 28)


def network_of(size: NetworkParameters) -> Network:
    torch.manual_seed(3)
    network = ResidualUNet(size).eval().requires_grad_(False)
    for name, weight in network.named_parameters():
        if "norm" in name or name.endswith("bias") or weight.ndim == 1:
            weight.uniform_(0.5, 1.5)
    return Network.of(network)


def image() -> NDArray[np.float32]:
    values = np.random.default_rng(4).normal(size=IMAGE_SHAPE)
    return values.astype(np.float32).clip(-1.0, 1.0)


def part_of(size: NetworkParameters) -> Part:
    return Part("a", "", (1.0, 1.0, 1.0), PATCH, (-100.0, 250.0), size)


def answers(engine: Engine, size: NetworkParameters) -> NDArray[np.float32]:
    run = Run(CPU, engine, Effort())
    boxes = window_boxes(IMAGE_SHAPE, PATCH, 0.25)
    blend = run.classify(part_of(size), network_of(size), image(), boxes, lambda share: None)
    assert run.notes == []
    return blend.values


@pytest.fixture
def sound() -> None:
    if pick_engine(CPU, "float32").name != OPENVINO:
        pytest.skip("OpenVINO is not sound here")


@pytest.mark.usefixtures("sound")
@pytest.mark.parametrize("size", [SEGMENTER, LOCATOR])
def test_openvino_says_what_torch_says(size: NetworkParameters) -> None:
    by_torch = answers(Engine(TORCH, "", "float32"), size)
    assert by_torch.std() > 0.02
    np.testing.assert_allclose(answers(FLOAT32, size), by_torch, atol=1e-4, rtol=0.0)


@pytest.mark.usefixtures("sound")
def test_the_same_bits_however_many_windows_run_at_once() -> None:
    one = answers(FLOAT32, SEGMENTER)
    for at_once in (2, 8):
        assert np.array_equal(answers(replace(FLOAT32, windows_at_once=at_once), SEGMENTER), one)


@pytest.mark.usefixtures("sound")
def test_answers_come_in_the_order_of_the_windows() -> None:
    ready = network_on(replace(FLOAT32, windows_at_once=2), network_of(SEGMENTER), PATCH)
    boxes = window_boxes(IMAGE_SHAPE, PATCH, 0.25)
    forwards = [value.copy() for value in ready.run(image(), boxes)]
    backwards = [value.copy() for value in ready.run(image(), boxes[::-1])]
    assert len(forwards) == len(boxes) > 4
    for one, other in zip(forwards, backwards[::-1], strict=True):
        assert np.array_equal(one, other)


@pytest.mark.usefixtures("sound")
def test_torch_goes_on_where_openvino_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def run(self, image: object, boxes: Sequence[Box]) -> Iterator[object]:
            raise RuntimeError("Exception from src/inference: cannot reorder\nmore lines")

    monkeypatch.setattr(segmenter, "network_on", lambda *args: Broken())
    run = Run(CPU, FLOAT32, Effort())
    boxes = window_boxes(IMAGE_SHAPE, PATCH, 0.25)
    part, network = part_of(SEGMENTER), network_of(SEGMENTER)
    for _ in range(2):
        blend = run.classify(part, network, image(), boxes, lambda share: None)
    assert run.notes == [
        "OpenVINO failed, torch goes on (Exception from src/inference: cannot reorder)"
    ]
    assert list(run.engines) == [f"torch {torch.__version__}, float32"]
    assert np.array_equal(blend.values, answers(Engine(TORCH, "", "float32"), SEGMENTER))


def test_where_memory_is_short_fewer_windows_run_at_once_before_torch_does() -> None:
    two = replace(FLOAT32, windows_at_once=2)
    one = after_failure(two, RuntimeError("std::bad_alloc"))
    assert (one.name, one.windows_at_once) == (OPENVINO, 1)
    assert after_failure(one, MemoryError()).name == TORCH
    assert after_failure(two, RuntimeError("no kernel")).name == TORCH


@pytest.mark.parametrize(
    ("break_it", "remark"),
    [
        (("openvino_version", ImportError("none", name="openvino")), "is not installed"),
        (("openvino_version", ImportError("libtbb.so.12: no such file")), "cannot be loaded"),
        (("_error", RuntimeError("illegal instruction")), "failed its check (illegal"),
        (("_error", 0.3), "failed its check: off by 0.3"),
        (("_error", float("nan")), "failed its check: off by nan"),
    ],
)
def test_a_broken_openvino_is_left_and_said(
    break_it: tuple[str, Any], remark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, outcome = break_it

    def broken(*args: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(choice, "openvino_version", lambda: "2026")
    monkeypatch.setattr(choice, name, broken)
    choice.openvino_state.cache_clear()
    try:
        engine = pick_engine(CPU, "float32")
    finally:
        choice.openvino_state.cache_clear()
    assert engine.name == TORCH
    assert remark in engine.remark


def test_a_processor_without_avx2_gets_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "has_avx2", lambda: False)
    choice.openvino_state.cache_clear()
    try:
        assert pick_engine(CPU, "float32").name == TORCH
    finally:
        choice.openvino_state.cache_clear()


def test_little_memory_means_fewer_windows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "openvino_state", lambda precision: ("2026", ""))
    monkeypatch.setattr(choice, "threads_of", lambda: 8)
    for gigabytes, at_once in ((0.1, 1), (3.0, 4), (64.0, 8)):
        monkeypatch.setattr(choice, "available_bytes", lambda free=gigabytes: int(free * 1e9))
        assert pick_engine(CPU, "float32").windows_at_once == at_once


@pytest.mark.usefixtures("sound")
def test_eight_bits_say_nearly_what_torch_says() -> None:
    engine = replace(FLOAT32, precision="int8")
    network, boxes = network_of(SEGMENTER), window_boxes(IMAGE_SHAPE, PATCH, 0.25)
    seen = [torch.from_numpy(image()[box].copy()) for box in boxes]
    network = replace(network, input_peaks=measured_peaks(network.module, seen))
    assert set(network.input_peaks) == {
        name
        for name, layer in network.module.named_modules()
        if isinstance(layer, torch.nn.Conv3d) and name not in ("stem.0", "head")
    }
    run = Run(CPU, engine, Effort())
    blend = run.classify(part_of(SEGMENTER), network, image(), boxes, lambda share: None)
    by_torch = answers(Engine(TORCH, "", "float32"), SEGMENTER)
    off = np.abs(blend.values - by_torch)
    # Processors without VNNI add up in 16 bits, which clips single sums.
    adds_in_32_bits = any("vnni" in flag for flag in processor_flags() or ())
    assert 0.0 < off.max() < (0.1 if adds_in_32_bits else 0.2)
    assert np.quantile(off, 0.999) < 0.1
    assert off.mean() < 0.01


def test_peaks_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match="2 peaks for 4 channels"):
        whole_weights(None, np.ones((3, 4, 1, 1, 1), np.float32), np.ones(2, np.float32))


@pytest.mark.parametrize("state", [("", "OpenVINO is not installed"), ("2026", "off by 0.4")])
def test_int8_falls_back_where_it_is_not_sound(
    state: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = ("2026", "")
    is_missing = not state[0]
    monkeypatch.setattr(choice, "multiplies_bfloat16", lambda: False)
    monkeypatch.setattr(half_precision, "bfloat16_is_sound", lambda device: False)
    monkeypatch.setattr(
        choice, "openvino_state", lambda word: state if is_missing or word == "int8" else sound
    )
    engine = pick_engine(CPU, "int8")
    assert engine.precision == "float32"
    assert engine.name == (TORCH if is_missing else OPENVINO)
    assert state[1] in engine.remark


def test_after_int8_torch_goes_on_in_float() -> None:
    engine = Engine(OPENVINO, "", "int8", rest="bfloat16")
    assert engine.float_precision == "bfloat16"
    assert after_failure(engine, RuntimeError("no kernel")).precision == "bfloat16"
    assert engine.without_int8("why").precision == "bfloat16"


def test_a_model_that_was_not_measured_is_not_run_in_eight_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unmeasured:
        name, knows_peaks = "mine", False

    monkeypatch.setattr(infer, "pick_engine", lambda *_: Engine(OPENVINO, "", "int8"))
    monkeypatch.setattr(infer, "_segmented", lambda volume, model, run: run)
    air = Volume(np.full((2, 2, 2), -1000, np.int16), Geometry.axial((2, 2, 2), (1.0,) * 3))
    run: Any = infer.segment(air, Unmeasured(), "cpu", effort=Effort(precision="int8"))  # type: ignore[arg-type]
    assert run.engine.precision == "float32"
    assert run.notes == ["the model mine was not measured for int8: float32 instead"]


@pytest.mark.usefixtures("sound")
def test_no_cache_folder_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    for name in ("HOME", "XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    assert answers(FLOAT32, LOCATOR).shape == (1, *IMAGE_SHAPE)
    assert not list(tmp_path.iterdir())


def test_precisions_are_checked() -> None:
    with pytest.raises(UsageError, match="no precision 'float8'"):
        pick_engine(CPU, "float8")


def test_heads_that_are_not_laid_are_left_to_torch() -> None:
    assert can_lay(SEGMENTER)
    assert not can_lay(replace(SEGMENTER, nested=True))
    assert not can_lay(replace(SEGMENTER, exclusive=True))


@pytest.mark.parametrize("size", [SEGMENTER, LOCATOR])
def test_plain_numpy_says_what_torch_says(size: NetworkParameters) -> None:
    network, window = network_of(size), image()[:16, :16, :16]
    expected = network.module(torch.from_numpy(window.copy())[None, None]).sigmoid()[0]
    found = reference_probabilities(network, window)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert found.std() > 0.02


def test_extensions_of_the_processor_are_read_as_linux_lists_them(tmp_path: Path) -> None:
    listed = tmp_path / "cpuinfo"
    listed.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16\nflags\t: none\n")
    assert processor_flags(listed) == {"fpu", "avx2", "avx512_bf16"}
    (tmp_path / "arm").write_text("processor\t: 0\nFeatures\t: asimd\n")
    assert processor_flags(tmp_path / "arm") is None
    assert processor_flags(tmp_path / "absent") is None


def test_openvino_reports_to_nobody() -> None:
    lines = (
        "import sys",
        "from lvt_track.segment.engine.runtime import openvino",
        "try: openvino()",
        "except ImportError: pass",
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry')]",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
