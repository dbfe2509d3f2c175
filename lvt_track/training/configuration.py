"""What to train: read from a TOML file, checked, and completed from the data and the machine.

Everything has a default but the data and the budget; docs/use/training.md has the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from lvt_track.errors import InputError, UsageError
from lvt_track.io.files import read_toml
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.training.batches.augment import Augmentation
from lvt_track.training.loop import LoopSettings
from lvt_track.training.objective.methods import OURS, Method, NestedMultilabel, method_named

__all__ = ["PatchChoice", "TrainingConfiguration", "read_configuration"]


@dataclass(frozen=True)
class PatchChoice:
    """What is said of patches; None is planned, or that of the model training starts from.

    Attributes:
        patch: size in voxels, z, y, x.
        spacing_mm: of its voxels.
        samples: patches per step and process.
        foreground_share, window_level_hu, window_width_hu: see `patches.PatchPlan`.
    """

    patch: tuple[int, int, int] | None = None
    spacing_mm: tuple[float, float, float] | None = None
    samples: int = 2
    foreground_share: float = 0.67
    window_level_hu: float | None = None
    window_width_hu: float | None = None

    def __post_init__(self) -> None:
        for name in ("patch", "spacing_mm"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(value))
                if len(value) != 3 or min(value) <= 0:
                    raise ValueError(f"{name} must be three positive numbers, got {value}")
        if self.samples < 1:
            raise ValueError(f"samples must be positive, got {self.samples}")
        if not 0.0 <= self.foreground_share <= 1.0:
            raise ValueError(f"foreground_share must lie in 0 to 1, got {self.foreground_share}")
        if self.window_width_hu is not None and self.window_width_hu <= 0:
            raise ValueError(f"window_width_hu must be positive, got {self.window_width_hu}")


@dataclass(frozen=True)
class TrainingConfiguration:
    """One training.

    Attributes:
        data: folders that `lvt prepare` wrote.
        learning: how, and for how long.
        method: name of one of `rivals.METHODS`.
        name: of the model that is made.
        seed: of weights, patches, chance and split.
        start_from: name or folder of the model whose weights are the first; None for chance.
        validation_share: share of the patients to judge by.
        held_out: datasets that are wholly for judging.
        separable: groups of datasets that are known to share no patient.
        patches: what is said of them.
        network: size; None for one that suits the device.
        augmentation: how patches are varied.
        vessel_cldice, tumor_tversky: weights of the extra terms of the method `ours`.
    """

    data: tuple[Path, ...]
    learning: LoopSettings
    method: str = "ours"
    name: str = "trained"
    seed: int = 0
    start_from: str | None = None
    validation_share: float = 0.1
    held_out: tuple[str, ...] = ()
    separable: tuple[str, ...] = ()
    patches: PatchChoice = field(default_factory=PatchChoice)
    network: NetworkParameters | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    vessel_cldice: float = 0.0
    tumor_tversky: float = 0.0

    def __post_init__(self) -> None:
        if not self.data:
            raise UsageError(
                "training needs data", remedy="Give --data the folder that lvt prepare wrote"
            )
        if not self.name or Path(self.name).name != self.name or "+" in self.name:
            raise ValueError(f"name must be a plain name, got {self.name!r}")
        if min(self.vessel_cldice, self.tumor_tversky) < 0:
            raise ValueError("weights of terms must not be negative")
        if (self.vessel_cldice or self.tumor_tversky) and self.method != "ours":
            raise ValueError("vessel_cldice and tumor_tversky belong to the method ours")
        method_named(self.method)

    @property
    def learns_by(self) -> Method:
        """The method, with its extra terms."""
        if self.method == "ours":
            return replace(OURS, vessel_cldice=self.vessel_cldice, tumor_tversky=self.tumor_tversky)
        return method_named(self.method)


def read_configuration(
    path: Path | None, options: Mapping[str, Any], budget: Mapping[str, float]
) -> TrainingConfiguration:
    """The configuration of a TOML file, with the options of the command line above it.

    Args:
        path: of the file; its folders are relative to it. None for options alone.
        options: fields of `TrainingConfiguration`.
        budget: `steps` or `budget_minutes`, in place of the file's.

    Raises:
        InputError: when the file cannot be read, or holds a wrong key or value.
        UsageError: when there is no data, no budget or no such method.
    """
    facts = _read(path) if path is not None else {}
    learning: dict[str, Any] = facts.pop("learning", {})
    if budget:
        learning = {key: value for key, value in learning.items() if key not in _BUDGETS}
    try:
        return _configuration({**facts, **options}, {**learning, **budget})
    except (TypeError, ValueError) as error:
        if path is None:
            raise UsageError(str(error)) from error
        raise InputError(
            f"not a configuration: {error}",
            path=path,
            remedy="See docs/use/training.md for the keys",
        ) from error


_BUDGETS = ("steps", "budget_minutes")


def _read(path: Path) -> dict[str, Any]:
    facts = read_toml(path)
    facts["data"] = tuple(path.parent / folder for folder in facts.get("data", []))
    start = facts.get("start_from", "")
    if len(Path(start).parts) > 1:
        facts["start_from"] = str(path.parent / start)
    return facts


def _configuration(facts: Mapping[str, Any], learning: Mapping[str, Any]) -> TrainingConfiguration:
    known = {field.name for field in fields(TrainingConfiguration)}
    loss = _table(facts, "loss", NestedMultilabel)
    rest = {key: value for key, value in facts.items() if key != "loss"}
    for key in rest:
        if key not in known:
            raise ValueError(f"{key} is no key of it")
    rest["data"] = tuple(Path(folder) for folder in rest.get("data", ()))
    for key in ("held_out", "separable"):
        rest[key] = tuple(rest.get(key, ()))
    rest["patches"] = PatchChoice(**_table(facts, "patches", PatchChoice))
    rest["augmentation"] = Augmentation(**_table(facts, "augmentation", Augmentation))
    if "network" in facts:
        rest["network"] = NetworkParameters(**_table(facts, "network", NetworkParameters))
    return TrainingConfiguration(learning=_learning(learning), **rest, **loss)


def _learning(facts: Mapping[str, Any]) -> LoopSettings:
    if not any(key in facts for key in _BUDGETS):
        raise UsageError(
            "training needs a budget", remedy="Give --budget-minutes or --steps a number"
        )
    settings = {key: value for key, value in facts.items() if key != "budget_minutes"}
    for key in settings:
        if key not in {field.name for field in fields(LoopSettings)}:
            raise ValueError(f"learning.{key} is no key of it")
    if "budget_minutes" in facts:
        settings["budget_s"] = 60.0 * facts["budget_minutes"]
    return LoopSettings(**{"scales": 3, **settings})


def _table(facts: Mapping[str, Any], name: str, kind: type) -> dict[str, Any]:
    """A table of the file, whose keys are the fields of a dataclass."""
    table: dict[str, Any] = facts.get(name, {})
    for key in table:
        if key not in {field.name for field in fields(kind)}:
            raise ValueError(f"{name}.{key} is no key of it")
    return table
