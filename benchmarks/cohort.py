"""Many patients: what workers gain, what the engine costs, memory, shards.

    python benchmarks/cohort.py workers [--patients 200]
    python benchmarks/cohort.py shards [--patients 1000] [--shards 8]

Patients are tiny and have masks, and only tables are written, so that the engine is what is
measured. Each part writes its section of docs/results/cohort.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cohorts.patients import write_patients
from cohorts.runs import (
    cluster_apart,
    cohort,
    differing,
    patient_records,
    seconds_of,
    when_and_where,
    write_cohort_section,
)

_WORKERS = 2
_REGISTRY = 100_000


@dataclass(frozen=True)
class Timed:
    """One way to follow all patients.

    Attributes:
        name: in words.
        seconds: of the whole.
        is_same: whether its tables are those of the plain loop.
    """

    name: str
    seconds: float
    is_same: bool


def side_by_side(patients: Path, folder: Path) -> float:
    """Seconds of two plain loops over a half each, at the same time: no engine, same machine."""
    start = time.monotonic()
    halves = [folder / f"half{k}" for k in range(1, _WORKERS + 1)]
    running = [
        cohort(patients, "-o", out, "--shard", f"{k}/{_WORKERS}", "--jobs", 1, "--tables-only")
        for k, out in enumerate(halves, 1)
    ]
    for run in running:
        if run.wait():
            raise SystemExit("a plain loop over a half failed")
    seconds_of("--merge", *halves, "-o", folder / "halves")
    return time.monotonic() - start


def on_cluster(patients: Path, out: Path) -> float:
    """Seconds on a scheduler and workers that run already, started apart."""
    with cluster_apart(_WORKERS) as (address, _):
        time.sleep(10.0)  # workers load Dask; whoever has a cluster has them running
        return seconds_of(patients, "-o", out, "--scheduler", address, "--tables-only")


def measure_workers(folder: Path, asked: argparse.Namespace) -> None:
    """One and two workers, beside two plain loops and a cluster started apart."""
    load = os.getloadavg()[0]
    patients = write_patients(folder / "patients", asked.patients)
    plain = folder / "plain"
    alone = seconds_of(patients, "-o", plain, "--jobs", 1, "--tables-only")
    apart = side_by_side(patients, folder)
    local = seconds_of(patients, "-o", folder / "local", "--jobs", _WORKERS, "--tables-only")
    remote = on_cluster(patients, folder / "remote")

    def same(name: str) -> bool:
        return not differing(plain, folder / name, pooled_only=True)

    rows = [
        Timed("plain loop, `--jobs 1`", alone, True),
        Timed("two plain loops side by side, merged", apart, same("halves")),
        Timed("`--jobs 2`: Dask, 2 workers", local, same("local")),
        Timed("scheduler and 2 workers started apart", remote, same("remote")),
    ]
    peaks = [float(str(one["peak_mb"])) for one in patient_records(plain)]
    tenth = max(1, len(peaks) // 10)
    early, late = sum(peaks[:tenth]) / tenth, sum(peaks[-tenth:]) / tenth
    command = f"cohort.py workers --patients {asked.patients}"
    lines = [
        *when_and_where(command, load),
        f"{asked.patients} patients of two visits; seconds of the whole command.",
        "",
        "| run | seconds | plain loop / this | tables as of the plain loop |",
        "|---|---|---|---|",
        *(
            f"| {row.name} | {row.seconds:.0f} | {alone / row.seconds:.2f} | "
            f"{'same bytes' if row.is_same else 'differ'} |"
            for row in rows
        ),
        "",
        f"- Two workers: {alone / local:.2f} times one (bar 1.7).",
        f"- The engine takes {100 * (local / apart - 1):+.1f} % beside two plain loops that know "
        "nothing of each other (bar 5 %).",
        f"- Most memory of a process: {early:.0f} MB over the first tenth of the patients, "
        f"{late:.0f} MB over the last.",
    ]
    write_cohort_section("Workers", lines)


def measure_shards(folder: Path, asked: argparse.Namespace) -> None:
    """Shards merged against one run over all, and what follows for a registry."""
    load = os.getloadavg()[0]
    patients = write_patients(folder / "patients", asked.patients)
    whole = folder / "whole"
    seconds_of(patients, "-o", whole, "--tables-only")
    shards = [folder / f"s{k}" for k in range(1, asked.shards + 1)]
    for k, out in enumerate(shards, 1):
        which = f"{k}/{asked.shards}"
        seconds_of(patients, "-o", out, "--shard", which, "--tables-only")
    merging = seconds_of("--merge", *shards, "-o", folder / "merged")
    names = differing(whole, folder / "merged", pooled_only=True)
    busy = [float(str(one["seconds"])) for one in patient_records(whole)]
    each = sum(busy) / len(busy)
    command = f"cohort.py shards --patients {asked.patients} --shards {asked.shards}"
    hours = _REGISTRY * each / 3600
    merge_hours = merging / asked.patients * _REGISTRY / 3600
    megabytes = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()) / 1e6
    gigabytes = megabytes / asked.patients * _REGISTRY / 1e3
    lines = [
        *when_and_where(command, load),
        f"- {asked.patients} patients in {asked.shards} shards, merged: "
        f"{'the same bytes as one run over all' if not names else 'differ: ' + ', '.join(names)}.",
        f"- {each:.2f} s a patient; merging {merging:.0f} s in all; "
        f"{megabytes / asked.patients:.2f} MB of results a patient.",
        f"- Projected to {_REGISTRY:,} such patients: {hours:.0f} core hours, then "
        f"{merge_hours:.1f} h of merging in one",
        f"  process, and {gigabytes:.0f} GB. It assumes that all grows with the number of",
        "  patients, that disks keep up, and patients this small: add what the network, larger",
        "  scans and reports take.",
    ]
    write_cohort_section("Shards", lines)


_PARTS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "workers": measure_workers,
    "shards": measure_shards,
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=_PARTS)
    parser.add_argument("--patients", type=int, help="by default 200, 1,000 for shards")
    parser.add_argument("--shards", type=int, default=8)
    asked = parser.parse_args()
    asked.patients = asked.patients or (200 if asked.part == "workers" else 1000)
    with tempfile.TemporaryDirectory(prefix="lvt-cohort-") as name:
        _PARTS[asked.part](Path(name), asked)


if __name__ == "__main__":
    main()
