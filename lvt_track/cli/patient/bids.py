"""`lvt-bids`: the command line that BIDS Apps share (Gorgolewski et al., PLoS Comput Biol 2017)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lvt_track.cli.console import EXIT_PARTIAL, Console, guarded, print_text
from lvt_track.cli.options import pseudonyms_unless
from lvt_track.core.threads import limit_threads
from lvt_track.errors import InputError, LvtError

__all__ = ["main", "run"]


def main() -> None:
    """Entry point of the command `lvt-bids`."""
    import typer

    limit_threads()
    try:
        guarded(run)(sys.argv[1:])
    except typer.Exit as end:
        raise SystemExit(end.exit_code) from None


def run(words: Sequence[str]) -> None:
    """Follow the participants of a BIDS dataset, or pool the tables of those that were followed.

    Raises:
        InputError: when a participant is not there, or none is.
        typer.Exit: with 4 when some could not be followed.
    """
    asked = _parser().parse_args(words)
    folders = _participants(asked.bids_dir, asked.participant_label)
    asked.output_dir.mkdir(parents=True, exist_ok=True)
    failures = _follow(folders, asked) if asked.level == "participant" else _pool(folders, asked)
    if failures:
        import typer

        raise typer.Exit(EXIT_PARTIAL)


def _parser() -> argparse.ArgumentParser:
    from lvt_track import __version__

    parser = argparse.ArgumentParser(
        "lvt-bids", description="Follow liver tumours through the CT of a BIDS dataset's sessions."
    )
    parser.add_argument("bids_dir", type=Path, help="dataset with sub-* folders; is not written to")
    parser.add_argument("output_dir", type=Path, help="gets a folder of results per participant")
    parser.add_argument("level", choices=("participant", "group"))
    parser.add_argument("--participant-label", "--participant_label", nargs="+", default=[])
    parser.add_argument("--model", default="default", help="see `lvt models`")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--identify", action="store_true", help="show names of files and series, not pseudonyms"
    )
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    parser.add_argument("-v", "--version", action="version", version=f"lvt {__version__}")
    return parser


def _participants(dataset: Path, labels: Sequence[str]) -> list[Path]:
    subjects = sorted(path for path in dataset.glob("sub-*") if path.is_dir())
    if not subjects:
        raise InputError("no sub-* folders", path=dataset, remedy="Give the root of a BIDS dataset")
    names = {f"sub-{label.removeprefix('sub-')}" for label in labels}
    missing = sorted(names - {path.name for path in subjects})
    if missing:
        raise InputError(f"no {', '.join(missing)}", path=dataset)
    return [path for path in subjects if not names or path.name in names]


def _follow(folders: Sequence[Path], asked: argparse.Namespace) -> bool:
    """Follow each participant; finished ones are kept, and one that fails does not end the rest."""
    from lvt_track.pipeline.patient.track import TrackSettings, track_patient
    from lvt_track.pipeline.run.output import Existing

    hidden = pseudonyms_unless(asked.identify)
    failed, settings = False, TrackSettings(asked.model, asked.device, pseudonyms=hidden)
    for folder in folders:
        out = asked.output_dir / folder.name
        existing = Existing.RESUME if out.exists() else Existing.REFUSE
        try:
            with Console(asked.quiet) as console:
                result = track_patient(folder, out, settings, existing, console)
        except LvtError as error:
            if len(folders) == 1:
                raise
            print(f"error: {folder.name}: {error}", file=sys.stderr)
            failed = True
        else:
            failed |= bool(result.failures)
            if not asked.quiet:
                print_text(result.summary() + "\n")
    return failed


def _pool(folders: Sequence[Path], asked: argparse.Namespace) -> bool:
    """Pool the tables of the participants that have results; those without are named."""
    from lvt_track.pipeline.cohort.result import PatientRun, State
    from lvt_track.pipeline.cohort.tables import pool_tables
    from lvt_track.pipeline.run.folder import RunFolder

    runs = []
    for folder in folders:
        out = asked.output_dir / folder.name
        if RunFolder(out).manifest.is_file():
            runs.append(PatientRun(folder.name, out, State.DONE, ""))
        else:
            print(f"error: {folder.name}: no results yet", file=sys.stderr)
    if not runs:
        raise InputError(
            "no results to pool", path=asked.output_dir, remedy="Run the participant level first"
        )
    pool_tables(runs, {}, asked.output_dir)
    return len(runs) < len(folders)
