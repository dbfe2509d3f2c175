"""Cohorts whose run is killed at random moments and resumed: the same bytes?

    python benchmarks/cohort_kills.py runs [--count 100] [--seed 0]
    python benchmarks/cohort_kills.py cluster [--count 10] [--seed 0]

`runs`: four tiny patients; the process that follows them is ended by SIGKILL at a random moment,
up to three times, and resumed. Every tenth run writes reports too. `cluster`: six patients on a
scheduler and two workers started apart, one of which is ended by SIGKILL at a random moment; after
a lost scheduler the run is resumed on another, a lost worker must be made up for. All files
but those that hold seconds must be those of a run that nothing disturbed. Each part writes its
section of docs/results/cohort.md; exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from cohorts.patients import write_patients
from cohorts.runs import (
    ENVIRONMENT,
    cluster_apart,
    cohort,
    differing,
    patient_records,
    seconds_of,
    when_and_where,
    write_cohort_section,
)

_MOST_KILLS = 3
_TABLES = "--tables-only"
_TOO_LATE = "ended before the kill"


def forked(arguments: Sequence[object], after_s: float | None) -> bool:
    """Run `lvt cohort` in a fork of this process, which has loaded it already.

    Args:
        arguments: of the command.
        after_s: when it is ended by SIGKILL; None for never.

    Returns:
        Whether it was killed.

    Raises:
        SystemExit: when it fails of itself.
    """
    pid = os.fork()
    if pid == 0:
        _run_here(arguments)
    end = None if after_s is None else time.monotonic() + after_s
    status = 0
    while end is None or time.monotonic() < end:
        done, status = os.waitpid(pid, 0 if end is None else os.WNOHANG)
        if done:
            break
        time.sleep(0.01)
    else:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    if status and not os.WIFSIGNALED(status):
        raise SystemExit(f"lvt cohort {arguments} ended with {os.waitstatus_to_exitcode(status)}")
    return os.WIFSIGNALED(status)


def _run_here(arguments: Sequence[object]) -> None:
    """The command in this process, which ends with it."""
    from lvt_track.cli.app import app

    code = 5
    try:
        app(["cohort", *map(str, arguments), "--quiet"], standalone_mode=True)
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        os._exit(code)


def load_program() -> None:
    """Load in this process what following a patient needs, so that forks begin with it."""
    import lvt_track.pipeline.cohort.conclude
    import lvt_track.pipeline.cohort.engines.follow
    import lvt_track.pipeline.patient.documents.write  # noqa: F401


def kill_runs(folder: Path, count: int, moments: random.Random) -> bool:
    """Runs on one process; whether all ended as the undisturbed one."""
    load = os.getloadavg()[0]
    os.environ.update(ENVIRONMENT)
    load_program()
    patients = write_patients(folder / "patients", 4)
    expected: dict[bool, tuple[Path, float]] = {}
    for with_reports in (False, True):
        out = folder / f"whole{with_reports:d}"
        start = time.monotonic()
        forked(_command(patients, out, with_reports), None)
        expected[with_reports] = (out, time.monotonic() - start)
    kills: Counter[int] = Counter()
    others = []
    for number in range(count):
        with_reports = number % 10 == 9
        whole, length_s = expected[with_reports]
        out = folder / "out"
        killed = 0
        while not killed:
            shutil.rmtree(out, ignore_errors=True)
            # On a machine that has become quieter, runs end before moments that were fair.
            length_s *= 0.9
            for _ in range(moments.randint(1, _MOST_KILLS)):
                command = _command(patients, out, with_reports)
                killed += forked(command, moments.uniform(0.0, length_s))
        forked(_command(patients, out, with_reports), None)
        names = differing(whole, out)
        kills[killed] += 1
        others += [number] if names else []
        print(f"{number}: killed {killed} times, differing: {names or 'none'}", flush=True)
    met = sum(times * runs for times, runs in kills.items())
    lines = [
        *when_and_where(f"cohort_kills.py runs --count {count}", load),
        f"- {count} runs over 4 patients, killed by SIGKILL up to {_MOST_KILLS} times at random",
        f"  moments ({met} kills) and resumed: {count - len(others)} of {count} gave the same",
        "  bytes in every file but those that hold seconds, and left no other file. Every tenth",
        "  also wrote reports.",
        "- What is killed is a fork of a process that has loaded the program, so that moments",
        "  fall into work.",
    ]
    write_cohort_section("Killed and resumed", lines)
    return not others


def _command(patients: Path, out: Path, with_reports: bool) -> list[object]:
    tables = [] if with_reports else [_TABLES]
    resume = ["--resume"] if out.exists() else []
    return [patients, "-o", out, "--jobs", 1, *tables, *resume]


def kill_cluster(folder: Path, count: int, moments: random.Random) -> bool:
    """Runs on a cluster that loses its scheduler or a worker; whether all ended as undisturbed."""
    load = os.getloadavg()[0]
    patients = write_patients(folder / "patients", 6)
    whole = folder / "whole"
    seconds_of(patients, "-o", whole, "--jobs", 1, _TABLES)
    # Two workers share the patients, once both have begun.
    work_s = sum(float(str(one["seconds"])) for one in patient_records(whole)) / 2
    ended: Counter[str] = Counter()
    others = []
    for number in range(count):
        loses_scheduler = number % 2 == 0
        out = folder / "out"
        how = _TOO_LATE
        while how == _TOO_LATE:
            shutil.rmtree(out, ignore_errors=True)
            how = _disturbed(patients, out, moments.uniform(0.0, work_s), loses_scheduler)
        names = differing(whole, out)
        ended[how] += 1
        others += [number] if names else []
        print(f"{number}: {how}, differing: {names or 'none'}", flush=True)
    lines = [
        *when_and_where(f"cohort_kills.py cluster --count {count}", load),
        f"- {count} runs over 6 patients on a scheduler and two workers started apart, of which",
        f"  one was ended by SIGKILL: {count - len(others)} of {count} gave the same bytes.",
        *(f"- {how}: {runs} times." for how, runs in sorted(ended.items())),
    ]
    write_cohort_section("Scheduler and workers killed", lines)
    return not others


def _disturbed(patients: Path, out: Path, after_s: float, loses_scheduler: bool) -> str:
    """A run whose scheduler or first worker is lost; in words how it came to its end."""
    with cluster_apart(2) as (address, running):
        run = cohort(patients, "-o", out, "--scheduler", address, _TABLES)
        _wait_for_patients(out, run)
        try:
            run.wait(after_s)
        except subprocess.TimeoutExpired:
            victim = running[0 if loses_scheduler else 1]
            victim.kill()
            victim.wait()
        else:
            return _TOO_LATE
        code = run.wait()
    if not loses_scheduler:
        return f"a worker lost, exit code {code} without any help"
    if code == 0:
        return "the scheduler lost after the last patient, exit code 0"
    with cluster_apart(2) as (address, _):
        resumed = cohort(patients, "-o", out, "--scheduler", address, _TABLES, "--resume").wait()
    return f"the scheduler lost, exit code {code}; resumed on another, exit code {resumed}"


def _wait_for_patients(out: Path, run: subprocess.Popen[bytes]) -> None:
    """Until the first patient is begun, so that the kill meets work and not the start."""
    while run.poll() is None and not any(out.glob("p0*")):
        time.sleep(0.05)


_PARTS: dict[str, tuple[Callable[[Path, int, random.Random], bool], int]] = {
    "runs": (kill_runs, 100),
    "cluster": (kill_cluster, 10),
}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=_PARTS)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    measure, count = _PARTS[asked.part]
    with tempfile.TemporaryDirectory(prefix="lvt-kills-") as name:
        is_same = measure(Path(name), asked.count or count, random.Random(asked.seed))
    return int(not is_same)


if __name__ == "__main__":
    raise SystemExit(main())
