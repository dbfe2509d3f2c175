"""The models at hand: folders with `card.json` and the safetensors files that the card names.

No pickle is read here, and nothing is built before every file has the sha256 its card states.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, UsageError
from lvt_track.segment.cards import (
    INTENDED_USE,
    AnyCard,
    Card,
    ImportedCard,
    Part,
    parse_card,
)
from lvt_track.segment.default_segmenter import DefaultSegmenter
from lvt_track.segment.locate import Locator
from lvt_track.segment.network.weights import Network
from lvt_track.segment.segmenter import Segmenter

__all__ = [
    "CARD",
    "EMBEDDED",
    "INTENDED_USE",
    "Card",
    "Model",
    "ModelPart",
    "Part",
    "card_of",
    "default_model",
    "list_models",
    "load_model",
    "model_folders",
    "remove_model",
    "save_model",
    "user_folder",
]

EMBEDDED = Path(__file__).parent / "weights"
"""Folder of the models that come with the package."""

DEFAULT = "default"
"""The model whose locator finds the liver for imported ones."""

_LEAST_BYTES = 2  # of a weight, as float16

CARD = "card.json"
"""Name of a card's file."""


@dataclass(frozen=True, eq=False)
class ModelPart:
    """One model's share in the masks.

    Attributes:
        card: of that model.
        segmenter: what draws.
        draws: the classes that are taken from it.
    """

    card: AnyCard
    segmenter: Segmenter
    draws: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """Networks ready to run, on the CPU in float32.

    Attributes:
        locator: finds the liver.
        parts: what draws which class.
    """

    locator: Locator
    parts: tuple[ModelPart, ...]

    @property
    def name(self) -> str:
        """Names of its parts, joined by `+`."""
        return "+".join(part.card.name for part in self.parts)

    @property
    def digests(self) -> dict[str, str]:
        """sha256 of the weights of each part, by name."""
        return {part.card.name: part.card.sha256 for part in self.parts}

    @cached_property
    def sha256(self) -> str:
        """One value that names all weights exactly."""
        digests = list(self.digests.values())
        return digests[0] if len(digests) == 1 else _digest("".join(digests).encode())

    @cached_property
    def conduct_sha256(self) -> str:
        """One value that names all that decides masks: weights, and how the cards say to use them.

        What a card only tells, of training and scores, is left out, and so is what only eight bits
        need: see `peaks_sha256`.
        """
        cards = [asdict(part.card) | {"draws": part.draws} for part in self.parts]
        for facts in cards:
            for name in ("training", "scores", "training_data", "licence", "intended_use"):
                facts.pop(name, None)
            for network in (facts.get("locator", {}), facts.get("segmenter", {})):
                for name in ("peaks_file", "peaks_sha256"):
                    network.pop(name, None)
        return _digest(json.dumps(cards, sort_keys=True).encode())

    @property
    def peaks_sha256(self) -> str:
        """What names the peaks that eight bits rest on; empty where there are none."""
        cards = (part.card for part in self.parts)
        return "".join(card.segmenter.peaks_sha256 for card in cards if isinstance(card, Card))

    @property
    def knows_peaks(self) -> bool:
        """Whether a part of it may be computed in eight bits."""
        return bool(self.peaks_sha256)

    @property
    def sources(self) -> dict[str, str]:
        """For each class that is drawn, the name of the part that draws it."""
        return {name: part.card.name for part in self.parts for name in part.draws}

    @property
    def own_networks(self) -> tuple[tuple[Part, Network], ...]:
        """The networks of the kind that is trained here, each with what its card says of it."""
        segmenters = (part.segmenter for part in self.parts)
        own = (drawn for drawn in segmenters if isinstance(drawn, DefaultSegmenter))
        networks = ((drawn.card.segmenter, drawn.network) for drawn in own)
        return ((self.locator.part, self.locator.network), *networks)

    @property
    def minimum_ml(self) -> tuple[float, ...]:
        """Volumes below which components are dropped: liver, vessels, tumours."""
        least = dict.fromkeys(CLASSES, 0.0)
        for part in self.parts:
            for name, value in zip(CLASSES, part.card.minimum_ml, strict=True):
                if name in part.draws:
                    least[name] = value
        return tuple(least[name] for name in CLASSES)

    @property
    def fluid_hu(self) -> float | None:
        """Brightness below which a tumour is left out as a cyst; None where none is."""
        for part in self.parts:
            if "tumors" in part.draws and isinstance(part.card, Card):
                return part.card.fluid_hu
        return None


