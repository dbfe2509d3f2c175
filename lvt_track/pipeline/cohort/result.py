"""What became of the patients of a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lvt_track.core.plain_text import encodable
from lvt_track.io.spreadsheets.writing import read_written_table
from lvt_track.pipeline.cohort.schema import COURSE_TYPES

__all__ = ["CohortResult", "PatientRun", "Row", "State", "stacked"]

Row = dict[str, str]


class State(StrEnum):
    """How the run of one patient ended."""

    DONE = "done"
    KEPT = "kept"
    IN_PART = "in part"
    FAILED = "failed"


@dataclass(frozen=True)
class PatientRun:
    """What became of one patient.

    Attributes:
        name: of the patient's folder; it stands for the patient in all tables.
        folder: what `lvt track` wrote.
        state: how the run ended; KEPT where an earlier run was still valid. One that FAILED has
            no tables.
        why: what failed, in words.
        seconds: time taken.
        peak_mb: most memory that the process took for it, in 10⁶ bytes; None where not known.
    """

    name: str
    folder: Path
    state: State
    why: str = ""
    seconds: float = 0.0
    peak_mb: float | None = None

    def table(self, name: str) -> list[Row]:
        """One of its tables, as text."""
        return read_written_table(self.folder / name)

    def facts(self) -> dict[str, object]:
        """The run as plain values."""
        return {
            "patient": self.name,
            "state": self.state.value,
            "why": self.why,
            "seconds": round(self.seconds, 1),
            "peak_mb": None if self.peak_mb is None else round(self.peak_mb),
        }


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
            "folder": encodable(str(self.folder)),
            "patients": [run.facts() for run in self.runs],
        }

    def summary(self) -> str:
        """The result in a few lines."""
        counts = [(state, sum(run.state is state for run in self.runs)) for state in State]
        counted = ", ".join(f"{count} {state}" for state, count in counts if count)
        lines = [f"{len(self.runs)} patients: {counted}"]
        lines += [f"{run.state}: {run.name}: {run.why}" for run in self.unfinished]
        lines.append(f"tables: {self.folder / 'patients.csv'}")
        return encodable("\n".join(lines))


def stacked(runs: Sequence[PatientRun], name: str) -> list[Row]:
    """The rows of all patients, each with a cell `patient`; columns it lacks are empty."""
    types = COURSE_TYPES.get(name.removesuffix(".csv"), {})
    return [
        {"patient": run.name, **dict.fromkeys(types, ""), **row}
        for run in runs
        if (run.folder / name).exists()
        for row in run.table(name)
    ]
