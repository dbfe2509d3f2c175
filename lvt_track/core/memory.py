"""How much memory this process may still take, and how much it took."""

from __future__ import annotations

import contextlib
from pathlib import Path

__all__ = ["available_bytes", "peak_bytes", "reset_peak"]

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


def available_bytes(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int | None:
    """Of the machine and of the control group, what is left of the one that has less.

    Args:
        meminfo: what Linux says of the machine.
        cgroup: where the control group of this process is, version 2.

    Returns:
        Bytes; None where neither says, as on other systems.
    """
    known = [left for left in (_machine(meminfo), _group(cgroup)) if left is not None]
    return min(known, default=None)


def _machine(meminfo: Path) -> int | None:
    try:
        for line in meminfo.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _group(cgroup: Path) -> int | None:
    try:
        most, used = (
            int((cgroup / name).read_text(encoding="ascii"))
            for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):  # `max`: no limit
        return None
    return max(0, most - used)


def reset_peak() -> None:
    """Begin to count the peak of this process anew, where the system can."""
    with contextlib.suppress(OSError):
        _CLEAR_REFS.write_text("5", encoding="ascii")


def peak_bytes() -> int | None:
    """Most memory that this process held since `reset_peak`; where that does nothing, ever.

    Returns:
        Bytes; None where the system does not say.
    """
    try:
        for line in _STATUS.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
