"""What a process does with memory that it no longer needs."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

# Numbers of glibc's malloc.h, and the largest value that mallopt takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_ALL = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have this process keep what it frees for what it needs next; True where that can be asked.

    Every crop and every step needs the same hundreds of megabytes again. glibc gives them back to
    the kernel in between, which clears each page anew: half of the time of making crops and
    learning on two cores. Peak memory stays the same; only glibc on Linux is asked.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return all([mallopt(_MMAP_THRESHOLD, _ALL), mallopt(_TRIM_THRESHOLD, _ALL)])
