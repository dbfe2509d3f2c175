"""What following a patient costs where the masks are given: seconds a pair of visits.

Usage: python benchmarks/course.py [--visits 5] [--runs 3]

A phantom is drawn at both protocols, with its true masks beside the scans, and followed by
`lvt track`: reading, measuring, registering, matching, look-back and reports. Wall seconds need a
quiet machine, seconds of cores do not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pages.markdown import markdown_table, write_page

PROTOCOLS = {"small": "250 × 184 × 60", "clinical": "512 × 512"}
LARGEST_STAGES = 4


@dataclass(frozen=True)
class Run:
    """One `lvt track`: seconds of the clock and of cores, peak memory, seconds by stage."""

    seconds: float
    core_seconds: float
    peak_gb: float
    stages: dict[str, float]


def lvt(*words: object) -> tuple[float, float, float]:
    """Run `lvt`; its seconds, its seconds of cores and its peak memory in GB."""
    command = [sys.executable, "-m", "lvt_track.cli", *map(str, words), "--force", "--quiet"]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed with status {status}")
    core_seconds = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - start, core_seconds, usage.ru_maxrss / 1e6


def track(patient: Path, out: Path) -> Run:
    """Follow one patient."""
    costs = lvt("track", patient, "-o", out)
    return Run(*costs, json.loads((out / "run.json").read_text(encoding="utf-8"))["seconds"])


def main() -> None:
    """Draw, follow, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    pairs = options.visits - 1
    rows = []
    for protocol, grid in PROTOCOLS.items():
        with tempfile.TemporaryDirectory() as work:
            patient, out = Path(work) / "patient", Path(work) / "out"
            visits = ("--visits", options.visits)
            lvt("phantom", "-o", patient, *visits, "--protocol", protocol, "--masks")
            runs = [track(patient, out) for _ in range(options.runs)]
        middle = sorted(runs, key=lambda run: run.seconds)[options.runs // 2]
        largest = sorted(middle.stages.items(), key=lambda stage: -stage[1])[:LARGEST_STAGES]
        rows.append(
            [
                f"{protocol}, {grid}",
                f"{middle.seconds:.1f} s",
                f"{middle.seconds / pairs:.1f} s",
                f"{statistics.median(run.core_seconds for run in runs):.1f} s",
                f"{max(run.peak_gb for run in runs):.1f} GB",
                ", ".join(f"{name} {seconds:.1f} s" for name, seconds in largest),
            ]
        )
    header = ["protocol", "whole command", "a pair", "of cores", "peak memory", "largest stages"]
    page = write_page(
        "course",
        "What following a patient costs where masks are given",
        f"python benchmarks/course.py --visits {options.visits} --runs {options.runs}",
        f"Median of {options.runs} runs of `lvt track`, {options.visits} visits with given masks, "
        f"every report written; {os.getloadavg()[2]:.0f} threads were busy on the machine.",
        markdown_table(header, rows),
    )
    print(page)


if __name__ == "__main__":
    main()
