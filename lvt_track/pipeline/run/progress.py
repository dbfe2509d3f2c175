"""What a long job tells while it runs; the command line decides what to show."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Progress", "Silent", "Stopwatch"]


class Progress(Protocol):
    """Receives the course of a job."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins that has `total` steps."""

    def step(self, done: str) -> None:
        """One step of the current stage is done; `done` names it."""

    def note(self, text: str) -> None:
        """Something worth knowing, such as the device that was chosen."""

    def warn(self, text: str) -> None:
        """Something the reader of the results must know."""


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str, total: int) -> None:
        """Say nothing."""

    def step(self, done: str) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""


class Stopwatch:
    """Seconds spent per named stage, summed over its entries."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block towards `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
