"""`make demo` on a clean checkout, with set-up and without: seconds and peak memory.

Usage: python benchmarks/demo.py [--runs 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from pages.markdown import markdown_table, write_page

ROOT = Path(__file__).parents[1]


def timed(folder: Path) -> tuple[float, float]:
    """Seconds and peak memory in GB of the largest process of `make demo`."""
    start = time.perf_counter()
    process = subprocess.Popen(["make", "demo"], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"make demo failed with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1e6


def main() -> None:
    """Clone, run once from nothing and then again, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "lvt"
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
        first = timed(folder)
        print("with set-up", first)
        again = [timed(folder) for _ in range(runs)]
    seconds, gigabytes = (statistics.median(values) for values in zip(*again, strict=True))
    rows = [
        ["from nothing, set-up included", f"{first[0]:.0f}", f"{first[1]:.1f}", 1],
        ["once set up (median)", f"{seconds:.0f}", f"{gigabytes:.1f}", runs],
    ]
    page = write_page(
        "demo",
        "The demo, from nothing to a report",
        f"python benchmarks/demo.py --runs {runs}",
        "Set-up includes downloading what pip has not cached.",
        markdown_table(["make demo", "s", "peak GB", "runs"], rows),
    )
    print(page)


if __name__ == "__main__":
    main()
