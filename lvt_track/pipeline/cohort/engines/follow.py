"""One patient of a cohort, followed in whatever process it was handed to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.memory import peak_bytes, reset_peak
from lvt_track.core.plain_text import encodable
from lvt_track.errors import LvtError
from lvt_track.io.discover import discover
from lvt_track.pipeline.cohort.engines.job import PatientJob, identity
from lvt_track.pipeline.cohort.result import PatientRun, State
from lvt_track.pipeline.patient.settings import TrackSettings
from lvt_track.pipeline.patient.track import disclosure_of, is_finished, track_patient
from lvt_track.pipeline.run.manifest import Failure, Manifest
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent

__all__ = ["follow_patient"]


def follow_patient(job: PatientJob) -> PatientRun:
    """Follow one patient; nothing that goes wrong with it ends the cohort."""
    start = time.perf_counter()
    reset_peak()
    failures: Sequence[Failure] = ()
    shows = disclosure_of(job.patient, job.settings)
    try:
        if job.identity and identity(job.settings.model) != job.identity:
            return job.failed(
                f"the worker has {identity(job.settings.model)}, this run is of {job.identity}"
            )
        settings = _settings_of(job)
        resumes = job.existing is Existing.RESUME
        if resumes and is_finished(job.patient, job.out, settings):
            state, failures = State.KEPT, Manifest.read(job.out).failures
        else:
            result = track_patient(job.patient, job.out, settings, job.existing, Silent())
            state, failures = State.DONE, result.failures
        if failures:
            state = State.IN_PART
        why = "; ".join(f"{item.where}: {item.why}" for item in failures)
    except LvtError as error:
        state, why = State.FAILED, str(shows.error(error))
    except MemoryError:
        state, why = State.FAILED, "not enough memory: give fewer --jobs"
    except UnicodeEncodeError as error:
        name = encodable(str(error.object))
        state = State.FAILED
        name = shows.text(name)
        why = f"{name}: a name that is no UTF-8, which libraries cannot open: rename it"
    except Exception as error:
        # One patient's fault of ours must not cost the others their results.
        fault = shows.text(repr(error))
        state, why = State.FAILED, f"a fault of lvt ({fault}); `lvt track` on it alone shows more"
    peak = peak_bytes()
    return PatientRun(
        job.name,
        job.out,
        state,
        why,
        time.perf_counter() - start,
        None if peak is None else peak / 1e6,
    )


def _settings_of(job: PatientJob) -> TrackSettings:
    """The settings, without a radiologist's table that has no rows of this patient."""
    if not job.is_read:
        return job.settings
    shows = disclosure_of(job.patient, job.settings)
    if shows.knowing(discover(job.patient)).shown_patient in job.with_rows:
        return job.settings
    return replace(job.settings, reader=replace(job.settings.reader, radiologist=None))