def default_model(card: Card, locator: Network, segmenter: Network) -> Model:
    """A model of networks trained here."""
    finds = Locator(card.locator, locator, card.thresholds[0])
    return Model(finds, (ModelPart(card, DefaultSegmenter(card, segmenter), CLASSES),))


def user_folder() -> Path:
    """Folder of imported models: `LVT_MODELS`, or `lvt/models` in the user's data folder."""
    chosen = os.environ.get("LVT_MODELS")
    if chosen:
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "lvt" / "models"


def model_folders() -> tuple[Path, ...]:
    """Where models are looked for, first match wins."""
    return EMBEDDED, user_folder()


def load_model(name: str = DEFAULT, folders: Sequence[Path] | None = None) -> Model:
    """The model of this name, or several joined by `+`.

    Of several, each class is drawn by the first that knows it: `lesions+default` takes tumours from
    `lesions` and what that does not draw from `default`.

    Args:
        name: of a model, which is the name of its folder; or a path to that folder.
        folders: where to look; see `model_folders`.

    Raises:
        InputError: when there is none, or its card or weights are not what they claim.
        UsageError: when none of those named draws the liver.
    """
    places = model_folders() if folders is None else folders
    models = [_load_one(part, places) for part in name.split("+")]
    left = set(CLASSES)
    parts = []
    for model in models:
        draws = tuple(name for name in model.parts[0].draws if name in left)
        left -= set(draws)
        parts.append(ModelPart(model.parts[0].card, model.parts[0].segmenter, draws))
    if "liver" in left:
        raise UsageError(
            f"the model {name!r} does not draw the liver, which vessels and tumours must lie in",
            remedy=f"Join it with one that does: --model {name}+{DEFAULT}",
        )
    main = next((m for m in models if isinstance(m.parts[0].card, Card)), models[0])
    return Model(main.locator, tuple(part for part in parts if part.draws))


def list_models(folders: Sequence[Path] | None = None) -> tuple[AnyCard, ...]:
    """Cards of all models at hand, by name; weights are not read.

    Raises:
        InputError: when a card cannot be read.
    """
    cards: dict[str, AnyCard] = {}
    for parent in model_folders() if folders is None else folders:
        for name in _names(parent):
            cards.setdefault(name, _read_card(parent / name))
    return tuple(cards[name] for name in sorted(cards))


def card_of(name: str) -> AnyCard:
    """The card of one model at hand; weights are not read.

    Raises:
        InputError: when there is none of that name, or it cannot be read.
    """
    folders = model_folders()
    return _read_card(_folder_of(name, folders))


