"""The model whose weights a training starts from, instead of chance."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lvt_track.errors import UsageError
from lvt_track.segment.cards import Card
from lvt_track.segment.default_segmenter import DefaultSegmenter
from lvt_track.segment.models import load_model
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.configuration import PatchChoice, TrainingConfiguration

__all__ = ["Start", "starting_model"]


@dataclass(frozen=True, eq=False)
class Start:
    """A model trained here, to go on from.

    Attributes:
        card: of the model.
        network: its segmenter.
    """

    card: Card
    network: ResidualUNet

    @property
    def size(self) -> NetworkParameters:
        """Of its network."""
        return self.card.segmenter.network

    def choice(self, asked: PatchChoice) -> PatchChoice:
        """What is asked of patches, completed by what the network is used to."""
        part = self.card.segmenter
        low, high = part.window_hu
        used = PatchChoice(
            patch=part.patch,
            spacing_mm=part.spacing_mm,
            window_level_hu=(low + high) / 2.0,
            window_width_hu=high - low,
        )
        open_ones = [field for field, value in vars(asked).items() if value is None]
        return replace(asked, **{field: getattr(used, field) for field in open_ones})

    def facts(self) -> dict[str, str]:
        """For the card of what is made of it."""
        return {
            "name": self.card.name,
            "version": self.card.version,
            "sha256": self.card.segmenter.sha256,
        }


def starting_model(asked: TrainingConfiguration) -> Start | None:
    """The model that a configuration starts from; None where it starts from chance.

    Raises:
        InputError: when there is no such model, or it is damaged.
        UsageError: when its network is not one that this training learns.
    """
    if asked.start_from is None:
        return None
    model = load_model(asked.start_from)
    drawn = model.parts[0]
    if len(model.parts) > 1 or not isinstance(drawn.segmenter, DefaultSegmenter):
        raise UsageError(
            f"training cannot start from {asked.start_from!r}, which was not trained by lvt alone",
            remedy="Start from a model that lvt train made, or from default",
        )
    card, network = drawn.segmenter.card, drawn.segmenter.network.module
    size = card.segmenter.network
    # A vessel's probability of its own serves as one given the liver too; alternatives do not.
    if size.exclusive != asked.learns_by.headed(size).exclusive:
        raise UsageError(
            f"the head of {card.name!r} is not that of the method {asked.method}",
            remedy="Start from a model of the same kind of head, or choose another method",
        )
    wanted = asked.network
    if wanted is not None and (wanted.channels, wanted.blocks) != (size.channels, size.blocks):
        raise UsageError(
            f"the network asked for has channels {wanted.channels} and blocks {wanted.blocks}, "
            f"that of {card.name!r} has {size.channels} and {size.blocks}",
            remedy="Leave the network out of the configuration: it is that of the model",
        )
    return Start(card, network)
