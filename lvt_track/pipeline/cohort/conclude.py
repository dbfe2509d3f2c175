"""From followed patients to what they say together, the same for one run and for shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.pipeline.cohort.matching import unmatched_patients
from lvt_track.pipeline.cohort.record import RECORD, CohortRecord
from lvt_track.pipeline.cohort.result import PatientRun, State
from lvt_track.pipeline.cohort.tables import POOLED, pool_tables
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.progress import Progress
from lvt_track.response.tables.readings import Readings

__all__ = ["conclude_cohort", "drop_pooled"]


def conclude_cohort(
    runs: Sequence[PatientRun],
    by_reader: Mapping[str, Readings],
    record: CohortRecord,
    out: Path,
    progress: Progress,
) -> None:
    """Pool the tables of all patients, and end the record.

    Args:
        runs: of all patients by name, some of them not failed.
        by_reader: the radiologist's table, reader by reader; empty where there is none.
        record: of the run.
        out: folder to write to.
        progress: told what is odd about patients together.

    Raises:
        InputError: when the table has none of the patients.
        OutputError: when a file cannot be written.
    """
    usable = [run for run in runs if run.state is not State.FAILED]
    for text in _shared_ids(usable):
        progress.warn(text)
    if by_reader:
        try:
            for text in unmatched_patients(by_reader, usable, is_whole=not record.shard):
                progress.warn(text)
        except InputError:
            pool_tables(runs, {}, out)  # what has been found stays
            raise
    pool_tables(runs, by_reader, out)
    ended = [CohortRecord.of(run, out) for run in runs]
    replace(record, patients=ended, finished=True).write(out)


def drop_pooled(out: Path) -> None:
    """Remove what an earlier run pooled, so that nobody takes it for this one's."""
    for name in (*POOLED, RECORD):
        (out / name).unlink(missing_ok=True)


def _shared_ids(runs: Sequence[PatientRun]) -> Iterator[str]:
    """Folders that are one patient by their PatientID, though each counts as one."""
    folders: dict[str, list[str]] = {}
    for run in runs:
        folders.setdefault(Manifest.read(run.folder).patient, []).append(run.name)
    for patient, names in folders.items():
        if len(names) > 1:
            yield (
                f"{', '.join(names)} are all called {patient}, but count as different patients: "
                "if they are one, put their visits into one folder"
            )
