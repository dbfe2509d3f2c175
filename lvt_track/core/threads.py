"""How many threads this process may use, and how libraries are told before they load.

A container or a scheduler gives a process fewer cores than the machine has; torch, ITK and BLAS
count those of the machine, or spin while they wait for each other, and then every process on it
stalls. So the count is taken from what the process is allowed, and waiting threads sleep.
"""

from __future__ import annotations

import math
import os
from collections.abc import MutableMapping
from pathlib import Path

__all__ = ["allowed_cores", "cgroup_cores", "limit_threads", "threads_of"]

_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
# Of GNU's OpenMP, which torch for Linux brings, and of Intel's.
_PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
# numpy's spins while it waits, and products of matrices here are too small to be worth sharing: on
# a busy machine two threads take fifty times as long as one.
_ALONE = {"OPENBLAS_NUM_THREADS": "1"}
_CGROUP = Path("/sys/fs/cgroup")


def allowed_cores() -> int:
    """Cores that this process may use: of its affinity and its control group the fewest."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        count = os.cpu_count() or 1
    quota = cgroup_cores()
    return count if quota is None else max(1, min(count, math.ceil(quota)))


def cgroup_cores(root: Path = _CGROUP) -> float | None:
    """Cores' worth of time that the control group of this process gets; None where unlimited.

    Args:
        root: where the control groups are, as the process sees them: version 2 (`cpu.max`) or
            version 1 (`cpu/cpu.cfs_quota_us`).
    """
    try:
        quota, period = (root / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (root / "cpu" / "cpu.cfs_period_us").read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
    try:
        cores = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):  # `max`: no limit
        return None
    return cores if cores > 0 else None


def limit_threads(count: int | None = None, environ: MutableMapping[str, str] = os.environ) -> int:
    """Tell libraries that load after this how many threads to use, and to sleep while they wait.

    Args:
        count: of threads; None for the cores that are allowed, or what the environment says.
        environ: where it is said.

    Returns:
        The count.
    """
    for name, value in (_PASSIVE | _ALONE).items():
        environ.setdefault(name, value)
    if count is None:
        count = threads_of(environ)
        for name in _COUNTS:
            environ.setdefault(name, str(count))
    else:
        environ.update(dict.fromkeys(_COUNTS, str(count)))
    return count


def threads_of(environ: MutableMapping[str, str] = os.environ) -> int:
    """The threads that a process should use: OMP_NUM_THREADS, or all cores that it is allowed."""
    stated = environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(stated) if stated.isdigit() and int(stated) > 0 else allowed_cores()
