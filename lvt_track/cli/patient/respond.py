"""`lvt respond`: response categories from any table of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console, print_json, print_text
from lvt_track.cli.options import (
    CriteriaOption,
    ForceOption,
    JsonOption,
    QuietOption,
    existing_results,
)

__all__ = ["respond"]


def respond(
    table: Annotated[
        Path,
        typer.Argument(
            help="Measurements: CSV or XLSX, an SDTM TR domain (CSV, XPT), a DICOM SR, or a folder "
            "of DICOM SR."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="CSV to write; else it is printed.")
    ] = None,
    criteria: CriteriaOption = "recist1.1",
    confirm: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=0,
            help="Best response needs confirmation after so many days; usually 28.",
        ),
    ] = None,
    tu: Annotated[
        Path | None, typer.Option(help="SDTM TU domain that belongs to the TR domain.")
    ] = None,
    evaluator: Annotated[
        str | None, typer.Option(help="Whose rows count, of a table by several readers.")
    ] = None,
    visit_window: Annotated[
        int,
        typer.Option(
            metavar="DAYS",
            min=0,
            help="Dates so near each other are one visit, if no lesion has a row on both.",
        ),
    ] = 7,
    sites: Annotated[
        Path | None,
        typer.Option(help="CSV with columns word and organ: more words for sites than lvt knows."),
    ] = None,
    rs: Annotated[
        Path | None, typer.Option(help="Also write the responses as an SDTM RS domain (CSV).")
    ] = None,
    adam: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also write analysis datasets (CDISC ADaM): adrs.csv, adtr.csv, adtte.csv.",
        ),
    ] = None,
    adsl: Annotated[
        Path | None,
        typer.Option(
            help="ADSL of the trial (CSV, XLSX, XPT): days count from RANDDT, else TRTSDT, and "
            "DTHDT adds survival to --adam."
        ),
    ] = None,
    stable_after: Annotated[
        int,
        typer.Option(metavar="DAYS", min=0, help="Stable disease counts as best from this day on."),
    ] = 42,
    most_not_evaluable: Annotated[
        int,
        typer.Option(
            metavar="VISITS",
            min=0,
            help="So many visits between a response and what confirms it may be not evaluable.",
        ),
    ] = 1,
    accept_stable: Annotated[
        bool,
        typer.Option("--accept-stable", help="A PR is also confirmed with one SD between."),
    ] = False,
    doubt: Annotated[
        bool,
        typer.Option(
            "--doubt", help="Also say how sure each category is: sizes are drawn again 1,000 times."
        ),
    ] = False,
    force: ForceOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Judge response from a table of measurements; no images needed."""
    from lvt_track.io.spreadsheets.writing import write_text
    from lvt_track.pipeline.adam import ADAM_FILES, read_adsl, refuse_contradictions, write_adam
    from lvt_track.pipeline.radiologist.readings import ReadingSource, read_site_words
    from lvt_track.pipeline.respond import respond_to_table, response_csv, write_rs
    from lvt_track.pipeline.run.output import claim_file
    from lvt_track.response.adam.subjects import subjects_of
    from lvt_track.response.best import BestRules
    from lvt_track.response.shrinkage import depth_of_response_percent, early_change_percent
    from lvt_track.response.tables.answers import doubt_row, response_row
    from lvt_track.response.tables.readings import ReadOptions

    datasets = [adam / name for name in ADAM_FILES] if adam is not None else []
    for path in filter(None, (out, rs, *datasets)):
        claim_file(path, existing_results(force, resume=False))
    options = ReadOptions(visit_window)
    if sites is not None:
        options = ReadOptions(visit_window, read_site_words(sites))
    source = ReadingSource(table, tu, evaluator, options)
    enrolments = {} if adsl is None else read_adsl(adsl)
    rules = BestRules(stable_after, confirm, most_not_evaluable, accept_stable)
    starts = {name: one.start for name, one in enrolments.items()}
    result = respond_to_table(source, criteria, rules=rules, starts=starts, doubt=doubt)
    if adsl is not None:
        refuse_contradictions(enrolments, result.responses, adsl)
    missing = [name for name in result.responses if adsl is not None and name not in enrolments]
    with Console(quiet) as console:
        for remark in result.remarks:
            console.warn(remark)
        for name in missing:
            console.warn(f"{name} is not in the ADSL: its days count from the baseline")
        for name in (name for name in result.responses if name in starts and not starts[name]):
            console.warn(f"the ADSL has no day 1 of {name}: its days count from the baseline")
        confirmation = "" if confirm is None else f", confirmed after {confirm} days"
        for patient, bests in result.best.items() if not json else ():
            for criterion, best in bests.items():
                by = f" by {criterion}" if len(bests) > 1 else ""
                console.say(f"best overall response{confirmation}{_of(patient)}{by}: {best}")
    if rs is not None:
        write_rs(result, rs)
    if adam is not None:
        write_adam(subjects_of(result.responses, result.trial, enrolments), adam, rules)
    if out is not None:
        write_text(response_csv(result), out)
    if json:
        print_json(
            [
                {
                    "patient": patient,
                    "criterion": criterion,
                    "best_overall_response": best,
                    "depth_of_response_percent": depth_of_response_percent(responses),
                    "early_change_percent": early_change_percent(responses),
                    "responses": [
                        {**response_row(one), **(doubt_row(one) if doubt else {})}
                        for one in responses
                    ],
                }
                for patient, bests in result.best.items()
                for criterion, best in bests.items()
                for responses in [
                    [r for r in result.responses[patient] if r.criterion == criterion]
                ]
            ]
        )
    elif out is None:
        print_text(response_csv(result))


def _of(patient: str) -> str:
    return f" of {patient}" if patient else ""
