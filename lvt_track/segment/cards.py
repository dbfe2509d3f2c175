"""Cards: what a model is, where it came from, and how a scan must be brought before it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lvt_track.core.volume import CLASSES
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.nnunet.splines import SplineOrder

__all__ = [
    "INTENDED_USE",
    "MINIMUM_ML",
    "NNUNET",
    "ORIENTATIONS",
    "AnyCard",
    "Card",
    "ImportedCard",
    "Normalisation",
    "Part",
    "parse_card",
]

NNUNET = "nnU-Net v2"
"""Kind of an imported model."""

ORIENTATIONS = ("stored", "LPS", "RAS")

INTENDED_USE = "research only, not for clinical use"

MINIMUM_ML = (20.0, 0.1, 0.03)
"""Specks below these volumes are dropped: liver, vessels, tumours."""

# Far beyond what networks take, and far below what would fill a machine before anything is said.
_SPACINGS_MM = (0.05, 50.0)
_MOST_VOXELS = 512**3
_MOST_HU = 1e5
_MOST_OUTPUTS = 1000


@dataclass(frozen=True)
class Part:
    """One network of a model.

    Attributes:
        file: its safetensors file, beside the card.
        sha256: of that file.
        spacing_mm: voxel spacing it was trained at, along z, y, x.
        patch: size of its windows in voxels, along z, y, x.
        window_hu: HU that are mapped to -1 and +1; values beyond are clipped.
        network: its size.
        finer_mm: spacing at which it looks once more, for what is small; None where it does not.
        peaks_file: safetensors of what its convolutions reach, for eight bits; empty where there
            is none.
        peaks_sha256: of that file.
    """

    file: str
    sha256: str
    spacing_mm: tuple[float, float, float]
    patch: tuple[int, int, int]
    window_hu: tuple[float, float]
    network: NetworkParameters
    finer_mm: tuple[float, float, float] | None = None
    peaks_file: str = ""
    peaks_sha256: str = ""

    def __post_init__(self) -> None:
        for file in (self.file, self.peaks_file):
            if Path(file).name != file:
                raise ValueError(f"file must be a plain name, got {file!r}")
        _check_spacing(self.spacing_mm)
        if self.finer_mm is not None and not _is_below(self.finer_mm, self.spacing_mm):
            raise ValueError(
                f"finer_mm must be three positive lengths below spacing_mm, got {self.finer_mm}"
            )
        stride = self.network.stride
        if len(self.patch) != 3 or any(n % stride or n < 2 * stride for n in self.patch):
            raise ValueError(f"patch must be three multiples of {stride}, got {self.patch}")
        _check_patch(self.patch)
        if not -_MOST_HU <= self.window_hu[0] < self.window_hu[1] <= _MOST_HU:
            raise ValueError(f"window_hu must grow, got {self.window_hu}")


@dataclass(frozen=True)
class Card:
    """What a model is and how far to trust it.

    Attributes:
        name: of the model.
        version: of its weights.
        licence: of its weights.
        training_data: what it learned from.
        locator: the network that finds the liver in the whole scan.
        segmenter: the network that draws all classes in the liver's box.
        thresholds: probability from which a voxel belongs to a class, in the order of `classes`.
        minimum_ml: components below this volume are dropped, in the order of `classes`.
        fluid_hu: tumours darker than this all through are left out as simple cysts, see
            `segment.fluid`; None where the labels that it learned from decide what a tumour is.
        classes: channels of the segmenter.
        training: seeds, steps, time and whatever else reproduces it.
        scores: what was measured, on what.
        intended_use: what it may be used for.
    """

    name: str
    version: str
    licence: str
    training_data: str
    locator: Part
    segmenter: Part
    thresholds: tuple[float, ...] = (0.5, 0.5, 0.5)
    minimum_ml: tuple[float, ...] = MINIMUM_ML
    fluid_hu: float | None = None
    classes: tuple[str, ...] = CLASSES
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    intended_use: str = INTENDED_USE

    def __post_init__(self) -> None:
        if tuple(self.classes) != CLASSES:
            raise ValueError(f"classes must be {CLASSES}, got {self.classes}")
        if len(self.thresholds) != len(CLASSES) or not all(0 < t < 1 for t in self.thresholds):
            raise ValueError(f"thresholds must lie between 0 and 1, got {self.thresholds}")
        if len(self.minimum_ml) != len(CLASSES) or not all(
            0 <= volume < math.inf for volume in self.minimum_ml
        ):
            raise ValueError(f"minimum_ml must not be negative, got {self.minimum_ml}")

    @property
    def sha256(self) -> str:
        """Digest of the digests of all weights: one value that names the model exactly."""
        digests = self.locator.sha256 + self.segmenter.sha256
        return hashlib.sha256(digests.encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Card:
        """A card from its file's text.

        Raises:
            ValueError: when it is not a card (json's own error included).
        """
        facts = json.loads(text)
        try:
            for name in ("locator", "segmenter"):
                facts[name] = _part(facts[name])
            for name in ("thresholds", "minimum_ml", "classes"):
                facts[name] = tuple(facts[name])
            return cls(**facts)
        except (AttributeError, KeyError, OverflowError, TypeError) as error:
            raise ValueError(f"not a model card: {error}") from error

    def to_json(self) -> str:
        """The text of its file."""
        return _json(self)


@dataclass(frozen=True)
class Normalisation:
    """How nnU-Net brings HU to what a network learned from: clip, subtract, divide.

    Attributes:
        scheme: `CTNormalization`, whose numbers are those of the training data; or
            `ZScoreNormalization`, where mean and spread are the scan's own.
        low_hu, high_hu: HU are clipped to these.
        mean_hu, sd_hu: then brought to mean 0 and spread 1 by these.
    """

    scheme: str
    low_hu: float = -32768.0
    high_hu: float = 32767.0
    mean_hu: float = 0.0
    sd_hu: float = 1.0

    def __post_init__(self) -> None:
        if self.scheme not in ("CTNormalization", "ZScoreNormalization"):
            raise ValueError(
                f"the normalisation {self.scheme} is not known; CTNormalization and "
                "ZScoreNormalization are"
            )
        if not self.low_hu < self.high_hu or not self.sd_hu > 0:
            raise ValueError(f"impossible normalisation {self}")


@dataclass(frozen=True)
class ImportedCard:
    """What a model of someone else is, trained by nnU-Net v2.

    Attributes:
        name: of the model here.
        version: what its trainer is called, with plans and configuration.
        licence: of its weights.
        training_data: the name of its dataset.
        files: safetensors files beside the card, one per fold; the folds' mean is used.
        digests: sha256 of each file.
        architecture: class name of its network, in `dynamic_network_architectures`.
        arguments: what that class is built with.
        outputs: channels of the network.
        spacing_mm: voxel spacing it was trained at, along its own axes.
        patch: size of its windows in voxels.
        normalisation: of HU.
        channels: for each class that it draws, the channels that belong to it.
        regions: whether channels are told each for itself (sigmoid) or exclude each
            other (softmax).
        transpose: order of the stored axes that it was trained with.
        orientation: `stored`, where scans are taken as they lie in their file, or the axes that
            they are turned to first: `LPS` or `RAS`.
        crop_mm: margin around the liver that it was trained on; None where it saw whole scans.
        input_order: of the spline by which scans are resampled.
        mirror_axes: axes along which every window is mirrored too, for the mean.
        minimum_ml: components below this volume are dropped: liver, vessels, tumours.
        intended_use: what it may be used for.
        scores: what was measured, on what.
        origin: sha256 of each checkpoint that was imported.
    """

    name: str
    version: str
    licence: str
    training_data: str
    files: tuple[str, ...]
    digests: tuple[str, ...]
    architecture: str
    arguments: Mapping[str, Any]
    outputs: int
    spacing_mm: tuple[float, float, float]
    patch: tuple[int, int, int]
    normalisation: Normalisation
    channels: Mapping[str, tuple[int, ...]]
    regions: bool
    transpose: tuple[int, int, int] = (0, 1, 2)
    orientation: str = "stored"
    crop_mm: float | None = None
    input_order: SplineOrder = 3
    mirror_axes: tuple[int, ...] = ()
    minimum_ml: tuple[float, ...] = MINIMUM_ML
    intended_use: str = INTENDED_USE
    scores: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    kind: str = NNUNET

    def __post_init__(self) -> None:
        if not self.files or len(self.files) != len(self.digests):
            raise ValueError(f"files and digests must go together, got {self.files}")
        for file in self.files:
            if Path(file).name != file:
                raise ValueError(f"file must be a plain name, got {file!r}")
        _check_spacing(self.spacing_mm)
        _check_patch(self.patch)
        if not 1 <= self.outputs <= _MOST_OUTPUTS:
            raise ValueError(f"outputs must be 1 to {_MOST_OUTPUTS}, got {self.outputs}")
        if not self.channels or not set(self.channels) <= set(CLASSES):
            raise ValueError(f"channels must name some of {CLASSES}, got {list(self.channels)}")
        for name, channels in self.channels.items():
            if not channels or not all(0 <= c < self.outputs for c in channels):
                raise ValueError(f"{name} has channels {channels} of {self.outputs}")
        if sorted(self.transpose) != [0, 1, 2] or not set(self.mirror_axes) <= {0, 1, 2}:
            raise ValueError(f"no axes: transpose {self.transpose}, mirror {self.mirror_axes}")
        if self.orientation not in ORIENTATIONS:
            raise ValueError(f"orientation must be one of {ORIENTATIONS}, got {self.orientation!r}")
        if self.input_order not in (0, 1, 3):
            raise ValueError(f"input_order must be 0, 1 or 3, got {self.input_order}")

    @property
    def sha256(self) -> str:
        """Digest of the digests of all weights: one value that names the model exactly."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes it draws."""
        return tuple(name for name in CLASSES if name in self.channels)

    @classmethod
    def from_json(cls, text: str) -> ImportedCard:
        """A card from its file's text.

        Raises:
            ValueError: when it is not a card (json's own error included).
        """
        facts = json.loads(text)
        try:
            facts["normalisation"] = Normalisation(**facts["normalisation"])
            facts["channels"] = {k: tuple(v) for k, v in facts["channels"].items()}
            for name, value in facts.items():
                if isinstance(value, list):
                    facts[name] = tuple(value)
            return cls(**facts)
        except (AttributeError, KeyError, OverflowError, TypeError) as error:
            raise ValueError(f"not a model card: {error}") from error

    def to_json(self) -> str:
        """The text of its file."""
        return _json(self)


AnyCard = Card | ImportedCard


def parse_card(text: str) -> AnyCard:
    """The card in a file's text, of whichever kind.

    Raises:
        ValueError: when it is none.
    """
    facts = json.loads(text)
    imported = isinstance(facts, dict) and facts.get("kind") == NNUNET
    return ImportedCard.from_json(text) if imported else Card.from_json(text)


def _json(card: AnyCard) -> str:
    return json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n"


def _part(facts: dict[str, Any]) -> Part:
    network = NetworkParameters(**facts.pop("network"))
    for name in ("spacing_mm", "patch", "window_hu"):
        facts[name] = tuple(facts[name])
    finer = facts.pop("finer_mm", None)
    return Part(**facts, network=network, finer_mm=finer and tuple(finer))


def _check_spacing(spacing_mm: tuple[float, ...]) -> None:
    least, most = _SPACINGS_MM
    if len(spacing_mm) != 3 or not all(least <= step <= most for step in spacing_mm):
        raise ValueError(
            f"spacing_mm must be three lengths of {least:g} to {most:g} mm, got {spacing_mm}"
        )


def _check_patch(patch: tuple[int, ...]) -> None:
    is_size = len(patch) == 3 and all(isinstance(n, int) and n >= 1 for n in patch)
    if not is_size or math.prod(patch) > _MOST_VOXELS:
        raise ValueError(
            f"patch must be three sizes, of at most {_MOST_VOXELS} voxels together, got {patch}"
        )


def _is_below(finer_mm: tuple[float, ...], spacing_mm: tuple[float, ...]) -> bool:
    return len(finer_mm) == len(spacing_mm) and all(
        0 < fine < step for fine, step in zip(finer_mm, spacing_mm, strict=True)
    )
