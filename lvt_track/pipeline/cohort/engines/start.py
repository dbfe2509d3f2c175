"""Where a process that was handed a patient starts."""

from __future__ import annotations

from lvt_track.pipeline.cohort.engines.job import PatientJob
from lvt_track.pipeline.cohort.result import PatientRun

__all__ = ["run_patient"]


def run_patient(job: PatientJob) -> PatientRun:
    """Follow one patient, see `follow_patient`.

    What that needs, torch among it, is loaded where patients are followed: who hands them out or
    merges shards does without.
    """
    from lvt_track.pipeline.cohort.engines.follow import follow_patient

    return follow_patient(job)
