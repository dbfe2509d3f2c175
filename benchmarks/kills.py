"""Runs killed at random moments, and resumed: do they end in the same bytes?

    python benchmarks/kills.py 100 [--seed 0] [--visits 2]

A patient of a phantom with given masks is followed once without disturbance, then N times with a
SIGKILL at a random moment of the run, up to three in a row, and `--resume` after each. Every file
but `run.json`, which holds seconds, must be that of the undisturbed run, and nothing half-written
may be left. Exit code 1 where it is not.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LVT = (sys.executable, "-m", "lvt_track.cli")
EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}
MOST_KILLS = 3


def run(patient: Path, out: Path, *options: str, after_s: float | None = None) -> int:
    """A run of `lvt track`, killed after some seconds; its exit code, -9 if it was killed."""
    command = [*LVT, "track", str(patient), "-o", str(out), "--quiet", *options]
    process = subprocess.Popen(
        command,
        env=os.environ | EPOCH,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the manifest."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def main() -> int:
    """Kill, resume, compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--visits", type=int, default=2)
    asked = parser.parse_args()
    moments = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as place:
        patient, out = Path(place, "patient"), Path(place, "out")
        phantom = [*LVT, "phantom", "-o", str(patient), "--seed", str(asked.seed), "--masks"]
        subprocess.run([*phantom, "--visits", str(asked.visits), "--quiet"], check=True)
        begin = time.monotonic()
        if run(patient, out):
            print("the undisturbed run failed")
            return 1
        length_s = time.monotonic() - begin
        expected = contents(out)
        print(f"an undisturbed run takes {length_s:.0f} s", flush=True)
        killed = other = 0
        for number in range(1, asked.runs + 1):
            shutil.rmtree(out)
            for _ in range(moments.randint(1, MOST_KILLS)):
                options = ("--resume",) if out.exists() else ()
                killed += run(patient, out, *options, after_s=moments.uniform(0.3, length_s)) == -9
            code = run(patient, out, "--resume")
            differing = sorted(
                name for name, _ in set(expected.items()) ^ set(contents(out).items())
            )
            other += bool(code or differing)
            print(f"{number}: exit code {code}, differing: {differing or 'none'}", flush=True)
        minutes = (time.monotonic() - begin) / 60
        told = f"{asked.runs} runs, {killed} kills, {other} that ended otherwise"
        print(f"{told}; {minutes:.1f} minutes")
    return int(other > 0)


if __name__ == "__main__":
    raise SystemExit(main())
