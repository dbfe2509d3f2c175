"""The only place that knows a screen: messages on stderr, bars on a terminal, exit codes."""

from __future__ import annotations

import errno
import functools
import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Self

import typer

from lvt_track.core.plain_text import printable
from lvt_track.errors import LvtError

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

__all__ = ["EXIT_PARTIAL", "Console", "guarded", "print_json", "print_text"]

EXIT_PARTIAL = 4
EXIT_FAILED = 5
EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141

# What a machine may refuse, wherever it happens.
_NOT_OURS = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.EMFILE,
        errno.ENAMETOOLONG,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EPERM,
        errno.EROFS,
        errno.ESTALE,
    }
)

Parameters = ParamSpec("Parameters")


class Console:
    """Shows the progress of a job on stderr.

    Bars and notes appear only on a terminal; elsewhere, as in the log of a batch system, each step
    is a line. Warnings appear always; nothing does when `quiet`.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._terminal = sys.stderr.isatty() and not quiet
        self._stage, self._done, self._total = "", 0, 0

    def __enter__(self) -> Self:
        if self._terminal:
            from rich.console import Console as RichConsole
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._bars = Progress(
                TextColumn("{task.description:<12}"),
                BarColumn(),
                TextColumn("{task.completed:g}/{task.total:g}  {task.fields[last]}"),
                TimeElapsedColumn(),
                console=RichConsole(stderr=True),
            )
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def stage(self, name: str, total: int) -> None:
        """Begin a bar, or a count."""
        if self._bars is not None:
            self._task = self._bars.add_task(printable(name), total=total, last="")
        self._stage, self._done, self._total = name, 0, total

    def step(self, done: str) -> None:
        """Move the bar on, or say what is done."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, advance=1, last=printable(done))
        self._done += 1
        if not self._terminal and not self._quiet:
            self._say(f"{self._stage} {self._done}/{self._total}: {done}")

    def note(self, text: str) -> None:
        """Say something worth knowing, on a terminal only."""
        if self._terminal:
            self._say(text)

    def warn(self, text: str) -> None:
        """Say what a reader of the results must know."""
        if not self._quiet:
            self._say(f"warning: {text}")

    def say(self, text: str) -> None:
        """Say a result that stands in no file, unless `quiet`."""
        if not self._quiet:
            self._say(text)

    def _say(self, text: str) -> None:
        text = printable(text)
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)


def print_text(text: str) -> None:
    """Print a result on stdout, without what a terminal would obey."""
    print(printable(text), end="")


def print_json(facts: object) -> None:
    """Print facts as JSON on stdout; bytes of a name that are not UTF-8 as JSON's own escapes."""
    text = json.dumps(facts, indent=2, ensure_ascii=False, default=str)
    print(re.sub("[\ud800-\udfff]", lambda surrogate: f"\\u{ord(surrogate[0]):04x}", text))


def guarded(command: Callable[Parameters, Any]) -> Callable[Parameters, Any]:
    """Turn errors into one line on stderr and the exit code that tells the truth."""

    can_resume = "resume" in inspect.signature(command).parameters
    goes_on = "; --resume goes on from here" if can_resume else ""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
        try:
            return command(*args, **kwargs)
        except LvtError as error:
            print(f"error: {printable(str(error))}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            print(f"interrupted{goes_on}", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except MemoryError:
            print(
                "error: not enough memory. Close other programs or use a coarser scan.",
                file=sys.stderr,
            )
            raise typer.Exit(EXIT_FAILED) from None
        except ImportError as error:
            if (error.name or "").startswith("lvt_track"):
                return _at_fault()
            print(
                f"error: a package that lvt needs cannot be loaded ({printable(str(error))}). "
                "Install it again; `lvt doctor` shows which are sound.",
                file=sys.stderr,
            )
            raise typer.Exit(EXIT_FAILED) from None
        except BrokenPipeError:
            # Whoever read our output, such as `head`, has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(EXIT_PIPE_CLOSED) from None
        except typer.Exit:
            raise
        except OSError as error:
            if error.errno not in _NOT_OURS:
                return _at_fault()
            path = error.filename if isinstance(error.filename, str) else ""
            text = f"{path}: {error.strerror}." if path else f"{error.strerror}."
            print(f"error: {printable(text)}", file=sys.stderr)
            raise typer.Exit(EXIT_FAILED) from None
        except Exception:
            _at_fault()

    return run


def _at_fault() -> NoReturn:
    """Show where the program failed; called while it is handled."""
    print(printable(traceback.format_exc()), end="", file=sys.stderr)
    print(
        "error: this is a fault of lvt, not yours. Please report it with the lines above.",
        file=sys.stderr,
    )
    raise typer.Exit(EXIT_FAILED) from None
