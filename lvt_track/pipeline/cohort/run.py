"""Many patients: every subfolder is one, each is followed alone, then their tables are pooled."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from lvt_track.errors import InputError, UsageError
from lvt_track.pipeline.cohort.conclude import conclude_cohort, drop_pooled
from lvt_track.pipeline.cohort.engines.engine import Engine
from lvt_track.pipeline.cohort.engines.job import PatientJob
from lvt_track.pipeline.cohort.patients import Shard, list_patients
from lvt_track.pipeline.cohort.record import RECORD, CohortRecord
from lvt_track.pipeline.cohort.result import CohortResult, PatientRun, State
from lvt_track.pipeline.patient.settings import TrackSettings
from lvt_track.pipeline.radiologist.readings import read_by_reader
from lvt_track.pipeline.run.lock import locked
from lvt_track.pipeline.run.output import Existing, claim_folder, drop_if_empty
from lvt_track.pipeline.run.progress import Progress
from lvt_track.response.tables.readings import Readings

__all__ = ["CohortSettings", "read_cohort_table", "track_cohort"]


@dataclass(frozen=True)
class CohortSettings:
    """Choices of a cohort.

    Attributes:
        track: of every patient; a radiologist's table needs to say which rows are whose.
        engine: where patients are followed.
        shard: which of several runs this is; None for the whole.
    """

    track: TrackSettings
    engine: Engine = field(default_factory=Engine)
    shard: Shard | None = None


def track_cohort(
    folder: Path, out: Path, settings: CohortSettings, existing: Existing, progress: Progress
) -> CohortResult:
    """Follow every patient below a folder, and pool their tables.

    A patient that fails is named, and the others go on.

    Args:
        folder: its subfolders are the patients.
        out: gets a folder of results per patient, and the pooled tables.
        settings: of every run, and where they go on.
        existing: what to do with results that are there; RESUME keeps finished patients.
        progress: told of each patient.

    Raises:
        UsageError: for a folder that is one patient's, a table without patients, or an output
            folder of another cohort or that another run holds.
        InputError: when there are no patients, or none could be followed.
        OutputError: when the output cannot be written.
        LvtError: when a scheduler does not answer, or is lost.
    """
    patients = list_patients(folder, out)
    if settings.shard is not None:
        patients = settings.shard.of(patients)
    by_reader = read_cohort_table(settings.track)
    record = CohortRecord(str(folder.absolute()), str(settings.shard or ""), settings.track.facts())
    claim_folder(out, existing)
    try:
        with locked(out):
            claim_folder(out, existing)  # once more, now that nobody else writes
            if existing is Existing.RESUME and (out / RECORD).exists():
                _check_same_shard(CohortRecord.read(out), record, out)
            work = list(_jobs(patients, out, settings, existing, by_reader))
            runs = _follow(work, settings.engine, record, out, progress)
            for text in _left_over(patients, out):
                progress.warn(text)
            if all(run.state is State.FAILED for run in runs):
                raise InputError(
                    "none of the patients could be followed",
                    path=folder,
                    remedy="; ".join(f"{run.name}: {run.why}" for run in runs[:3]),
                )
            conclude_cohort(runs, by_reader, record, out, progress)
    finally:
        drop_if_empty(out)
    return CohortResult(out, tuple(runs))


def read_cohort_table(settings: TrackSettings) -> dict[str, Readings]:
    """The radiologist's table of a cohort by reader; patients as results call them.

    Returns:
        Nothing where there is no table; under the empty name one that is of one reader.

    Raises:
        InputError: when it cannot be read.
        UsageError: when it does not say which rows are whose.
    """
    source = settings.reader.source
    if source is None:
        return {}
    by_reader = read_by_reader(source)
    if any(not row.patient for readings in by_reader.values() for row in readings.rows):
        raise UsageError(
            "rows that name no patient, which a table for several patients must",
            path=source.path,
            remedy="Add a column `patient` with the PatientID, or the folder where there is none",
        )
    hidden = settings.pseudonyms
    if hidden is None:
        return by_reader
    return {
        reader: replace(
            readings,
            rows=tuple(replace(row, patient=hidden.patient(row.patient)) for row in readings.rows),
        )
        for reader, readings in by_reader.items()
    }


def _jobs(
    patients: Sequence[Path],
    out: Path,
    settings: CohortSettings,
    existing: Existing,
    by_reader: Mapping[str, Readings],
) -> Iterator[PatientJob]:
    # The cohort's folder was empty or may be gone on with; what a worker that was ended left of a
    # patient is then gone on with too.
    each = Existing.RESUME if existing is Existing.REFUSE else existing
    with_rows = frozenset(row.patient for one in by_reader.values() for row in one.rows)
    for path in patients:
        yield PatientJob(
            path.absolute(),
            out.absolute() / path.name,
            settings.track,
            each,
            bool(by_reader),
            with_rows,
        )


def _follow(
    work: Sequence[PatientJob],
    engine: Engine,
    record: CohortRecord,
    out: Path,
    progress: Progress,
) -> list[PatientRun]:
    """The patients' runs by name; the record knows those that ended from the first on."""
    runs: list[PatientRun] = []
    start = time.monotonic()
    progress.stage("patients", len(work))
    with closing(engine.run(work, progress)) as ended:
        for run in ended:
            if not runs:
                drop_pooled(out)  # of an earlier run, and no longer true
                record.write(out)
            run = replace(run, folder=out / run.name)
            runs.append(run)
            if run.why:
                progress.warn(f"{run.name}: {run.why}")
            progress.step(f"{run.name}{_time_left(start, len(runs), len(work))}")
    runs.sort(key=lambda run: run.name)
    return runs


def _time_left(start: float, done: int, total: int) -> str:
    if done == total:
        return ""
    seconds = (time.monotonic() - start) / done * (total - done)
    if seconds < 90:
        return f", about {seconds:.0f} s left"
    return (
        f", about {seconds / 60:.0f} min left"
        if seconds < 5400
        else (f", about {seconds / 3600:.1f} h left")
    )


def _check_same_shard(earlier: CohortRecord, ours: CohortRecord, out: Path) -> None:
    """Refuse to go on in the folder of another shard, which --merge would then miss.

    Raises:
        UsageError: when it is one.
    """
    if earlier.shard != ours.shard:
        was = f"shard {earlier.shard} of " if earlier.shard else "all of "
        raise UsageError(
            f"it holds the results of {was}{earlier.source}",
            path=out,
            remedy="Choose another -o, or give --force to write over the results",
        )


def _left_over(patients: Sequence[Path], out: Path) -> Iterator[str]:
    """Folders of results whose patient is not, or no longer, one of this run."""
    ours = {path.name for path in patients}
    for path in sorted(out.iterdir()):
        if path.name not in ours and (path / "run.json").is_file():
            yield (
                f"{path} holds results of an earlier run and is no patient of this one: "
                "it is left as it is, and counts nowhere"
            )
