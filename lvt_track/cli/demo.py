"""`lvt demo`: a synthetic patient, the whole job, a report."""

from __future__ import annotations

from pathlib import Path

from lvt_track.cli.console import Console
from lvt_track.cli.options import (
    DeviceOption,
    ForceOption,
    JsonOption,
    OutOption,
    QuietOption,
    ThreadsOption,
    existing_results,
)
from lvt_track.cli.results import finish

__all__ = ["demo"]


def demo(
    out: OutOption = Path("demo"),
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    force: ForceOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Draw a synthetic patient, do the whole job on it, compare with what was drawn. Offline."""
    from lvt_track.pipeline.demo.run import run_demo

    with Console(quiet) as console:
        result = run_demo(out, device, existing_results(force, False), console)
    finish(result, quiet, json)
