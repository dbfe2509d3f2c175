"""Jobs in processes of their own: one that is killed costs the others nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import TypeVar

from lvt_track.core.threads import allowed_cores, limit_threads, threads_of

__all__ = ["run_apart"]

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_apart(
    work: Callable[[Job], Result], jobs: Sequence[Job], at_once: int
) -> Generator[tuple[Job, Result | None], None, None]:
    """Do jobs side by side, each in a process of its own.

    Args:
        work: does one; of a module, so that a new process finds it.
        jobs: what is to be done.
        at_once: how many go on at the same time.

    Yields:
        Each job as it ends, with its result; None where its process was killed. When the generator
        is closed early, the processes that go on are ended, and clean up.
    """
    # Forked processes inherit locks and devices that torch and ITK hold.
    context = multiprocessing.get_context("spawn")
    waiting = list(reversed(jobs))
    running: dict[Connection, tuple[Job, SpawnProcess]] = {}
    threads = min(threads_of(), max(1, allowed_cores() // at_once))
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_serve, args=(work, job, theirs, threads))
                process.start()
                theirs.close()
                running[ours] = (job, process)
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                job, process = running.pop(ready)
                result: Result | None = None
                with contextlib.suppress(EOFError), ready:
                    result = ready.recv()
                process.join()
                yield job, result
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def _serve(work: Callable[[Job], Result], job: Job, answer: Connection, threads: int) -> None:
    """One job in its process; what ends it ends it cleanly."""
    limit_threads(threads)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    with answer:
        answer.send(work(job))


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
