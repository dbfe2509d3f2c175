"""Which labels of someone else's model are liver, vessels and tumours."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, UsageError
from lvt_track.segment.cards import ORIENTATIONS
from lvt_track.segment.nnunet.splines import SplineOrder

__all__ = ["LabelMapping", "named_mappings", "read_mapping"]

_FOLDER = Path(__file__).parent / "mappings"

_NAMES = {
    "liver": ("liver",),
    "vessels": ("vessels", "vessel", "liver_vessels", "liver_vessel", "hepatic_vessel"),
    "tumors": ("tumors", "tumor", "tumour", "lesion", "lesions", "liver_tumor", "liver_lesions"),
}
"""What datasets call the classes, when no mapping is given."""


@dataclass(frozen=True)
class LabelMapping:
    """What a model's labels mean, and what else its plan does not say.

    Attributes:
        labels: for each class, the labels that belong to it, by name or number.
        orientation: see `cards.ImportedCard`.
        spacing_mm: the spacing that the plan must have; any where None.
        crop_mm: margin around the liver that scans are cropped to; not at all where None.
        input_order: of the spline by which scans are resampled; the plan's where None.
        licence: of the weights.
        training_data: what they learned from; the dataset's name where empty.
    """

    labels: Mapping[str, tuple[str | int, ...]]
    orientation: str = "stored"
    spacing_mm: tuple[float, float, float] | None = None
    crop_mm: float | None = None
    input_order: SplineOrder | None = None
    licence: str = "not stated: see where the weights come from"
    training_data: str = ""

    def __post_init__(self) -> None:
        if not self.labels or not set(self.labels) <= set(CLASSES):
            raise ValueError(f"[labels] must name some of {CLASSES}, got {list(self.labels)}")
        if self.orientation not in ORIENTATIONS:
            raise ValueError(f"orientation must be one of {ORIENTATIONS}, got {self.orientation!r}")

    @classmethod
    def by_names(cls, labels: Mapping[str, Any], has_regions: bool) -> LabelMapping:
        """The mapping that the names of a dataset's labels suggest.

        Vessels and tumours are liver too: where labels exclude each other, they are added to it.

        Raises:
            UsageError: when no name is known.
        """
        known = {
            name: tuple(label for label in labels if label.lower().replace(" ", "_") in names)
            for name, names in _NAMES.items()
        }
        if known["liver"] and not has_regions:
            known["liver"] = tuple(label for names in known.values() for label in names)
        mapping = {name: names for name, names in known.items() if names}
        if not mapping:
            raise UsageError(
                f"none of the labels {', '.join(labels)} is known as liver, vessels or tumors",
                remedy="Give --mapping FILE.toml, see docs/use/models.md",
            )
        return cls(mapping)


def named_mappings() -> tuple[str, ...]:
    """Names of the mappings that come with the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def read_mapping(name: str) -> LabelMapping:
    """The mapping of this name, or in this TOML file.

    Raises:
        UsageError: when there is none of that name.
        InputError: when the file cannot be used.
    """
    path = Path(name) if name.endswith(".toml") else _FOLDER / f"{name}.toml"
    if name not in named_mappings() and not name.endswith(".toml"):
        raise UsageError(
            f"there is no mapping named {name!r}",
            remedy=f"Give {', '.join(named_mappings())}, or a .toml file",
        )
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
        labels = {key: tuple(value) for key, value in facts.pop("labels").items()}
        if "spacing_mm" in facts:
            facts["spacing_mm"] = tuple(facts["spacing_mm"])
        return LabelMapping(labels, **facts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"the mapping cannot be used ({error})", path=path) from error
