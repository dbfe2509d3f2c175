"""`lvt doctor`: what this machine has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import EXIT_FAILED, print_json
from lvt_track.cli.options import JsonOption

__all__ = ["doctor"]


def doctor(
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="Also whether results can be written here.", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show torch, GPU, memory, models and extras of this machine, and what would end a long run."""
    from lvt_track.pipeline.doctor import examine

    findings = examine(out)
    if json:
        print_json([{"name": f.name, "state": f.state, "ok": f.is_ok} for f in findings])
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = "ok" if finding.is_ok else "--"
            print(f"{mark}  {finding.name:<{width}}  {finding.state}")
    if any(finding.is_needed and not finding.is_ok for finding in findings):
        raise typer.Exit(EXIT_FAILED)
