"""cohort.json: what a run over a cohort was of, and what became of each patient.

What differs from run to run, as times do, stands here, so that the pooled tables do not.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from lvt_track import __version__
from lvt_track.core.methods import METHODS
from lvt_track.errors import InputError
from lvt_track.io.files import write_whole
from lvt_track.pipeline.cohort.result import PatientRun, State
from lvt_track.pipeline.run.schema import SchemaError, from_plain

__all__ = ["RECORD", "CohortRecord", "PatientRecord"]

RECORD = "cohort.json"
_REMEDY = "Give the folder that `lvt cohort` was given with -o"


@dataclass(frozen=True)
class PatientRecord:
    """One patient's run, as plain values.

    Attributes:
        patient: name of the patient's folder.
        folder: of its results, from the cohort's.
        state: how it ended.
        why: what failed.
        seconds: time taken.
        peak_mb: most memory its process took, in 10⁶ bytes.
    """

    patient: str
    folder: str
    state: str
    why: str
    seconds: float
    peak_mb: float | None = None


@dataclass(frozen=True)
class CohortRecord:
    """What a run over a cohort was of.

    Attributes:
        source: the cohort's folder.
        shard: `K/N`; empty for the whole.
        settings: options that change results.
        patients: those that ended, by name.
        finished: whether all did.
        version: of lvt.
        methods: of each stage.
    """

    source: str
    shard: str
    settings: dict[str, Any]
    patients: list[PatientRecord] = field(default_factory=list)
    finished: bool = False
    version: str = __version__
    methods: dict[str, int] = field(default_factory=lambda: dict(METHODS))

    def write(self, out: Path) -> None:
        """Write it into the folder, whole or not at all; names that are no UTF-8 are escaped."""
        with write_whole(out / RECORD) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="ascii")

    @classmethod
    def read(cls, out: Path) -> Self:
        """Read what a run left.

        Raises:
            InputError: when there is none, or it cannot be understood.
        """
        path = out / RECORD
        try:
            record = from_plain(cls, json.loads(path.read_text(encoding="ascii")))
        except FileNotFoundError:
            raise InputError(
                f"no {RECORD} here, so this is not the output of `lvt cohort`",
                path=out,
                remedy=_REMEDY,
            ) from None
        except (OSError, ValueError, RecursionError, SchemaError) as error:
            raise InputError(f"cannot be understood ({error})", path=path) from error
        for item in record.patients:
            if item.state not in set(State):
                raise InputError(f"cannot be understood (a state {item.state!r})", path=path)
        return record

    def runs(self, out: Path) -> tuple[PatientRun, ...]:
        """The patients' runs, of a record that was read from the folder `out`."""
        return tuple(
            PatientRun(
                item.patient,
                out / item.folder,
                State(item.state),
                item.why,
                item.seconds,
                item.peak_mb,
            )
            for item in self.patients
        )

    @staticmethod
    def of(run: PatientRun, out: Path) -> PatientRecord:
        """The record of one run of the cohort in the folder `out`."""
        return PatientRecord(
            run.name,
            os.path.relpath(run.folder, out),
            run.state.value,
            run.why,
            round(run.seconds, 1),
            None if run.peak_mb is None else round(run.peak_mb),
        )
