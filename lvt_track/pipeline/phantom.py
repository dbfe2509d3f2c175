"""Draw a synthetic patient and write the scans, with the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lvt_track.errors import UsageError
from lvt_track.phantom.course.scans import CLINICAL, SMALL
from lvt_track.phantom.course.script import draw_course
from lvt_track.phantom.course.writer import FileFormat, WrittenPatient, write_patient
from lvt_track.pipeline.run.output import Existing, claim_folder
from lvt_track.pipeline.run.progress import Progress

__all__ = ["PROTOCOLS", "PhantomSettings", "write_phantom"]

PROTOCOLS = {"small": SMALL, "clinical": CLINICAL}
"""How finely the scans are taken, by name."""


@dataclass(frozen=True)
class PhantomSettings:
    """Which patient to draw, and how to write it.

    Attributes:
        seed: everything follows from it.
        visits: number of studies.
        protocol: `small` or `clinical`.
        file_format: `nifti` or `dicom`.
        with_masks: whether the true masks are written beside the scans.

    Raises:
        UsageError: for values that are none of these.
    """

    seed: int = 1
    visits: int = 4
    protocol: str = "small"
    file_format: str = "nifti"
    with_masks: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.visits <= 24:
            raise UsageError(f"a phantom has 1 to 24 visits, not {self.visits}")
        if self.seed < 0:
            raise UsageError(f"a seed is 0 or more, not {self.seed}")
        for value, choices in (
            (self.protocol, tuple(PROTOCOLS)),
            (self.file_format, tuple(FileFormat)),
        ):
            if value not in choices:
                raise UsageError(f"{value!r} is not one of {', '.join(choices)}")


def write_phantom(
    out: Path, settings: PhantomSettings, existing: Existing, progress: Progress
) -> WrittenPatient:
    """Draw the patient and write it into a folder that `lvt track` can read.

    Raises:
        UsageError, OutputError: when the output folder cannot be used.
    """
    claim_folder(out, existing)
    progress.stage("phantom", settings.visits)
    patient = draw_course(
        settings.seed, visits=settings.visits, protocol=PROTOCOLS[settings.protocol]
    )
    return write_patient(
        patient,
        out,
        FileFormat(settings.file_format),
        with_masks=settings.with_masks,
        on_visit=lambda date: progress.step(date.isoformat()),
    )
