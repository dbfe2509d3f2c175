"""Many patients: every subfolder is one, each is followed alone, then their tables are pooled."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lvt_track.core.threads import allowed_cores
from lvt_track.errors import InputError, LvtError, UsageError
from lvt_track.io.discover import discover
from lvt_track.pipeline.cohort.matching import unmatched_patients
from lvt_track.pipeline.cohort.processes import run_apart
from lvt_track.pipeline.cohort.tables import PatientRun, State, pool_tables
from lvt_track.pipeline.patient.track import TrackSettings, is_finished, track_patient
from lvt_track.pipeline.radiologist.readings import read_readings
from lvt_track.pipeline.run.manifest import Failure, Manifest
from lvt_track.pipeline.run.output import Existing, claim_folder
from lvt_track.pipeline.run.progress import Progress, Silent
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.readings import Readings

__all__ = ["CohortResult", "CohortSettings", "track_cohort"]

_DATE_ONLY = re.compile(r"\d{4}[-_.]?\d{2}[-_.]?\d{2}")


@dataclass(frozen=True)
class CohortResult:
    """What a cohort came to.

    Attributes:
        folder: where everything is.
        runs: one per patient, by name.
    """

    folder: Path
    runs: tuple[PatientRun, ...]

    @property
    def unfinished(self) -> tuple[PatientRun, ...]:
        """Patients that failed, wholly or in part."""
        return tuple(run for run in self.runs if run.why)

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder),
            "patients": [
                {
                    "patient": run.name,
                    "state": run.state,
                    "why": run.why,
                    "seconds": round(run.seconds, 1),
                }
                for run in self.runs
            ],
        }

    def summary(self) -> str:
        """The result in a few lines."""
        counts = [(state, sum(run.state is state for run in self.runs)) for state in State]
        told = ", ".join(f"{count} {state}" for state, count in counts if count)
        lines = [f"{len(self.runs)} patients: {told}"]
        lines += [f"{run.state}: {run.name}: {run.why}" for run in self.unfinished]
        lines.append(f"tables: {self.folder / 'patients.csv'}")
        return "\n".join(lines)


@dataclass(frozen=True)
class CohortSettings:
    """Choices of a cohort.

    Attributes:
        track: of every patient; a radiologist's table needs to say which rows are whose.
        jobs: how many patients are followed at once, each in a process of its own.
    """

    track: TrackSettings
    jobs: int = 1


@dataclass(frozen=True)
class _Job:
    """One patient's run, as it is handed to a process."""

    patient: Path
    out: Path
    settings: TrackSettings
    existing: Existing


def track_cohort(
    folder: Path, out: Path, settings: CohortSettings, existing: Existing, progress: Progress
) -> CohortResult:
    """Follow every patient below a folder, and pool their tables.

    A patient that fails is named, and the others go on.

    Args:
        folder: its subfolders are the patients.
        out: gets a folder of results per patient, and the pooled tables.
        settings: of every run, and how many go on at once.
        existing: what to do with results that are there; RESUME keeps finished patients.
        progress: told of each patient.

    Raises:
        UsageError: for a folder that is one patient's, a table without patients, or fewer jobs
            than one.
        InputError: when there are no patients, or none could be followed.
        OutputError: when the output cannot be written.
    """
    if settings.jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {settings.jobs}")
    patients = _patients(folder, out)
    readings = _readings(settings.track)
    claim_folder(out, existing)
    work = [_Job(path, out / path.name, settings.track, existing) for path in patients]
    at_once = min(settings.jobs, allowed_cores())
    if at_once < settings.jobs:
        progress.note(f"{at_once} patients at once, for there are no more cores")
    runs = []
    progress.stage("patients", len(work))
    with closing(_run_all(work, readings, at_once)) as finished:
        for run in finished:
            runs.append(run)
            if run.why:
                progress.warn(f"{run.name}: {run.why}")
            progress.step(run.name)
    runs.sort(key=lambda run: run.name)
    usable = [run for run in runs if run.state is not State.FAILED]
    if not usable:
        raise InputError(
            "none of the patients could be followed",
            path=folder,
            remedy="; ".join(f"{run.name}: {run.why}" for run in runs[:3]),
        )
    for text in _shared_ids(usable):
        progress.warn(text)
    if readings is not None:
        try:
            for text in unmatched_patients(readings, usable):
                progress.warn(text)
        except InputError:
            pool_tables(runs, None, out)  # what has been found stays
            raise
    pool_tables(runs, readings, out)
    return CohortResult(out, tuple(runs))


