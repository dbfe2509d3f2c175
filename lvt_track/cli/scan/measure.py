"""`lvt measure`: the size of every lesion in a mask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import ForceOption, JsonOption, existing_results
from lvt_track.cli.results import print_rows

__all__ = ["measure"]


def measure(
    mask: Annotated[
        Path, typer.Argument(help="Mask (its components are measured) or label map (its labels).")
    ],
    ct: Annotated[
        Path | None, typer.Option(help="The scan it belongs to, for HU: file or DICOM folder.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="CSV to write; else it is printed.")
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Measure long axis, short axis and volume of every lesion in a mask."""
    from lvt_track.pipeline.measure import (
        MEASURE_COLUMNS,
        mask_warnings,
        measure_file,
        measure_rows,
    )
    from lvt_track.pipeline.run.output import claim_file

    if out is not None:
        claim_file(out, existing_results(force, resume=False))
    rows = measure_rows(measure_file(mask, ct))
    with Console(quiet=False) as console:
        for text in mask_warnings(mask):
            console.warn(text)
    print_rows(MEASURE_COLUMNS, rows, out, json)
