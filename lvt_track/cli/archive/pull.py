"""`lvt pull`: studies of a patient out of an archive."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import (
    AuthFileOption,
    JsonOption,
    OutOption,
    QuietOption,
    TimeoutOption,
    day_of,
)
from lvt_track.cli.results import finish

__all__ = ["pull"]


def pull(
    archive: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="https://host/dicom-web, or dicom://TITLE@host:port/OWNTITLE."
        ),
    ],
    out: OutOption,
    patient_id: Annotated[str, typer.Option(help="The patient's id in the archive.")] = "",
    accession: Annotated[
        list[str] | None, typer.Option(help="Accession number of a study; may be repeated.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="No study before this day.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="No study after this day.")
    ] = None,
    description: Annotated[str, typer.Option(help="Words of the study's description.")] = "",
    modality: Annotated[
        str, typer.Option(help="CT; or SR, SEG and others, with commas between.")
    ] = "CT",
    phases: Annotated[
        bool, typer.Option(help="Also bring one series of each other contrast phase.")
    ] = True,
    move_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Have a dicom:// archive send by C-MOVE, to this port of this machine.",
            show_default=False,
        ),
    ] = None,
    auth_file: AuthFileOption = None,
    timeout: TimeoutOption = 30.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come.")] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Bring a patient's CT from an archive into a folder for `lvt track`; a second call goes on."""
    from lvt_track.io.archive.connect import open_archive
    from lvt_track.io.archive.credentials import read_credentials
    from lvt_track.io.archive.studies import Query
    from lvt_track.pipeline.archive.pull import pull_patient

    query = Query(
        patient_id,
        tuple(accession or ()),
        day_of("--from", first),
        day_of("--to", last),
        description,
        tuple(word.strip().upper() for word in modality.split(",") if word.strip()),
    )
    where = open_archive(archive, read_credentials(auth_file), timeout, move_port)
    with closing(where), Console(quiet) as console:
        result = pull_patient(where, Path(out), query, (phases, dry_run), console)
    finish(result, quiet, json)
