"""Batches made while the network still learns from the ones before."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

from lvt_track.training.memory import keep_freed_memory

__all__ = ["MadeAhead", "MadeByProcesses"]

Result = TypeVar("Result")


class MadeAhead(Generic[Result]):
    """A function of a number that is called, in threads, before its result is asked for.

    Args:
        make: the function; pure, as it may be called for numbers that are never asked for.
        stride: from one number asked for to the next.
        threads: how many results are made at a time, and are ready in advance.
    """

    def __init__(self, make: Callable[[int], Result], stride: int, threads: int) -> None:
        self._make, self._stride = make, stride
        self._pool = ThreadPoolExecutor(threads)
        self._ahead = threads
        self._coming: dict[int, Future[Result]] = {}

    def __call__(self, number: int) -> Result:
        """The function's result for this number."""
        wanted = [number + k * self._stride for k in range(self._ahead + 1)]
        self._coming = {n: self._coming.get(n) or self._pool.submit(self._make, n) for n in wanted}
        return self._coming.pop(number).result()


class MadeByProcesses(Generic[Result]):
    """As `MadeAhead`, by processes: where making a result is work for Python, not for a disk.

    Args:
        make: the function; pure, and it can be pickled, as can its results.
        stride: from one number asked for to the next. Another number is answered too, but what
            was made ahead is then lost.
        processes: how many; each makes one result at a time, with one thread.
        pinned: whether tensors come in memory that a GPU reads by itself.
    """

    def __init__(
        self, make: Callable[[int], Result], stride: int, processes: int, pinned: bool = False
    ) -> None:
        self._made_of = _Made(make)
        self._stride, self._processes, self._pinned = stride, processes, pinned
        self._next: int | None = None
        self._coming: Iterator[Result] = iter(())

    def __call__(self, number: int) -> Result:
        """The function's result for this number."""
        if number != self._next:
            # Forked processes would inherit the locks of other threads.
            loader = DataLoader(
                self._made_of,
                batch_size=None,
                sampler=itertools.count(number, self._stride),
                num_workers=self._processes,
                multiprocessing_context="spawn",
                pin_memory=self._pinned,
                worker_init_fn=_begin,
            )
            self._coming = iter(loader)
        self._next = number + self._stride
        return next(self._coming)


def _begin(worker: int) -> None:
    keep_freed_memory()


class _Made(Dataset[Result]):
    """A function as what torch loads from."""

    def __init__(self, make: Callable[[int], Result]) -> None:
        self._make = make

    def __getitem__(self, number: int) -> Result:
        return self._make(number)
