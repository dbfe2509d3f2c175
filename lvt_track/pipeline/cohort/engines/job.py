"""One patient of a cohort, followed in whatever process it is handed to."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track import __version__
from lvt_track.core.memory import peak_bytes, reset_peak
from lvt_track.core.methods import METHODS
from lvt_track.core.plain_text import encodable
from lvt_track.errors import LvtError
from lvt_track.io.discover import discover
from lvt_track.pipeline.cohort.result import PatientRun, State
from lvt_track.pipeline.patient.track import (
    TrackSettings,
    disclosure_of,
    is_finished,
    track_patient,
)
from lvt_track.pipeline.run.manifest import Failure, Manifest
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent

__all__ = ["PatientJob", "identity", "run_patient"]


@dataclass(frozen=True)
class PatientJob:
    """One patient's run, as it is handed to a process.

    Attributes:
        patient: folder of the scans.
        out: folder for the results.
        settings: of the run.
        existing: what to do with results that are there.
        is_read: whether the radiologist's table has rows of some patients, so that those of
            others are followed without it.
        with_rows: the patients that it has, as results call them.
        identity: of the program that handed it out; empty where that is this process.
    """

    patient: Path
    out: Path
    settings: TrackSettings
    existing: Existing
    is_read: bool = False
    with_rows: frozenset[str] = frozenset()
    identity: str = ""

    @property
    def name(self) -> str:
        """Of the patient's folder."""
        return self.patient.name

    def failed(self, why: str) -> PatientRun:
        """The run, had it failed for this reason."""
        return PatientRun(self.name, self.out, State.FAILED, why)


@functools.cache
def identity(model: str) -> str:
    """What must be the same wherever one cohort is followed: version, methods and model, in words.

    Raises:
        InputError: when there is no such model here.
    """
    from lvt_track.segment.models import card_of
    from lvt_track.segment.totalsegmentator import TOTALSEGMENTATOR

    methods = ",".join(str(number) for _, number in sorted(METHODS.items()))
    program = f"lvt {__version__}, methods {methods}"
    if model == TOTALSEGMENTATOR:
        return f"{program}, {model}"
    cards = [card_of(name) for name in model.split("+")]
    return program + "".join(f", model {card.name} {card.sha256[:12]}" for card in cards)


def run_patient(job: PatientJob) -> PatientRun:
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
