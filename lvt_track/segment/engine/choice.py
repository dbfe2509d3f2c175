"""Which engine and which precision windows run with: the fastest that is sound on this machine."""

from __future__ import annotations

import functools
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np

from lvt_track.core.memory import available_bytes
from lvt_track.core.threads import threads_of
from lvt_track.errors import UsageError
from lvt_track.segment.device import torch_version
from lvt_track.segment.engine.graph import graph_of
from lvt_track.segment.engine.processor import has_avx2, multiplies_bfloat16
from lvt_track.segment.engine.reference import (
    drawn_network,
    input_reach,
    reference_probabilities,
)
from lvt_track.segment.engine.requests import CompiledNetwork, compiled
from lvt_track.segment.engine.runtime import openvino_version
from lvt_track.segment.grid import Extent
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.weights import Network

__all__ = [
    "OPENVINO",
    "PRECISIONS",
    "TORCH",
    "Engine",
    "Precision",
    "after_failure",
    "check_precision",
    "network_on",
    "pick_engine",
]

Precision = Literal["auto", "float32", "bfloat16", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)

OPENVINO, TORCH = "OpenVINO", "torch"

# A window of 80 x 80 x 80 holds 0.35 GB in float32 while it runs; half may be taken.
_BYTES_PER_WINDOW = 350_000_000
_SHARE_OF_MEMORY = 0.5
_MOST_WINDOWS_AT_ONCE = 16
# On the windows of a small random network; float32 differs by its rounding alone.
_LARGEST_ERROR = {"float32": 1e-3, "bfloat16": 0.05, "int8": 0.1}

_NO_MEMORY = ("bad_alloc", "allocate", "out of memory")

