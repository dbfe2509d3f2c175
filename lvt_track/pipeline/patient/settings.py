"""Choices of a run of `lvt track`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lvt_track.errors import UsageError
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.pseudonyms import Pseudonyms, default_pseudonyms
from lvt_track.report.dicom.seg_type import SegType
from lvt_track.response.criteria.catalogue import DEFAULT_CRITERIA, criteria_named

__all__ = ["TrackSettings"]


@dataclass(frozen=True)
class TrackSettings:
    """Choices of a run.

    Attributes:
        model: name of the model.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        other_phases: whether other contrast phases of a visit are segmented for volumetry.
        reader: tables that a reader brings.
        one_patient: the user's word that all scans are of one patient, whatever headers say.
        criteria: of response, by the names of `response.criteria.catalogue`, with commas between.
        pseudonyms: that stand for the patient's names in results; None for the real names.
        seg_type: how `seg.dcm` holds what overlaps: `binary`, `labelmap` or `split`.
        resampled: whether every later scan is also written on the grid of the first.
        plan: whether the visits are planned as by `lvt plan`.
        tables_only: whether report.pdf and report.html are left to `lvt report`.
        precision: of the network, see `ModelChoice`.

    Raises:
        UsageError: for a criterion or a type of segmentation that is not known.
    """

    model: str = "default"
    device: str = "auto"
    other_phases: bool = True
    reader: ReaderTables = field(default_factory=ReaderTables)
    one_patient: bool = False
    criteria: str = DEFAULT_CRITERIA
    pseudonyms: Pseudonyms | None = field(default_factory=default_pseudonyms, compare=False)
    seg_type: str = SegType.BINARY.value
    precision: str = "auto"
    resampled: bool = False
    plan: bool = False
    tables_only: bool = False

    def __post_init__(self) -> None:
        criteria_named(self.criteria)
        if self.seg_type not in list(SegType):
            known = ", ".join(SegType)
            raise UsageError(f"--seg-type {self.seg_type} is not known", remedy=f"Give {known}")

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> TrackSettings:
        """The settings that the manifest of an earlier run holds."""
        return cls(
            model=str(facts.get("model", "default")),
            device=str(facts.get("device", "auto")),
            other_phases=bool(facts.get("other_phases", True)),
            reader=ReaderTables.from_facts(facts),
            one_patient=bool(facts.get("one_patient")),
            criteria=str(facts.get("criteria", DEFAULT_CRITERIA)),
            seg_type=str(facts.get("seg_type", SegType.BINARY)),
            precision=str(facts.get("precision", "auto")),
            resampled=bool(facts.get("resampled")),
            plan=bool(facts.get("plan")),
            tables_only=bool(facts.get("tables_only")),
        )

    @property
    def choice(self) -> ModelChoice:
        """The model that draws masks, and where and how it runs."""
        return ModelChoice(self.model, self.device, precision=self.precision)

    def facts(self) -> dict[str, Any]:
        """The settings as plain values, for the manifest."""
        precise = {} if self.precision == "auto" else {"precision": self.precision}
        return {
            "model": self.model,
            "device": self.device,
            "other_phases": self.other_phases,
            "one_patient": self.one_patient,
            "criteria": self.criteria,
            "identify": self.pseudonyms is None,
            "seg_type": self.seg_type,
            **precise,
            **({"resampled": True} if self.resampled else {}),
            **({"plan": True} if self.plan else {}),
            **({"tables_only": True} if self.tables_only else {}),
            **self.reader.facts(),
        }
