"""What the processor can do, as the system says it; torch is asked where the system does not."""

from __future__ import annotations

import functools
from pathlib import Path

__all__ = ["has_avx2", "multiplies_bfloat16", "processor_flags"]

_CPUINFO = Path("/proc/cpuinfo")


def has_avx2() -> bool:
    """Whether OpenVINO's fast kernels run here."""
    flags = processor_flags()
    if flags is None:
        import torch

        return torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "NO AVX")
    return "avx2" in flags


def multiplies_bfloat16() -> bool:
    """Whether bfloat16 is fast here: multiplied by the processor itself, not emulated."""
    flags = processor_flags()
    if flags is None:
        import torch

        return bool(torch.cpu._is_avx512_bf16_supported())
    return "avx512_bf16" in flags


@functools.cache
def processor_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str] | None:
    """Names of its extensions; None where the system does not list them as Linux on x86 does."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return None
