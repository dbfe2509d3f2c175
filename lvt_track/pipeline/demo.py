"""The demo: draw a synthetic patient, then do the whole job on it."""

from __future__ import annotations

from pathlib import Path

from lvt_track.phantom.course.script import demo_patient
from lvt_track.phantom.course.writer import FileFormat, write_patient
from lvt_track.pipeline.patient.track import TrackResult, TrackSettings, track_patient
from lvt_track.pipeline.run.output import Existing, claim_folder
from lvt_track.pipeline.run.progress import Progress

__all__ = ["run_demo"]


def run_demo(out: Path, device: str, existing: Existing, progress: Progress) -> TrackResult:
    """Write a patient's scans to `out/patient` and the results to `out/results`.

    The scans come without masks: the embedded model finds liver, vessels and tumours. What is
    true of the patient lies in `out/patient/truth`.
    """
    claim_folder(out, existing)
    progress.stage("patient", 1)
    patient = out / "patient"
    write_patient(demo_patient(), patient, FileFormat.NIFTI)
    progress.step("drawn")
    return track_patient(patient, out / "results", TrackSettings(device=device), existing, progress)
