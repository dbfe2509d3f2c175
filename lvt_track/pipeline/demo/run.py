"""The demo: draw a synthetic patient, do the whole job on it, and compare with what was drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lvt_track.phantom.course.script import demo_patient
from lvt_track.phantom.course.writer import FileFormat, write_patient
from lvt_track.pipeline.demo.comparison import TruthComparison, compare_with_truth
from lvt_track.pipeline.patient.track import TrackResult, TrackSettings, track_patient
from lvt_track.pipeline.run.manifest import Failure
from lvt_track.pipeline.run.output import Existing, claim_folder
from lvt_track.pipeline.run.progress import Progress

__all__ = ["DemoResult", "run_demo"]


@dataclass(frozen=True)
class DemoResult:
    """What the demo found, and how that compares with the truth."""

    track: TrackResult
    comparison: TruthComparison

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What could not be done."""
        return self.track.failures

    def facts(self) -> dict[str, object]:
        """The result as plain values: those of the run, and `truth`."""
        return self.track.facts() | {"truth": self.comparison.facts()}

    def summary(self) -> str:
        """The result in a few lines."""
        return f"{self.track.summary()}\n{self.comparison.summary()}"


def run_demo(out: Path, device: str, existing: Existing, progress: Progress) -> DemoResult:
    """Write a patient's scans to `out/patient` and the results to `out/results`.

    The scans come without masks: the embedded model finds liver, vessels and tumours. What is
    true of the patient lies in `out/patient/truth`, and is compared with what was found.
    """
    claim_folder(out, existing)
    progress.stage("patient", 1)
    patient = out / "patient"
    written = write_patient(demo_patient(), patient, FileFormat.NIFTI)
    progress.step("drawn")
    # Nobody's patient needs no pseudonym.
    settings = TrackSettings(device=device, pseudonyms=None)
    result = track_patient(patient, out / "results", settings, existing, progress)
    truth = dict(zip(written.dates, written.lesions, strict=True))
    return DemoResult(result, compare_with_truth(result.course, truth))
