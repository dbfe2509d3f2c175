"""`lvt cohort`: many patients, and what they say together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import EXIT_PARTIAL, Console
from lvt_track.cli.json_log import JsonLog
from lvt_track.cli.options import (
    CriteriaOption,
    DeviceOption,
    EvaluatorOption,
    ForceOption,
    IdentifyOption,
    JsonOption,
    ModelOption,
    OutOption,
    PlanOption,
    PrecisionOption,
    QuietOption,
    RadiologistOption,
    ResumeOption,
    SitesOption,
    ThreadsOption,
    TuOption,
    existing_results,
    pseudonyms_unless,
)
from lvt_track.cli.results import print_result
from lvt_track.errors import UsageError

__all__ = ["cohort"]


def cohort(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER",
            help="Folder with a subfolder for each patient; with --merge, the shards' results.",
        ),
    ],
    out: OutOption,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            help="Patients followed at once on this machine; by default as many as cores and "
            "memory allow.",
            show_default=False,
        ),
    ] = None,
    scheduler: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Dask scheduler to use instead, as tcp://host:8786.",
            show_default=False,
        ),
    ] = "",
    shard: Annotated[
        str,
        typer.Option(
            metavar="K/N", help="Follow only every N-th patient, from the K-th.", show_default=False
        ),
    ] = "",
    merge: Annotated[
        bool, typer.Option("--merge", help="Pool the results of all shards, given as FOLDER…")
    ] = False,
    radiologist: RadiologistOption = None,
    tu: TuOption = None,
    evaluator: EvaluatorOption = None,
    sites: SitesOption = None,
    phases: Annotated[
        bool, typer.Option(help="Also segment the other contrast phases of a visit.")
    ] = True,
    criteria: CriteriaOption = "recist1.1,volume",
    tables_only: Annotated[
        bool,
        typer.Option(
            "--tables-only",
            help="Leave out report.pdf and report.html of each patient, much of the time where "
            "masks are given; `lvt report` makes them later.",
        ),
    ] = False,
    model: ModelOption = "default",
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    precision: PrecisionOption = "auto",
    plan: PlanOption = False,
    force: ForceOption = False,
    resume: ResumeOption = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Tell progress on stderr as a JSON object a line.")
    ] = False,
    identify: IdentifyOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Follow every patient below a folder, and pool their tables."""
    from lvt_track.pipeline.cohort.engines.engine import Engine
    from lvt_track.pipeline.cohort.merge import merge_cohort
    from lvt_track.pipeline.cohort.patients import Shard
    from lvt_track.pipeline.cohort.run import CohortSettings, track_cohort
    from lvt_track.pipeline.patient.settings import TrackSettings
    from lvt_track.pipeline.radiologist.tables import ReaderTables

    existing = existing_results(force, resume)
    if merge and (shard or scheduler or jobs is not None):
        raise UsageError("--merge follows nobody, so --jobs, --shard and --scheduler do not apply")
    if not merge and len(folders) > 1:
        raise UsageError(
            "one folder of patients is needed, several were given",
            remedy="Put the patients below one folder; the results of shards need --merge",
        )
    with JsonLog() if log_json else Console(quiet) as progress:
        if merge:
            result = merge_cohort(folders, out, existing, progress)
        else:
            reader = ReaderTables(None, radiologist, tu, evaluator, sites)
            settings = CohortSettings(
                TrackSettings(
                    model,
                    device,
                    phases,
                    reader,
                    criteria=criteria,
                    pseudonyms=pseudonyms_unless(identify),
                    precision=precision,
                    tables_only=tables_only,
                    plan=plan,
                ),
                Engine(jobs, scheduler),
                Shard.parse(shard) if shard else None,
            )
            result = track_cohort(folders[0], out, settings, existing, progress)
    print_result(result, quiet, json)
    if result.unfinished:
        raise typer.Exit(EXIT_PARTIAL)
