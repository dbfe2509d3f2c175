"""One exception tree: every error a user can cause says what, which file, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["InputError", "LvtError", "OutputError", "UsageError", "run_module"]


class LvtError(Exception):
    """Base of all errors this package raises on purpose.

    Args:
        what: what is wrong, in one sentence without a final full stop.
        path: the file or folder concerned, if any.
        remedy: what the user can do about it, if known.
    """

    exit_code = 5

    def __init__(self, what: str, *, path: Path | str | None = None, remedy: str = "") -> None:
        self.what = what
        self.path = Path(path) if path is not None else None
        self.remedy = remedy
        place = f"{self.path}: " if self.path is not None else ""
        super().__init__(f"{place}{what}." + (f" {remedy.rstrip('.')}." if remedy else ""))


class UsageError(LvtError):
    """The command was called wrongly (exit code 2)."""

    exit_code = 2


class InputError(LvtError):
    """The input cannot be used (exit code 3)."""

    exit_code = 3


class OutputError(LvtError):
    """The output cannot be written (exit code 5)."""

    exit_code = 5


def run_module(command: Callable[[], None]) -> None:
    """Run the command of a module; what its user did wrong is told in one line.

    Raises:
        SystemExit: with the error's exit code.
    """
    try:
        command()
    except LvtError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
