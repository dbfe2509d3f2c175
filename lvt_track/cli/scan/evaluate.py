"""`lvt evaluate`: how good masks are, against true ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import EXIT_PARTIAL, Console, print_json
from lvt_track.cli.options import ForceOption, JsonOption, QuietOption, existing_results

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
    from lvt_track.io.spreadsheets.writing import write_text
    from lvt_track.pipeline.evaluate import SCORE_COLUMNS, evaluate_paths, score_rows
    from lvt_track.pipeline.rows import table_text
    from lvt_track.pipeline.run.output import claim_file

    if out is not None:
        claim_file(out, existing_results(force, resume=False))
    with Console(quiet) as console:
        result = evaluate_paths(predicted, reference, console, class_name)
        for text in (*result.remarks, *result.failures):
            console.warn(text)
    rows = score_rows(result)
    text = table_text(SCORE_COLUMNS, rows)
    if out is not None:
        write_text(text, out)
    if json:
        print_json(rows)
    elif out is None:
        print(text, end="")
    if result.failures:
        raise typer.Exit(EXIT_PARTIAL)
