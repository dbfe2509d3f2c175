"""`lvt report`: tables and documents again from a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import (
    CorrectionsOption,
    EvaluatorOption,
    IdentifyOption,
    JsonOption,
    QuietOption,
    RadiologistOption,
    ResampledOption,
    SegTypeOption,
    SitesOption,
    TuOption,
)
from lvt_track.cli.results import finish

__all__ = ["report"]


def report(
    out: Annotated[Path, typer.Argument(help="Folder that `lvt track` wrote.")],
    radiologist: RadiologistOption = None,
    tu: TuOption = None,
    evaluator: EvaluatorOption = None,
    sites: SitesOption = None,
    corrections: CorrectionsOption = None,
    patient: Annotated[
        Path | None,
        typer.Option(help="Where the scans lie now, if they were moved since the run."),
    ] = None,
    criteria: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Response criteria, as in `lvt track`; else the run's."),
    ] = None,
    seg_type: SegTypeOption = None,
    identify: IdentifyOption = False,
    resampled: ResampledOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Make tables and report again from the masks of a run, edited or not.

    Masks in OUT/visits that were corrected by hand are used as they are.
    """
    from lvt_track.pipeline.patient.report import ReportOptions, remake_report
    from lvt_track.pipeline.radiologist.tables import ReaderTables

    with Console(quiet) as console:
        reader = ReaderTables(corrections, radiologist, tu, evaluator, sites)
        options = ReportOptions(criteria, identify, seg_type, resampled)
        result = remake_report(out, reader, patient, console, options)
    finish(result, quiet, json)
