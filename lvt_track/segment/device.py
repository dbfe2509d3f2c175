"""Where networks run, asked without loading torch where the answer is known without it."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from ctypes.util import find_library
from importlib import metadata
from pathlib import Path

from lvt_track.errors import LvtError, UsageError

__all__ = [
    "describe_gpus",
    "describe_torch",
    "device_errors_explained",
    "may_have_gpu",
    "pick_device",
    "torch_version",
]

_NO_MEMORY = re.compile(r"not enough memory|out of memory|can.t allocate memory", re.IGNORECASE)
# Of NVIDIA's driver, of Windows' for Linux inside it, and of AMD's.
_GPU_FILES = ("nvidia0", "nvidiactl", "dxg", "kfd")
_DEV = Path("/dev")


def pick_device(name: str = "auto") -> str:
    """The device of this name, as torch calls it.

    Args:
        name: `auto` (a GPU when torch sees one, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises:
        UsageError: when the name is none of these, or the machine has no such GPU.
    """
    if name == "cpu":
        return "cpu"
    if name == "auto":
        return "cuda:0" if may_have_gpu() and _count_of_gpus() else "cpu"
    match = re.fullmatch(r"cuda(?::(\d+))?", name)
    if match is None:
        raise UsageError(
            f"there is no device named {name!r}", remedy="Use auto, cpu, cuda or cuda:N"
        )
    number, count = int(match.group(1) or 0), _count_of_gpus()
    if number >= count:
        raise UsageError(
            f"{name} was asked for, but torch {torch_version()} sees {count} GPUs",
            remedy="Use --device cpu, or install a torch built for this machine's GPU",
        )
    return f"cuda:{number}"


def may_have_gpu(dev: Path = _DEV) -> bool:
    """Whether torch is worth loading to ask it for GPUs.

    Args:
        dev: the folder of devices on Linux.
    """
    if torch_version().endswith("+cpu") or sys.platform == "darwin":
        return False
    if sys.platform == "win32":
        return find_library("nvcuda") is not None
    return any((dev / name).exists() for name in _GPU_FILES)


def torch_version() -> str:
    """Version of torch as it is installed, for example `2.13.0+cpu`."""
    return metadata.version("torch")


@contextlib.contextmanager
def device_errors_explained(device: str) -> Iterator[None]:
    """Say in words when memory does not suffice, or a GPU fails, while the block runs.

    Raises:
        LvtError: in the place of what torch raises then.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error).strip()
        first = text.splitlines()[0] if text else type(error).__name__
        elsewhere = " or run with --device cpu" if device != "cpu" else ""
        if isinstance(error, MemoryError) or _NO_MEMORY.search(text):
            raise LvtError(
                f"not enough memory on {device} for this scan ({first})",
                remedy=f"Close other programs, cut the scan to the abdomen{elsewhere}",
            ) from error
        if device == "cpu" or "CUDA" not in text:
            raise
        raise LvtError(
            f"{device} failed or was lost on the way ({first})",
            remedy="Run again with --device cpu; `lvt track --resume` goes on from what is done",
        ) from error


def describe_torch() -> str:
    """Version of torch and how many threads it uses."""
    import torch

    return f"{torch.__version__}, {torch.get_num_threads()} threads"


def describe_gpus() -> tuple[str, ...]:
    """Name and memory of every GPU that torch sees."""
    import torch

    gpus = (torch.cuda.get_device_properties(k) for k in range(torch.cuda.device_count()))
    return tuple(f"{gpu.name}, {gpu.total_memory / 1024**3:.0f} GiB" for gpu in gpus)


def _count_of_gpus() -> int:
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
