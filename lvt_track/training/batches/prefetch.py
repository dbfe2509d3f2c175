"""Batches made while the network still learns from the ones before."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, Generic, TypeVar

import torch

from lvt_track.training.memory import keep_freed_memory

__all__ = ["Ahead", "MadeAhead", "made_by_processes", "made_by_threads"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class Ahead:
    """How batches are made before they are asked for.

    Attributes:
        stride: distance of the numbers that are asked for; the number of processes that train.
        workers: threads or processes that make them.
    """

    stride: int = 1
    workers: int = 1


class MadeAhead(Generic[Result]):
    """A function of a number that is called before its result is asked for.

    Args:
        make: the function; pure, as it may be called for numbers that are never asked for.
        stride: from one number asked for to the next. Another number is answered too, but what
            was made ahead is then lost.
        pool: what calls it.
        ahead: how many results are made, or are ready, in advance.
    """

    def __init__(
        self, make: Callable[[int], Result], stride: int, pool: Executor, ahead: int
    ) -> None:
        self._make, self._stride, self._pool, self._ahead = make, stride, pool, ahead
        self._coming: dict[int, Future[Result]] = {}

    def __call__(self, number: int) -> Result:
        """The function's result for this number."""
        wanted = [number + k * self._stride for k in range(self._ahead + 1)]
        for other in self._coming.keys() - set(wanted):
            self._coming.pop(other).cancel()
        for n in wanted:
            if n not in self._coming:
                self._coming[n] = self._pool.submit(self._make, n)
        return self._coming.pop(number).result()


def made_by_threads(make: Callable[[int], Result], stride: int, threads: int) -> MadeAhead[Result]:
    """Called by as many threads: where making a result is mostly waiting for a disk or a GPU."""
    return MadeAhead(make, stride, ThreadPoolExecutor(threads), threads)


def made_by_processes(
    make: Callable[[int], Result], stride: int, processes: int
) -> MadeAhead[Result]:
    """Called by as many processes, with one thread each: where making one is work for Python.

    The function can be pickled, as can its results; what it remembers between calls stays with
    each process. Tensors come in shared memory.
    """
    _open_files_as_allowed()
    # Forked processes would inherit the locks of other threads.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (make,))
    return MadeAhead(_call, stride, pool, 2 * processes)


def _open_files_as_allowed() -> None:
    """A tensor holds a file until it is freed; of these, most systems grant 1,024 unless asked."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        # macOS calls the most unlimited, and does not grant that.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


_make: Callable[[int], Any]


def _begin(make: Callable[[int], Any]) -> None:
    """What a process does first: it takes the function, which then need not come at each call."""
    global _make
    _make = make
    # Whoever interrupts a training means the process that learns; these end with it, even if it
    # is killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    keep_freed_memory()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(number: int) -> Any:
    return _make(number)
