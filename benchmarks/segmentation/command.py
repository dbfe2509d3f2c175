"""`lvt segment` as a process: what it says, how long it takes, what it holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome", "run_command"]


@dataclass(frozen=True)
class Outcome:
    """One run of `lvt segment`: what it said, wall seconds, those of cores, peak memory in GB."""

    facts: dict[str, object]
    seconds: float
    core_seconds: float
    peak_gb: float


def run_command(scan: Path, out: Path, *options: str) -> Outcome:
    """`lvt segment` in a process of its own, start-up, reading and writing included."""
    command = [sys.executable, "-m", "lvt_track.cli", "segment", str(scan), "-o", str(out)]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--json", "--quiet", "--force", *options], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"lvt segment {scan} failed with status {status}")
    return Outcome(
        json.loads(output),
        time.perf_counter() - start,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1e6,
    )