def save_model(card: Card, networks: Mapping[str, Network], parent: Path) -> Card:
    """Write a model trained here into `parent / card.name`, weights as float16.

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
        weights = {key: value.astype(np.float16) for key, value in network.weights.items()}
        content = save(weights)
        # Peaks for eight bits were measured on the weights of before.
        facts[name] |= {"file": f"{name}.safetensors", "sha256": _digest(content)}
        facts[name] |= {"peaks_file": "", "peaks_sha256": ""}
        (folder / facts[name]["file"]).write_bytes(content)
    written = Card.from_json(json.dumps(facts))
    (folder / CARD).write_text(written.to_json(), encoding="utf-8")
    return written


def remove_model(name: str) -> Path:
    """Delete an imported model, and return the folder it was in.

    Raises:
        UsageError: when it came with the package.
        InputError: when there is none of that name.
    """
    if name in _names(EMBEDDED):
        raise UsageError(f"the model {name!r} comes with lvt and cannot be removed")
    parent = user_folder()
    if name not in _names(parent):
        raise _unknown(name, (parent,))
    shutil.rmtree(parent / name)
    return parent / name


def _names(parent: Path) -> list[str]:
    return sorted(card.parent.name for card in parent.glob(f"*/{CARD}"))


def _folder_of(name: str, folders: Sequence[Path]) -> Path:
    """Folder of the model of this name; a name with a slash is the folder itself."""
    if len(Path(name).parts) > 1 and (Path(name) / CARD).is_file():
        return Path(name).resolve()
    for parent in folders:
        if name in _names(parent):
            return parent / name
    raise _unknown(name, folders)


def _unknown(name: str, folders: Sequence[Path]) -> InputError:
    known = ", ".join(sorted({n for parent in folders for n in _names(parent)})) or "none"
    return InputError(f"there is no model named {name!r}", remedy=f"Models at hand: {known}")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_card(folder: Path) -> AnyCard:
    path = folder / CARD
    try:
        card = parse_card(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the model's card cannot be used ({error})", path=path) from error
    if card.name != folder.name:
        raise InputError(f"the card names another model, {card.name!r}", path=path)
    return card


def _load_one(name: str, folders: Sequence[Path]) -> Model:
    folder = _folder_of(name, folders)
    card = _read_card(folder)
    if isinstance(card, ImportedCard):
        return _load_imported(folder, card)
    parts = (card.locator, card.segmenter)
    contents = [_verified(folder / part.file, part.sha256) for part in parts]
    locator, segmenter = (
        _network_of(folder / part.file, part, content)
        for part, content in zip(parts, contents, strict=True)
    )
    return default_model(card, locator, segmenter)


def _load_imported(folder: Path, card: ImportedCard) -> Model:
    # Torch runs these; it takes seconds to load.
    from lvt_track.segment.nnunet.segmenter import ForeignSegmenter, loaded_network

    pairs = zip(card.files, card.digests, strict=True)
    contents = {folder / file: _verified(folder / file, digest) for file, digest in pairs}
    networks = []
    for path, content in contents.items():
        try:
            networks.append(loaded_network(card, content))
        except (SafetensorError, RuntimeError) as error:
            raise _misfit(path) from error
    part = ModelPart(card, ForeignSegmenter(card, tuple(networks)), card.classes)
    return Model(_load_one(DEFAULT, (EMBEDDED,)).locator, (part,))


def _verified(path: Path, sha256: str) -> bytes:
    remedy = "Install the model again"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("the model's weights cannot be read", path=path, remedy=remedy) from error
    if _digest(content) != sha256:
        raise InputError(
            "the weights are not the ones the model's card names (sha256 differs)",
            path=path,
            remedy=remedy,
        )
    return content


def _network_of(path: Path, part: Part, content: bytes) -> Network:
    # A card may claim a network that no memory holds; what its file holds is what may be built.
    if part.network.least_weights * _LEAST_BYTES > len(content):
        raise InputError(
            "the weights are too few for the network the model's card describes", path=path
        )
    try:
        weights = {name: value.astype(np.float32) for name, value in load(content).items()}
        network = Network(part.network, weights)
    except (SafetensorError, ValueError) as error:
        raise _misfit(path) from error
    if not part.peaks_file:
        return network
    peaks = path.parent / part.peaks_file
    return _with_peaks(network, peaks, _verified(peaks, part.peaks_sha256))


def _with_peaks(network: Network, path: Path, content: bytes) -> Network:
    """The network with the peaks of its convolutions' inputs.

    Raises:
        InputError: when they are those of another network.
    """
    try:
        peaks = {name: value.astype(np.float32) for name, value in load(content).items()}
        return replace(network, input_peaks=peaks)
    except (SafetensorError, ValueError) as error:
        raise InputError("the peaks do not fit the model's network", path=path) from error


def _misfit(path: Path) -> InputError:
    return InputError("the weights do not fit the network the model's card describes", path=path)
