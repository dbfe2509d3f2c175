"""Runs of `lvt cohort` as processes, what they wrote, and the page that tells of them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from lvt_track.core.threads import allowed_cores
from pages.sections import write_section

__all__ = [
    "cluster_apart",
    "cohort",
    "cohort_command",
    "differing",
    "patient_records",
    "seconds_of",
    "when_and_where",
    "write_cohort_section",
]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/results/cohort.md"
SECTIONS = ("Workers", "Shards", "Killed and resumed", "Scheduler and workers killed")
# Reports name the day they were made on, which resuming may pass.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": "1700000000"}
_OWN_TIMES = ("run.json", "cohort.json")
_LISTENS_S = 60.0


def cohort_command(*arguments: object) -> list[str]:
    """`lvt cohort` with these arguments."""
    return [sys.executable, "-m", "lvt_track.cli", "cohort", *map(str, arguments), "--quiet"]


def cohort(*arguments: object) -> subprocess.Popen[bytes]:
    """Start a run, the leader of a group of processes that can be killed together."""
    return subprocess.Popen(cohort_command(*arguments), env=ENVIRONMENT, start_new_session=True)


def seconds_of(*arguments: object) -> float:
    """Of a whole run.

    Raises:
        CalledProcessError: when it fails.
    """
    start = time.monotonic()
    subprocess.run(cohort_command(*arguments), check=True, env=ENVIRONMENT)
    return time.monotonic() - start


def differing(one: Path, other: Path, *, pooled_only: bool = False) -> list[str]:
    """Names of files that are not the same bytes in two folders of results, or are in one alone.

    Args:
        one: a folder.
        other: the other.
        pooled_only: whether the patients' own folders, and the page with links to them, which
            lie elsewhere for shards, are passed over.
    """

    def contents(folder: Path) -> dict[str, bytes]:
        paths = (path for path in folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in paths
            if path.name not in _OWN_TIMES
            and not (pooled_only and (_is_patients(path, folder) or path.suffix == ".html"))
        }

    ours, theirs = contents(one), contents(other)
    return sorted({name for name, _ in ours.items() ^ theirs.items()})


def _is_patients(path: Path, folder: Path) -> bool:
    return path.relative_to(folder).parts[0].startswith("p0")


def patient_records(out: Path) -> list[dict[str, object]]:
    """What `cohort.json` says of each patient."""
    records: list[dict[str, object]] = json.loads((out / "cohort.json").read_text())["patients"]
    return records


@contextlib.contextmanager
def cluster_apart(workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and its workers, each started by a command of its own.

    Yields:
        The address, and the processes: the scheduler first.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    running = [_scheduler(port)]
    try:
        running += [_worker(address) for _ in range(workers)]
        yield address, running
    finally:
        for process in running:
            process.kill()
            process.wait()


def _scheduler(port: int) -> subprocess.Popen[bytes]:
    """A scheduler on this port of the machine, once it listens.

    Raises:
        TimeoutError: when it never does.
    """
    scheduler = _dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    end = time.monotonic() + _LISTENS_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return scheduler
        time.sleep(0.1)
    raise TimeoutError(f"no scheduler listens on {port}")


def _worker(address: str) -> subprocess.Popen[bytes]:
    """A worker of one thread, which is one process: who kills it leaves nobody to restart it."""
    return _dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")


def _dask(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        env=ENVIRONMENT | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def when_and_where(command: str, load: float) -> list[str]:
    """The lines that begin a section: command, date, machine, load of others when it began."""
    return [
        f"`python benchmarks/{command}`, {dt.date.today()},",
        f"{platform.machine()}, {allowed_cores()} cores, load {load:.1f} by others when it began.",
        "",
    ]


def write_cohort_section(title: str, lines: Sequence[str]) -> None:
    """Put a section in its place on the page, and print it; the other sections stay."""
    text = "\n".join(lines).strip()
    print(text)
    write_section(PAGE, title, text, heading="Cohorts", order=SECTIONS)
