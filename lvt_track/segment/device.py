"""Where a network runs, and at which precision it may."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator

import torch

from lvt_track.errors import LvtError, UsageError
from lvt_track.segment.network import NetworkParameters, ResidualUNet

__all__ = [
    "bfloat16_is_sound",
    "describe_gpus",
    "describe_torch",
    "device_errors_explained",
    "pick_device",
]

_LARGEST_ERROR = 0.05
_NO_MEMORY = re.compile(r"not enough memory|out of memory|can.t allocate memory", re.IGNORECASE)


def pick_device(name: str = "auto") -> torch.device:
    """The device of this name.

    Args:
        name: `auto` (a GPU when torch sees one, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises:
        UsageError: when the name is none of these, or the machine has no such GPU.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    match = re.fullmatch(r"cuda(?::(\d+))?", name)
    if match is None:
        raise UsageError(
            f"there is no device named {name!r}", remedy="Use auto, cpu, cuda or cuda:N"
        )
    number = int(match.group(1) or 0)
    count = torch.cuda.device_count()
    if number >= count:
        raise UsageError(
            f"{name} was asked for, but torch {torch.__version__} sees {count} GPUs",
            remedy="Use --device cpu, or install a torch built for this machine's GPU",
        )
    return torch.device("cuda", number)


@contextlib.contextmanager
def device_errors_explained(device: torch.device) -> Iterator[None]:
    """Say in words when memory does not suffice, or a GPU fails, while the block runs.

    Raises:
        LvtError: in the place of what torch raises then.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error).strip()
        first = text.splitlines()[0] if text else type(error).__name__
        elsewhere = " or run with --device cpu" if device.type != "cpu" else ""
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or _NO_MEMORY.search(text):
            raise LvtError(
                f"not enough memory on {device} for this scan ({first})",
                remedy=f"Close other programs, cut the scan to the abdomen{elsewhere}",
            ) from error
        if device.type == "cpu" or "CUDA" not in text:
            raise
        raise LvtError(
            f"{device} failed or was lost on the way ({first})",
            remedy="Run again with --device cpu; `lvt track --resume` goes on from what is done",
        ) from error


@functools.cache
def bfloat16_is_sound(device: torch.device) -> bool:
    """Whether bfloat16 is fast here and gives what float32 gives, tried on a small network.

    On CPUs it pays only where the processor multiplies bfloat16 itself (AVX-512 BF16), and PyTorch
    has had wrong bfloat16 convolutions there (issue 169688); hence the trial, once per process.
    """
    if device.type == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return False
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return False
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        network = ResidualUNet(NetworkParameters((8, 16, 32), (1, 1))).to(device).eval()
        image = torch.randn(1, 1, 16, 16, 24).to(device)
        exact = network(image).sigmoid()
        with torch.autocast(device.type, dtype=torch.bfloat16):
            quick = network(image).float().sigmoid()
    return bool((quick - exact).abs().max() < _LARGEST_ERROR)


def describe_torch() -> str:
    """Version of torch and how many threads it uses."""
    return f"{torch.__version__}, {torch.get_num_threads()} threads"


def describe_gpus() -> tuple[str, ...]:
    """Name and memory of every GPU that torch sees."""
    gpus = (torch.cuda.get_device_properties(k) for k in range(torch.cuda.device_count()))
    return tuple(f"{gpu.name}, {gpu.total_memory / 1024**3:.0f} GiB" for gpu in gpus)