_READY: MutableMapping[Network, dict[tuple[Engine, Extent], CompiledNetwork]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Engine:
    """What runs the windows of the embedded kind of network.

    Attributes:
        name: `OpenVINO` or `torch`.
        version: of it.
        precision: in which convolutions are computed, `float32`, `bfloat16` or `int8`: the last
            those whose input's peaks are known, all else in `float_precision`.
        windows_at_once: with OpenVINO, each on a thread of its own.
        remark: why it is not the usual one; empty where it is.
        rest: with `int8`, the precision of all that is not in whole numbers.
    """

    name: str
    version: str
    precision: str
    windows_at_once: int = 1
    remark: str = ""
    rest: str = "float32"

    def __str__(self) -> str:
        return f"{self.name} {self.version}, {self.precision}"

    @property
    def float_precision(self) -> str:
        """In which all is computed that is not in whole numbers."""
        return self.rest if self.precision == "int8" else self.precision

    def without_int8(self, remark: str) -> Engine:
        """The engine where nothing is computed in eight bits."""
        return replace(self, precision=self.float_precision, remark=remark)


def pick_engine(device: str, precision: str = "auto") -> Engine:
    """The engine for a device; OpenVINO for a CPU where it is installed and sound.

    Args:
        device: where it runs, see `device.pick_device`.
        precision: `auto` for bfloat16 where the processor multiplies it itself, else float32;
            `int8` where OpenVINO and the processor can, else what `auto` gives.

    Raises:
        UsageError: when there is no such precision, or bfloat16 is asked for where it is wrong.
    """
    check_precision(precision)
    if device != "cpu":
        engine = _torch_engine(device, precision)
        remark = f"int8 is for processors: {engine.precision} instead"
        return replace(engine, remark=remark) if precision == "int8" else engine
    chosen = "bfloat16" if precision != "float32" and multiplies_bfloat16() else "float32"
    version, remark = openvino_state(chosen)
    if remark:
        return replace(_torch_engine(device, precision), remark=remark)
    if precision == "bfloat16" and chosen != "bfloat16":
        raise _no_bfloat16(device)
    engine = Engine(OPENVINO, version, chosen, _windows_at_once(chosen))
    if precision != "int8":
        return engine
    _, remark = openvino_state("int8")
    if remark:
        return replace(engine, remark=f"no int8: {remark}")
    return replace(engine, precision="int8", rest=chosen)


def _torch_engine(device: str, precision: str) -> Engine:
    """Torch, in bfloat16 where that is sound and may be.

    Raises:
        UsageError: when bfloat16 is asked for where it is not sound.
    """
    from lvt_track.segment.network.half_precision import bfloat16_is_sound

    half = precision != "float32" and bfloat16_is_sound(device)
    if precision == "bfloat16" and not half:
        raise _no_bfloat16(device)
    return Engine(TORCH, torch_version(), "bfloat16" if half else "float32")


def _no_bfloat16(device: str) -> UsageError:
    return UsageError(
        f"{device} does not compute in bfloat16, or wrongly", remedy="Use --precision auto"
    )


def check_precision(precision: str) -> None:
    """Notice a word that is none.

    Raises:
        UsageError: when there is no such precision.
    """
    if precision not in PRECISIONS:
        raise UsageError(
            f"there is no precision {precision!r}", remedy=f"Use one of {', '.join(PRECISIONS)}"
        )


@functools.cache
def openvino_state(precision: str) -> tuple[str, str]:
    """Version of OpenVINO, and why it cannot be used; empty where it can."""
    try:
        version = openvino_version()
    except ImportError as error:
        if getattr(error, "name", None) == "openvino":
            return "", "OpenVINO is not installed (`pip install 'lvt-track[fast]'`)"
        return "", f"OpenVINO cannot be loaded ({error})"
    if not has_avx2():
        return version, "this processor has no AVX2"
    try:
        off = _error(precision)
    except Exception as failure:  # whatever a broken installation raises
        return version, f"OpenVINO failed its check ({failure})"
    if not off < _LARGEST_ERROR[precision]:
        return version, f"OpenVINO failed its check: off by {off:.2g} in {precision}"
    return version, ""


def _error(precision: str) -> float:
    """The largest difference from plain numpy on a small network with weights drawn at random."""
    network = drawn_network(NetworkParameters((8, 16, 32), (1, 1), highlights=((0.0, 0.5),)))
    image = np.random.default_rng(0).normal(size=(16, 16, 24)).astype(np.float32)
    exact = reference_probabilities(network, image)
    if precision == "int8":
        network = replace(network, input_peaks=input_reach(network, image))
    small = network_on(Engine(OPENVINO, "", precision), network, (16, 16, 24))
    (approximate,) = small.run(image, [(slice(0, 16), slice(0, 16), slice(0, 24))])
    return float(np.abs(approximate - exact).max())


def network_on(engine: Engine, network: Network, patch: Extent) -> CompiledNetwork:
    """The network ready to run windows of one size with OpenVINO; made once per process.

    Raises:
        RuntimeError: when OpenVINO fails.
    """
    known = _READY.setdefault(network, {})
    if (engine, patch) not in known:
        graph = graph_of(network, patch, engine.precision == "int8")
        at_once = engine.windows_at_once
        known[engine, patch] = compiled(graph, engine.float_precision, at_once)
    return known[engine, patch]


def after_failure(engine: Engine, error: Exception) -> Engine:
    """What goes on where OpenVINO failed: itself one window at a time, where memory ran short; else
    torch."""
    words = (str(error).strip() or repr(error)).splitlines()[0]
    is_memory = isinstance(error, MemoryError) or any(word in words for word in _NO_MEMORY)
    if is_memory and engine.windows_at_once > 1:
        remark = "memory ran short: windows go on one at a time"
        return replace(engine, windows_at_once=1, remark=remark)
    remark = f"OpenVINO failed, torch goes on ({words})"
    return Engine(TORCH, torch_version(), engine.float_precision, remark=remark)


def _windows_at_once(precision: str) -> int:
    """One per thread, as far as memory lasts."""
    threads = min(threads_of(), _MOST_WINDOWS_AT_ONCE)
    left = available_bytes()
    if left is None:
        return threads
    need = _BYTES_PER_WINDOW // (2 if precision == "bfloat16" else 1)
    return max(1, min(threads, int(left * _SHARE_OF_MEMORY) // need))
