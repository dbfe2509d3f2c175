"""`lvt doctor`: what this machine has."""

from __future__ import annotations

from lvt_track.cli.console import EXIT_FAILED, print_json
from lvt_track.cli.options import JsonOption

__all__ = ["doctor"]


def doctor(json: JsonOption = False) -> None:
    """Show torch, GPU, memory, models and extras of this machine."""
    import typer

    from lvt_track.pipeline.doctor import examine

    findings = examine()
    if json:
        print_json([{"name": f.name, "state": f.state, "ok": f.is_ok} for f in findings])
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = "ok" if finding.is_ok else "--"
            print(f"{mark}  {finding.name:<{width}}  {finding.state}")
    if any(finding.is_needed and not finding.is_ok for finding in findings):
        raise typer.Exit(EXIT_FAILED)
