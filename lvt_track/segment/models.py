"""Models: weights as safetensors, and a JSON card that says what they are.

A model is a folder with `card.json` and the files the card names. No pickle is read, and nothing is
built before every file has the sha256 its card states.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError
from lvt_track.segment.network import NetworkParameters, ResidualUNet

__all__ = [
    "EMBEDDED",
    "INTENDED_USE",
    "Card",
    "Model",
    "Part",
    "list_models",
    "load_model",
    "save_model",
]

EMBEDDED = Path(__file__).parent / "weights"
"""Folder of the models that come with the package."""

INTENDED_USE = "research only, not for clinical use"

_CARD = "card.json"


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
    """

    file: str
    sha256: str
    spacing_mm: tuple[float, float, float]
    patch: tuple[int, int, int]
    window_hu: tuple[float, float]
    network: NetworkParameters

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file:
            raise ValueError(f"file must be a plain name, got {self.file!r}")
        if len(self.spacing_mm) != 3 or min(self.spacing_mm) <= 0:
            raise ValueError(f"spacing_mm must be three positive lengths, got {self.spacing_mm}")
        stride = self.network.stride
        if len(self.patch) != 3 or any(n % stride or n < 2 * stride for n in self.patch):
            raise ValueError(f"patch must be three multiples of {stride}, got {self.patch}")
        if not self.window_hu[0] < self.window_hu[1]:
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
    minimum_ml: tuple[float, ...] = (20.0, 0.1, 0.03)
    classes: tuple[str, ...] = CLASSES
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    intended_use: str = INTENDED_USE

    def __post_init__(self) -> None:
        if tuple(self.classes) != CLASSES:
            raise ValueError(f"classes must be {CLASSES}, got {self.classes}")
        if len(self.thresholds) != len(CLASSES) or not all(0 < t < 1 for t in self.thresholds):
            raise ValueError(f"thresholds must lie between 0 and 1, got {self.thresholds}")
        if len(self.minimum_ml) != len(CLASSES) or min(self.minimum_ml) < 0:
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
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a model card: {error}") from error

    def to_json(self) -> str:
        """The text of its file."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, eq=False)
class Model:
    """Networks ready to run, on the CPU in float32, with their card."""

    card: Card
    locator: ResidualUNet
    segmenter: ResidualUNet


def load_model(name: str = "default", folders: Sequence[Path] = (EMBEDDED,)) -> Model:
    """The model of this name.

    Args:
        name: of a model, which is the name of its folder.
        folders: where to look, first match wins.

    Raises:
        InputError: when there is none, or its card or weights are not what they claim.
    """
    for parent in folders:
        if name in _names(parent):
            return _load(parent / name)
    known = ", ".join(sorted({n for parent in folders for n in _names(parent)})) or "none"
    raise InputError(f"there is no model named {name!r}", remedy=f"Models at hand: {known}")


def list_models(folders: Sequence[Path] = (EMBEDDED,)) -> tuple[Card, ...]:
    """Cards of all models at hand, by name; weights are not read.

    Raises:
        InputError: when a card cannot be read.
    """
    found: dict[str, Card] = {}
    for parent in folders:
        for name in _names(parent):
            found.setdefault(name, _read_card(parent / name))
    return tuple(found[name] for name in sorted(found))


def save_model(card: Card, networks: Mapping[str, ResidualUNet], parent: Path) -> Card:
    """Write a model into `parent / card.name`, weights as float16.

    Args:
        card: its card; `file` and `sha256` of its parts are filled in here.
        networks: `locator` and `segmenter`.
        parent: folder of models; made if missing.

    Returns:
        The card as written.
    """
    folder = parent / card.name
    folder.mkdir(parents=True, exist_ok=True)
    facts = json.loads(card.to_json())
    for name, network in networks.items():
        weights = {key: value.half().contiguous() for key, value in network.state_dict().items()}
        content = save(weights)
        facts[name] |= {
            "file": f"{name}.safetensors",
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        (folder / facts[name]["file"]).write_bytes(content)
    written = Card.from_json(json.dumps(facts))
    (folder / _CARD).write_text(written.to_json(), encoding="utf-8")
    return written


def _names(parent: Path) -> list[str]:
    return sorted(card.parent.name for card in parent.glob(f"*/{_CARD}"))


def _read_card(folder: Path) -> Card:
    path = folder / _CARD
    try:
        card = Card.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the model's card cannot be used ({error})", path=path) from error
    if card.name != folder.name:
        raise InputError(f"the card names another model, {card.name!r}", path=path)
    return card


def _load(folder: Path) -> Model:
    card = _read_card(folder)
    contents = {part.file: _verified(folder, part) for part in (card.locator, card.segmenter)}
    return Model(
        card,
        _network(folder, card.locator, contents[card.locator.file]),
        _network(folder, card.segmenter, contents[card.segmenter.file]),
    )


def _verified(folder: Path, part: Part) -> bytes:
    path = folder / part.file
    remedy = "Install the model again"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("the model's weights cannot be read", path=path, remedy=remedy) from error
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise InputError(
            "the weights are not the ones the model's card names (sha256 differs)",
            path=path,
            remedy=remedy,
        )
    return content


def _network(folder: Path, part: Part, content: bytes) -> ResidualUNet:
    network = ResidualUNet(part.network)
    try:
        weights: dict[str, Tensor] = load(content)
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except (SafetensorError, RuntimeError) as error:
        raise InputError(
            "the weights do not fit the network the model's card describes",
            path=folder / part.file,
        ) from error
    return network.eval().requires_grad_(False)


def _part(facts: dict[str, Any]) -> Part:
    network = NetworkParameters(**facts.pop("network"))
    for name in ("spacing_mm", "patch", "window_hu"):
        facts[name] = tuple(facts[name])
    return Part(**facts, network=network)
