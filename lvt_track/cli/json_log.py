"""Progress as a JSON object a line, for whatever watches many runs."""

from __future__ import annotations

import datetime as dt
import json
import sys
from types import TracebackType
from typing import Self

__all__ = ["JsonLog"]


class JsonLog:
    """Writes each event to stderr as one line of JSON.

    Every line has `time` (ISO, UTC) and `event`: `stage` and `step` with `stage`, `done` and
    `total`, `note` and `warning` with `text`.
    """

    def __init__(self) -> None:
        self._stage, self._done, self._total = "", 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._write("error", text=str(error), kind=type(error).__name__)

    def stage(self, name: str, total: int) -> None:
        """A stage begins."""
        self._stage, self._done, self._total = name, 0, total
        self._write("stage", stage=name, done=0, total=total)

    def step(self, done: str) -> None:
        """One step is done."""
        self._done += 1
        self._write("step", stage=self._stage, done=self._done, total=self._total, text=done)

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self._write("note", text=text)

    def warn(self, text: str) -> None:
        """Something the reader of the results must know."""
        self._write("warning", text=text)

    def _write(self, event: str, **facts: object) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        # ASCII alone: a name that is no UTF-8 must not end a run for its log.
        print(json.dumps({"time": now, "event": event, **facts}), file=sys.stderr, flush=True)
