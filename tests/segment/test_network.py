from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lvt_track.errors import LvtError, UsageError
from lvt_track.segment import device
from lvt_track.segment.device import device_errors_explained, pick_device
from lvt_track.segment.network.half_precision import bfloat16_is_sound
from lvt_track.segment.network.intensity import normalise
from lvt_track.segment.network.parameters import NetworkParameters, weight_shapes
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import Network

SIZE = NetworkParameters((4, 8, 8), (1, 1))


def test_logits_have_the_size_of_the_image() -> None:
    network = ResidualUNet(SIZE)
    assert network(torch.randn(2, 1, 8, 16, 24)).shape == (2, 3, 8, 16, 24)


def test_every_weight_learns() -> None:
    network = ResidualUNet(SIZE)
    network(torch.randn(1, 1, 16, 16, 16)).square().mean().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("shape", [(4, 8, 8), (10, 8, 8)])
def test_sizes_that_do_not_halve_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 4 and at least 8"):
        ResidualUNet(SIZE)(torch.zeros(1, 1, *shape))


def test_what_is_highlighted_is_told_apart_whatever_else_there_is() -> None:
    torch.manual_seed(0)
    network = ResidualUNet(replace(SIZE, highlights=((-0.4, 0.1),)))
    weights = network.stem[0].weight
    assert weights.shape[1] == 2
    with torch.no_grad():
        weights[:, :1] = 0.0
    image = torch.full((1, 1, 8, 8, 8), 0.5)
    assert torch.equal(network(image), network(image - 0.7))
    image[..., 4, 4, 4] = -0.35
    assert not torch.equal(network(image), network(torch.full_like(image, 0.5)))


def test_parameters_are_checked() -> None:
    with pytest.raises(ValueError, match="blocks"):
        NetworkParameters((4, 8), (1, 1))
    with pytest.raises(ValueError, match="channels"):
        NetworkParameters((4,), ())
    with pytest.raises(ValueError, match="outputs"):
        NetworkParameters((4, 8), (1,), outputs=0)
    with pytest.raises(ValueError, match="highlights"):
        NetworkParameters((4, 8), (1,), highlights=((0.0, 0.0),))


def test_normalised_window() -> None:
    hu = np.array([-1000.0, -200.0, 50.0, 300.0, 3000.0], np.float32)
    for values in (hu, torch.from_numpy(hu)):
        assert normalise(values, (-200.0, 300.0)).tolist() == [-1.0, -1.0, 0.0, 1.0, 1.0]


def test_weights_are_named_and_shaped_as_torch_does() -> None:
    for size in (SIZE, replace(SIZE, highlights=((-0.4, 0.1),)), replace(SIZE, exclusive=True)):
        state = ResidualUNet(size).state_dict()
        assert weight_shapes(size) == {name: tuple(value.shape) for name, value in state.items()}


def test_weights_of_another_network_are_none() -> None:
    network = Network.of(ResidualUNet(SIZE))
    with pytest.raises(ValueError, match="weights of another network: head"):
        replace(network, size=replace(SIZE, outputs=2))
    with pytest.raises(ValueError, match=r"another network: down.0.2"):
        replace(network, size=replace(SIZE, blocks=(2, 1)))
    with pytest.raises(ValueError, match="peaks of another network: head"):
        replace(network, input_peaks={"head": np.ones(3, np.float32)})


def test_a_machine_without_a_gpu_does_not_load_torch_to_ask_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "torch_version", lambda: "2.13.0+cu130")
    monkeypatch.setattr(device.sys, "platform", "linux")
    assert not device.may_have_gpu(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert device.may_have_gpu(tmp_path)
    monkeypatch.setattr(device, "torch_version", lambda: "2.13.0+cpu")
    assert not device.may_have_gpu(tmp_path)


def test_bfloat16_trial_leaves_the_random_state_alone() -> None:
    state = torch.random.get_rng_state()
    bfloat16_is_sound.cache_clear()
    assert bfloat16_is_sound("cpu") in (True, False)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_devices() -> None:
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in ("cpu", "cuda:0")
    with pytest.raises(UsageError, match="no device named 'tpu'"):
        pick_device("tpu")
    with pytest.raises(UsageError, match="sees"):
        pick_device(f"cuda:{torch.cuda.device_count()}")


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("cuda:0", torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")),
        (
            "cpu",
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: not enough memory"
            ),
        ),
        ("cpu", RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")),
        ("cpu", MemoryError()),
    ],
)
def test_memory_that_does_not_suffice_is_said_in_words(place: str, error: Exception) -> None:
    with (
        pytest.raises(LvtError, match=r"not enough memory on .* Close other programs"),
        device_errors_explained(place),
    ):
        raise error


def test_a_device_that_disappears_is_said_in_words() -> None:
    lost = RuntimeError("CUDA error: the GPU has fallen off the bus\nCompile with more checks")
    with (
        pytest.raises(LvtError, match=r"lost on the way \(CUDA error: .* bus\)"),
        device_errors_explained("cuda:0"),
    ):
        raise lost
    with pytest.raises(RuntimeError, match="fallen"), device_errors_explained("cpu"):
        raise lost
