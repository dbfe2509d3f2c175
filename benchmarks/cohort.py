"""Cohorts: workers, overhead of the engine, shards, and runs that are killed at random moments.

    python benchmarks/cohort.py [--patients 12] [--shards 4] [--kills 20] [--seed 0]

Patients are small courses with given masks, so that no network runs and the engine is what is
measured. Writes docs/results/cohort.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lvt_track.core.threads import allowed_cores  # noqa: E402
from lvt_track.pipeline.cohort.tables import POOLED  # noqa: E402
from tests.conftest import write_visit  # noqa: E402

PAGE = ROOT / "docs/results/cohort.md"


def make_patients(folder: Path, count: int, visits: int) -> Path:
    """A folder of small patients with given masks; they differ in nothing but their names."""
    base = folder / "base"
    for visit in range(visits):
        write_visit(base, visit)
    for k in range(count):
        shutil.copytree(base, folder / "patients" / f"p{k:04d}")
    return folder / "patients"


def command(*arguments: object) -> list[str]:
    """`lvt cohort` with these arguments."""
    return [sys.executable, "-m", "lvt_track.cli", "cohort", *map(str, arguments), "--quiet"]


def timed(*arguments: object) -> float:
    """Seconds of a whole run."""
    start = time.monotonic()
    subprocess.run(command(*arguments), check=True, cwd=ROOT)
    return time.monotonic() - start


def digest(out: Path) -> str:
    """Of all pooled tables, by name and bytes."""
    whole = hashlib.sha256()
    for name in POOLED:
        if (out / name).exists() and not name.endswith(".html"):
            whole.update(name.encode() + (out / name).read_bytes())
    return whole.hexdigest()


def busy_seconds(out: Path) -> float:
    """What the patients took, summed, without starting anything."""
    record = json.loads((out / "cohort.json").read_text())
    return float(sum(item["seconds"] for item in record["patients"]))


def peaks_mb(out: Path) -> list[float]:
    """Most memory of each patient's process, by patient."""
    record = json.loads((out / "cohort.json").read_text())
    return [float(item["peak_mb"]) for item in record["patients"] if item["peak_mb"]]


def killed_and_resumed(patients: Path, out: Path, seconds: float, chance: random.Random) -> int:
    """End the whole group of processes by SIGKILL at random moments; how often that met a run."""
    met = 0
    for _ in range(2):
        existing = ["--resume"] if out.exists() else []
        run = subprocess.Popen(
            command(patients, "-o", out, *existing), cwd=ROOT, start_new_session=True
        )
        try:
            run.wait(chance.uniform(0.2, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            met += 1
    subprocess.run(command(patients, "-o", out, "--resume"), check=True, cwd=ROOT)
    return met


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=12)
    parser.add_argument("--visits", type=int, default=2)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--kills", type=int, default=20, help="runs that are killed and resumed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="lvt-cohort-") as name:
        folder = Path(name)
        patients = make_patients(folder, options.patients, options.visits)
        load = os.getloadavg()[0]
        plain = timed(patients, "-o", folder / "plain", "--jobs", 1)
        truth = digest(folder / "plain")
        rows = [("plain loop, `--jobs 1`", plain, busy_seconds(folder / "plain"), True)]
        for workers in range(2, min(allowed_cores(), 4) + 1):
            out = folder / f"w{workers}"
            seconds = timed(patients, "-o", out, "--jobs", workers)
            same = digest(out) == truth
            rows.append((f"Dask, {workers} workers", seconds, busy_seconds(out), same))
        peaks = peaks_mb(folder / "plain")
        shards = []
        for k in range(1, options.shards + 1):
            out = folder / f"s{k}"
            timed(patients, "-o", out, "--shard", f"{k}/{options.shards}", "--jobs", 1)
            shards.append(out)
        timed("--merge", *shards, "-o", folder / "merged")
        merged = digest(folder / "merged") == truth
        few = make_patients(folder / "few", 3, 1)
        quick = timed(few, "-o", folder / "whole")
        wanted = digest(folder / "whole")
        same = met = 0
        for k in range(options.kills):
            out = folder / f"k{k}"
            met += killed_and_resumed(few, out, quick, chance)
            same += digest(out) == wanted
            shutil.rmtree(out)
    said = [merged, (same, options.kills, met), (peaks[0], peaks[-1]), load]
    PAGE.write_text(page(options, rows, said), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))


def page(
    options: argparse.Namespace,
    rows: Sequence[tuple[str, float, float, bool]],
    said: Sequence[object],
) -> str:
    """The page of results."""
    merged, kills, peaks, load = said
    same, count, met = kills  # type: ignore[misc]
    first, last = peaks  # type: ignore[misc]
    plain = rows[0][1]
    lines = [
        "# Cohorts",
        "",
        f"`python benchmarks/cohort.py --patients {options.patients} --visits {options.visits} "
        f"--shards {options.shards} --kills {options.kills} --seed {options.seed}`,",
        f"{dt.date.today()}, {platform.machine()}, {allowed_cores()} cores, load {load:.1f} "
        "by others when it began.",
        "",
        f"{options.patients} small patients of {options.visits} visits with given masks:",
        "no network runs. Seconds are of the whole command, those of patients without starting.",
        "",
        "| run | seconds | of patients | plain loop / this | tables as of the plain loop |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {seconds:.0f} | {busy:.0f} | {plain / seconds:.2f} | "
            f"{'same bytes' if is_same else 'differ'} |"
            for name, seconds, busy, is_same in rows
        ),
        "",
        f"- {options.shards} shards merged: {'the same' if merged else 'other'} bytes as one.",
        f"- {count} runs over 3 patients, each twice ended by SIGKILL at a random moment with all",
        f"  its processes ({met} times before it had ended itself) and resumed: {same} of {count}",
        "  gave the same bytes as a run that nothing disturbed.",
        f"- Most memory of the process: {first:.0f} MB at first, {last:.0f} MB at last.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
