"""`lvt segment`: liver, vessels and tumours of one scan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import (
    DeviceOption,
    ForceOption,
    IdentifyOption,
    JsonOption,
    ModelOption,
    OutOption,
    PrecisionOption,
    QuietOption,
    ThreadsOption,
    existing_results,
    pseudonyms_unless,
)
from lvt_track.cli.results import print_result

__all__ = ["segment"]


def segment(
    ct: Annotated[Path, typer.Argument(help="NIfTI, NRRD or MHA file, or a DICOM series folder.")],
    out: OutOption,
    model: ModelOption = "default",
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    precision: PrecisionOption = "auto",
    save_probabilities: Annotated[
        bool,
        typer.Option("--save-probabilities", help="Write the model's probabilities as well."),
    ] = False,
    exhaustive: Annotated[
        bool,
        typer.Option(
            "--exhaustive", help="Run every window of the scan in float32: slow, to compare with."
        ),
    ] = False,
    force: ForceOption = False,
    identify: IdentifyOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Write liver, vessels and tumors as masks in the geometry of the scan."""
    from lvt_track.pipeline.run.model_choice import ModelChoice
    from lvt_track.pipeline.segment import SegmentSettings, segment_scan

    with Console(quiet) as console:
        choice = ModelChoice(model, device, exhaustive, precision)
        settings = SegmentSettings(choice, save_probabilities, pseudonyms_unless(identify))
        result = segment_scan(ct, out, settings, existing_results(force, False), console)
    print_result(result, quiet, json)
