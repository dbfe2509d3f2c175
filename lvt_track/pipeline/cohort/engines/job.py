"""One patient of a cohort, as it is handed to a process."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from lvt_track import __version__
from lvt_track.core.methods import METHODS
from lvt_track.pipeline.cohort.result import PatientRun, State
from lvt_track.pipeline.patient.settings import TrackSettings
from lvt_track.pipeline.run.output import Existing

__all__ = ["PatientJob", "identity"]


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
