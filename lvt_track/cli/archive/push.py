"""`lvt push`: segmentations and reports of a run into an archive."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import AuthFileOption, JsonOption, QuietOption, TimeoutOption
from lvt_track.cli.results import finish

__all__ = ["push"]


def push(
    out: Annotated[Path, typer.Argument(help="Folder that `lvt track` wrote.")],
    archive: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="https://host/dicom-web, or dicom://TITLE@host:port/OWNTITLE."
        ),
    ],
    auth_file: AuthFileOption = None,
    timeout: TimeoutOption = 30.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Store the segmentations and structured reports of a run; nothing else leaves this machine."""
    from lvt_track.io.archive.connect import open_archive
    from lvt_track.io.archive.credentials import read_credentials
    from lvt_track.pipeline.archive.push import push_results

    where = open_archive(archive, read_credentials(auth_file), timeout)
    with closing(where), Console(quiet) as console:
        result = push_results(where, out, dry_run, console)
    finish(result, quiet, json)