def _patients(folder: Path, out: Path) -> list[Path]:
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise InputError(what, path=folder, remedy="Give the folder with a subfolder per patient")
    found = sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.resolve() != out.resolve()
    )
    if not found:
        raise InputError(
            "no subfolders, so no patients", path=folder, remedy="Give each patient a subfolder"
        )
    if all(_DATE_ONLY.fullmatch(path.name) for path in found):
        raise UsageError(
            "the subfolders are dates, so this is the folder of one patient",
            path=folder,
            remedy="Use `lvt track`, or give the folder above",
        )
    return found


def _readings(settings: TrackSettings) -> Readings | None:
    source = settings.reader.source
    if source is None:
        return None
    readings = read_readings(source)
    if any(not row.patient for row in readings.rows):
        raise UsageError(
            "rows that name no patient, which a table for several patients must",
            path=source.path,
            remedy="Add a column `patient` with the PatientID, or the folder where there is none",
        )
    return readings


def _run_all(
    work: Sequence[_Job], readings: Readings | None, jobs: int
) -> Generator[PatientRun, None, None]:
    """The runs as they end; one job at a time needs no other process."""
    with_rows = frozenset(by_patient(readings.rows)) if readings is not None else frozenset()
    if jobs == 1:
        for job in work:
            yield _run(job, with_rows)
        return
    with closing(run_apart(partial(_run, with_rows=with_rows), work, jobs)) as ended:
        for job, run in ended:
            why = "its process was ended, as happens without memory: give fewer --jobs"
            yield run or PatientRun(job.patient.name, job.out, State.FAILED, why)


def _run(job: _Job, with_rows: frozenset[str]) -> PatientRun:
    """Follow one patient; nothing that goes wrong with it ends the cohort."""
    name, start = job.patient.name, time.perf_counter()
    try:
        settings = _own_settings(job, with_rows)
        resumes = job.existing is Existing.RESUME
        failures: Sequence[Failure]
        if resumes and is_finished(job.patient, job.out, settings):
            state, failures = State.KEPT, Manifest.read(job.out).failures
        else:
            result = track_patient(job.patient, job.out, settings, job.existing, Silent())
            state, failures = State.DONE, result.failures
        if failures:
            state = State.IN_PART
        why = "; ".join(f"{item.where}: {item.why}" for item in failures)
    except LvtError as error:
        state, why = State.FAILED, str(error)
    except MemoryError:
        state, why = State.FAILED, "not enough memory: give fewer --jobs"
    except Exception as error:
        # One patient's fault of ours must not cost the others their results.
        state, why = State.FAILED, f"a fault of lvt ({error!r}); `lvt track` on it alone shows more"
    return PatientRun(name, job.out, state, why, time.perf_counter() - start)


def _own_settings(job: _Job, with_rows: frozenset[str]) -> TrackSettings:
    """The settings, without a radiologist's table that has no rows of this patient."""
    if not with_rows or discover(job.patient).patient in with_rows:
        return job.settings
    return replace(job.settings, reader=replace(job.settings.reader, radiologist=None))


def _shared_ids(runs: Sequence[PatientRun]) -> Iterator[str]:
    """Folders that are one patient by their PatientID, though each counts as one."""
    folders: dict[str, list[str]] = {}
    for run in runs:
        folders.setdefault(Manifest.read(run.folder).patient, []).append(run.name)
    for patient, names in folders.items():
        if len(names) > 1:
            yield f"{', '.join(names)} are all called {patient}, but count as different patients"
