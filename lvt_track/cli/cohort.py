"""`lvt cohort`: many patients, and what they say together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import EXIT_PARTIAL, Console, print_json
from lvt_track.cli.options import (
    CriteriaOption,
    DeviceOption,
    EvaluatorOption,
    ForceOption,
    JsonOption,
    ModelOption,
    OutOption,
    QuietOption,
    RadiologistOption,
    ResumeOption,
    ThreadsOption,
    TuOption,
    existing_results,
)

__all__ = ["cohort"]


def cohort(
    folder: Annotated[Path, typer.Argument(help="Folder with a subfolder for each patient.")],
    out: OutOption,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Patients followed at once, each in a process.")
    ] = 1,
    radiologist: RadiologistOption = None,
    tu: TuOption = None,
    evaluator: EvaluatorOption = None,
    phases: Annotated[
        bool, typer.Option(help="Also segment the other contrast phases of a visit.")
    ] = True,
    criteria: CriteriaOption = "recist1.1,volume",
    model: ModelOption = "default",
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    force: ForceOption = False,
    resume: ResumeOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Follow every patient below a folder, and pool their tables."""
    from lvt_track.pipeline.cohort.run import CohortSettings, track_cohort
    from lvt_track.pipeline.patient.track import TrackSettings
    from lvt_track.pipeline.radiologist.tables import ReaderTables

    reader = ReaderTables(None, radiologist, tu, evaluator)
    track = TrackSettings(model, device, phases, reader, criteria=criteria)
    settings = CohortSettings(track, jobs)
    with Console(quiet) as console:
        result = track_cohort(folder, out, settings, existing_results(force, resume), console)
    if json:
        print_json(result.facts())
    elif not quiet:
        print(result.summary())
    if result.unfinished:
        raise typer.Exit(EXIT_PARTIAL)
