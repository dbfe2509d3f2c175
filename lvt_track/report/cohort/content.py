"""What the page of a cohort tells, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lvt_track.agreement.records import Agreements
from lvt_track.response.survival import FollowUp, SurvivalStep

__all__ = ["CohortContent", "Course", "ToLookAt", "VolumeDeviation"]


@dataclass(frozen=True)
class Course:
    """One patient, for the page.

    Attributes:
        name: of the patient.
        state: how the run ended.
        why: what failed.
        report: where the patient's report is, as a link; empty for none.
        days: of the visits, since the first.
        changes_percent: of the sum from baseline at those days; None where it cannot be formed.
        categories: of response at those days.
        best, best_confirmed: best overall response.
        best_change_percent: lowest change before progression, else that at progression.
        follow_up: until progression or the last visit.
    """

    name: str
    state: str
    why: str = ""
    report: str = ""
    days: tuple[int, ...] = ()
    changes_percent: tuple[float | None, ...] = ()
    categories: tuple[str, ...] = ()
    best: str = ""
    best_confirmed: str = ""
    best_change_percent: float | None = None
    follow_up: FollowUp | None = None


@dataclass(frozen=True)
class ToLookAt:
    """One thing that a human should look at.

    Attributes:
        rank: 1 is the most pressing kind.
        patient: whose.
        date: of the visit, ISO; empty for the whole.
        what: in few words.
        why: in full.
    """

    rank: int
    patient: str
    date: str
    what: str
    why: str


@dataclass(frozen=True)
class VolumeDeviation:
    """How far the liver of one phase deviates from its study's reference."""

    phase: str
    percent: float


@dataclass(frozen=True)
class CohortContent:
    """What the page of a cohort tells.

    Attributes:
        title: of the cohort.
        criterion: of response.
        courses: one per patient, by name.
        steps: share free of progression over time.
        deviations: of liver volumes between phases.
        worklist: what a human should look at, the most pressing first.
        version: of lvt.
        agreements: with radiologists, by name; under the empty name with all together.
    """

    title: str
    criterion: str
    courses: Sequence[Course]
    steps: Sequence[SurvivalStep]
    deviations: Sequence[VolumeDeviation]
    worklist: Sequence[ToLookAt]
    version: str
    agreements: Mapping[str, Agreements] = field(default_factory=dict)
