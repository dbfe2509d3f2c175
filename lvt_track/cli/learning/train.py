"""`lvt train`: a model from prepared datasets, none of which needs to be complete."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import (
    DeviceOption,
    ForceOption,
    JsonOption,
    OutOption,
    QuietOption,
    ResumeOption,
    existing_results,
)
from lvt_track.cli.results import print_result

__all__ = ["train"]


def train(
    out: OutOption,
    configuration: Annotated[
        Path | None, typer.Argument(help="TOML file that says what to train.", show_default=False)
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Folder that `lvt prepare` wrote; give it once per dataset."),
    ] = None,
    budget_minutes: Annotated[float | None, typer.Option(help="Minutes to train for.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps to take.")] = None,
    method: Annotated[
        str | None,
        typer.Option(help="How to learn from partial labels: ours, or a rival's name."),
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(help="Model whose weights to start from: a name, such as default, or folder."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    device: DeviceOption = "auto",
    force: ForceOption = False,
    resume: ResumeOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Train a model from datasets that label only some of liver, vessels and tumours each."""
    from lvt_track.pipeline.train import train_model
    from lvt_track.training.configuration import read_configuration

    options: dict[str, Any] = {
        "data": data or None,
        "method": method,
        "start_from": start_from,
        "name": name,
    }
    budget = {"budget_minutes": budget_minutes, "steps": steps}
    asked = read_configuration(
        configuration,
        {key: value for key, value in options.items() if value is not None},
        {key: value for key, value in budget.items() if value is not None},
    )
    with Console(quiet) as console:
        result = train_model(asked, out, device, existing_results(force, resume), console)
    if result is None:
        return
    print_result(result, quiet, json)
