"""Batches made while the network still learns from the ones before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["MadeAhead"]

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
