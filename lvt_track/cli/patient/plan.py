"""`lvt plan`: plan resections from a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import JsonOption, QuietOption
from lvt_track.cli.results import print_result
from lvt_track.errors import UsageError

__all__ = ["plan"]


def plan(
    out: Annotated[Path, typer.Argument(help="Folder that `lvt track` wrote.")],
    visit: Annotated[
        str | None, typer.Option(help="Date of the visit to draw; the last by default.")
    ] = None,
    resect: Annotated[
        list[str] | None,
        typer.Option(help="What is taken: segments 5,6,7,8, right, left, tumours T1; repeatable."),
    ] = None,
    wedge: Annotated[
        list[str] | None, typer.Option(help="A tumour taken with a margin: T1; repeatable.")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Margin around tumours that are taken, mm; 10 by default."),
    ] = None,
    mask: Annotated[
        list[Path] | None,
        typer.Option(help="Mask of what is taken, on the grid of the visit; repeatable."),
    ] = None,
    weight_kg: Annotated[float | None, typer.Option(help="Of the patient, kg.")] = None,
    height_cm: Annotated[float | None, typer.Option(help="Of the patient, cm.")] = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Plan a resection: vessels, segments, distances, and what remains of the liver.

    For research, not for clinical use.
    """
    from lvt_track.pipeline.planning.run import plan_run
    from lvt_track.pipeline.planning.settings import PlanSettings, standard_ml
    from lvt_track.planning.resection.spec import (
        Resection,
        mask_resection,
        read_resection,
        wedge_resection,
    )

    if margin is not None and not (resect or wedge):
        raise UsageError("--margin goes with --wedge or --resect", remedy="Say what is taken")
    margin_mm = Resection.margin_mm if margin is None else margin
    resections = [read_resection(text, margin_mm) for text in resect or []]
    resections += [wedge_resection(text, margin_mm) for text in wedge or []]
    resections += [mask_resection(path) for path in mask or []]
    settings = PlanSettings(visit, tuple(resections), standard_ml(weight_kg, height_cm))
    with Console(quiet) as console:
        result = plan_run(out, settings, console)
    print_result(result, quiet, json)
