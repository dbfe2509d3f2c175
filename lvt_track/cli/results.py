"""What every command does with its result at the end: print it, and say by the exit code if all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import Protocol

import typer

from lvt_track.cli.console import EXIT_PARTIAL, print_json, print_text

__all__ = ["finish", "print_result", "print_rows"]


class Result(Protocol):
    """What a job gives."""

    def facts(self) -> Mapping[str, object]:
        """The result as plain values."""

    def summary(self) -> str:
        """The result in a few lines."""


class PartialResult(Result, Protocol):
    """What a job gives that may fail in part."""

    @property
    def failures(self) -> Sized:
        """What failed."""


def print_result(result: Result, quiet: bool, json: bool) -> None:
    """Print a result in words, or as JSON."""
    if json:
        print_json(result.facts())
    elif not quiet:
        print_text(result.summary() + "\n")


def finish(result: PartialResult, quiet: bool, json: bool) -> None:
    """Print a result; exit 4 when part of the job failed."""
    print_result(result, quiet, json)
    if result.failures:
        raise typer.Exit(EXIT_PARTIAL)


def print_rows(
    columns: Sequence[str], rows: Iterable[Mapping[str, object]], out: Path | None, json: bool
) -> None:
    """Write a table to a file, or print it where none is given; as JSON too where asked for."""
    from lvt_track.io.spreadsheets.writing import write_text
    from lvt_track.pipeline.rows import table_text

    rows = list(rows)
    text = table_text(columns, rows)
    if out is not None:
        write_text(text, out)
    if json:
        print_json(rows)
    elif out is None:
        print(text, end="")
