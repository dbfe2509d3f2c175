"""`lvt prepare`: a dataset as downloaded, made ready to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import (
    ForceOption,
    JsonOption,
    OutOption,
    QuietOption,
    ResumeOption,
    existing_results,
)
from lvt_track.cli.results import finish

__all__ = ["prepare"]


def _show_known(wanted: bool) -> None:
    if wanted:
        from lvt_track.core.volume import CLASSES
        from lvt_track.training.datasets.descriptor import find_descriptor, known_names

        for name in known_names():
            known = find_descriptor(name)
            labels = ", ".join(f"{one} {known.knowledge[one]}" for one in CLASSES)
            print(f"{name}\n    {known.title}\n    {labels}\n    {known.licence}\n    {known.url}")
        raise typer.Exit


def prepare(
    name: Annotated[
        str, typer.Argument(help="Name of the dataset, or the .toml file of one of your own.")
    ],
    source: Annotated[Path, typer.Argument(help="Folder that it was unpacked into.")],
    out: OutOption,
    spacing_mm: Annotated[
        tuple[float, float, float] | None,
        typer.Option(
            help="Resample to this spacing along z, y, x; each scan's own by default.",
            metavar="Z Y X",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(help="Cases at a time; 0 for as many as cores, at most 4.")
    ] = 0,
    known: Annotated[
        bool,
        typer.Option("--list", callback=_show_known, is_eager=True, help="Show known datasets."),
    ] = False,
    force: ForceOption = False,
    resume: ResumeOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Read a dataset of partly labelled scans, check it, and write it for training."""
    from lvt_track.pipeline.prepare import PrepareSettings, prepare_dataset

    settings = PrepareSettings(spacing_mm, jobs)
    existing = existing_results(force, resume)
    with Console(quiet) as console:
        result = prepare_dataset(name, source, out, settings, existing, console)
    finish(result, quiet, json)
