"""`lvt phantom`: a synthetic patient with known truth."""

from __future__ import annotations

from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import (
    ForceOption,
    JsonOption,
    OutOption,
    QuietOption,
    existing_results,
)
from lvt_track.cli.results import print_result

__all__ = ["phantom"]


def phantom(
    out: OutOption,
    seed: Annotated[int, typer.Option(help="Another number, another patient.")] = 1,
    visits: Annotated[int, typer.Option(help="How many studies.")] = 4,
    protocol: Annotated[
        str,
        typer.Option(help="small (coarse, quick) or clinical (512 × 512)."),
    ] = "small",
    file_format: Annotated[
        str, typer.Option("--format", help="How scans are written: nifti or dicom.")
    ] = "nifti",
    masks: Annotated[
        bool, typer.Option("--masks", help="Also write the true masks beside the scans.")
    ] = False,
    force: ForceOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Draw a synthetic patient: scans, and in `truth/` what is true of them."""
    from lvt_track.pipeline.phantom import PhantomSettings, write_phantom

    settings = PhantomSettings(seed, visits, protocol, file_format, masks)
    with Console(quiet) as console:
        written = write_phantom(out, settings, existing_results(force, False), console)
    print_result(written, quiet, json)
