"""The shards of a cohort, each followed by a run of its own, put together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lvt_track.errors import InputError, UsageError
from lvt_track.pipeline.cohort.conclude import conclude_cohort, drop_pooled
from lvt_track.pipeline.cohort.record import CohortRecord
from lvt_track.pipeline.cohort.result import CohortResult, PatientRun, State
from lvt_track.pipeline.cohort.run import read_cohort_table
from lvt_track.pipeline.patient.settings import TrackSettings
from lvt_track.pipeline.run.lock import locked
from lvt_track.pipeline.run.output import Existing, claim_folder
from lvt_track.pipeline.run.progress import Progress

__all__ = ["merge_cohort"]

_SHARD = re.compile(r"(\d+)/(\d+)")


def merge_cohort(
    shards: Sequence[Path], out: Path, existing: Existing, progress: Progress
) -> CohortResult:
    """Pool the tables of shards as one run over all patients would have.

    The patients' folders stay where they are.

    Args:
        shards: the output folders of all runs with `--shard`.
        out: gets the pooled tables.
        existing: what to do with results that are there.
        progress: told what is odd.

    Raises:
        UsageError: when shards are missing, not of one cohort, or not ended.
        InputError: when a folder is no shard's, or no patient could be followed.
        OutputError: when the output cannot be written.
    """
    if out.resolve() in {path.resolve() for path in shards}:
        raise UsageError(
            "the output folder is a shard's, whose tables would be written over",
            path=out,
            remedy="Choose another -o",
        )
    records = [CohortRecord.read(path) for path in shards]
    _check(shards, records)
    runs: list[PatientRun] = []
    for path, record in zip(shards, records, strict=True):
        runs += record.runs(path)
    runs.sort(key=lambda run: run.name)
    if all(run.state is State.FAILED for run in runs):
        raise InputError("none of the patients could be followed", path=shards[0])
    by_reader = read_cohort_table(TrackSettings.from_facts(records[0].settings))
    claim_folder(out, existing)
    with locked(out):
        claim_folder(out, existing)
        drop_pooled(out)
        whole = replace(records[0], shard="", patients=[], finished=False)
        conclude_cohort(runs, by_reader, whole, out, progress)
    return CohortResult(out, tuple(runs))


def _check(shards: Sequence[Path], records: Sequence[CohortRecord]) -> None:
    """Raise UsageError unless the records are all shards of one cohort."""
    first = records[0]
    places: dict[int, Path] = {}
    for path, record in zip(shards, records, strict=True):
        match = _SHARD.fullmatch(record.shard)
        if match is None:
            raise UsageError(
                "the results of a whole cohort, not of a shard",
                path=path,
                remedy="--merge takes the output folders of runs with --shard K/N",
            )
        number, count = int(match[1]), int(match[2])
        for what, theirs, ours in (
            ("of another cohort", record.source, first.source),
            ("of other settings", record.settings, first.settings),
            ("of another version of lvt", record.version, first.version),
            ("of other methods", record.methods, first.methods),
            ("of another division", count, int(first.shard.partition("/")[2])),
        ):
            if theirs != ours:
                raise UsageError(f"{what} than {shards[0]}: {theirs} is not {ours}", path=path)
        if not record.finished:
            raise UsageError(
                f"shard {record.shard} has not ended",
                path=path,
                remedy="Run it again with --resume",
            )
        if number in places:
            raise UsageError(f"shard {record.shard} is given twice", path=path)
        places[number] = path
    missing = [str(k) for k in range(1, count + 1) if k not in places]
    if missing:
        raise UsageError(
            f"shards {', '.join(missing[:20])} of {count} are missing",
            remedy="Give the output folders of all",
        )
