"""`lvt evaluate`: how good masks are, against true ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import EXIT_PARTIAL, Console
from lvt_track.cli.options import ForceOption, JsonOption, QuietOption, existing_results
from lvt_track.cli.results import print_rows

__all__ = ["evaluate"]


def evaluate(
    predicted: Annotated[
        Path, typer.Argument(help="A mask, a folder of masks, or a folder of cases.")
    ],
    reference: Annotated[Path, typer.Argument(help="The true masks, laid out in the same way.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="CSV to write; else it is printed.")
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="Of two mask files: liver, vessels or tumors."),
    ] = None,
    force: ForceOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Score masks: Dice, surface distances, centrelines of vessels, lesions found."""
    from lvt_track.pipeline.evaluate import SCORE_COLUMNS, evaluate_paths, score_rows
    from lvt_track.pipeline.run.output import claim_file

    if out is not None:
        claim_file(out, existing_results(force, resume=False))
    with Console(quiet) as console:
        result = evaluate_paths(predicted, reference, console, class_name)
        for text in (*result.remarks, *result.failures):
            console.warn(text)
    print_rows(SCORE_COLUMNS, score_rows(result), out, json)
    if result.failures:
        raise typer.Exit(EXIT_PARTIAL)
