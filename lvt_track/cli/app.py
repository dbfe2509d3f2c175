"""The command `lvt`: every subcommand in its own file, imported work only inside it."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from lvt_track.cli.archive.pull import pull
from lvt_track.cli.archive.push import push
from lvt_track.cli.console import guarded
from lvt_track.cli.demo import demo
from lvt_track.cli.doctor import doctor
from lvt_track.cli.learning.models import models
from lvt_track.cli.learning.prepare import prepare
from lvt_track.cli.learning.train import train
from lvt_track.cli.patient.cohort import cohort
from lvt_track.cli.patient.plan import plan
from lvt_track.cli.patient.report import report
from lvt_track.cli.patient.respond import respond
from lvt_track.cli.patient.track import track
from lvt_track.cli.phantom import phantom
from lvt_track.cli.scan.discover import discover
from lvt_track.cli.scan.evaluate import evaluate
from lvt_track.cli.scan.measure import measure
from lvt_track.cli.scan.segment import segment
from lvt_track.errors import UsageError

__all__ = ["app", "main"]

app = typer.Typer(
    name="lvt",
    help="Follow liver tumours through a patient's CT scans. For research, not for clinical use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    demo,
    track,
    report,
    plan,
    cohort,
    pull,
    push,
    segment,
    discover,
    measure,
    respond,
    evaluate,
    phantom,
    prepare,
    train,
    doctor,
):
    app.command()(guarded(command))
app.add_typer(models, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        from lvt_track import __version__

        print(f"lvt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    from lvt_track.core.threads import limit_threads

    # Before any command loads what counts threads.
    limit_threads()


def main() -> None:
    """Entry point of the command `lvt`; what a batch system ends is ended as Ctrl-C ends it."""
    if "" in sys.argv[1:]:  # `lvt track "$PATIENT"` without PATIENT would read the folder one is in
        sys.stderr.write("error: an argument is empty: is a variable of the shell not set?\n")
        raise SystemExit(UsageError.exit_code)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()
