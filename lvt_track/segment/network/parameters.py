"""The size of a network, which says how its weights are named and shaped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lvt_track.core.volume import CLASSES

__all__ = ["LEAK", "NORM_EPSILON", "NetworkParameters", "weight_shapes"]

NORM_EPSILON = 1e-5
"""Added to the variance by instance norm."""

LEAK = 0.01
"""Slope of the leaky ReLU below zero."""

# A card beyond these would fill a machine before anything is said.
_MOST_LEVELS, _MOST_CHANNELS, _MOST_BLOCKS = 10, 2048, 50


@dataclass(frozen=True)
class NetworkParameters:
    """Size of a network.

    Attributes:
        channels: features per level, full resolution first; each level halves the resolution.
        blocks: residual blocks per encoder level below the first; one fewer than `channels`.
        outputs: classes that the network tells, each for itself.
        exclusive: whether the head knows background and the classes as alternatives, one channel
            more; for rivals of partial-label training.
        nested: whether the head tells vessels and tumours given the liver, so that their
            probability is the product of both.
        highlights: brightnesses that the network sees marked besides, each as (middle, half width)
            on the scale of its input: a channel that is 1 in the middle and 0 from half a width
            away. Instance norm leaves no feature its absolute brightness; this tells fluid from
            what is nearly as dark, whatever else a window holds.
    """

    channels: tuple[int, ...] = (16, 32, 64, 128, 192)
    blocks: tuple[int, ...] = (1, 2, 2, 2)
    outputs: int = len(CLASSES)
    exclusive: bool = False
    nested: bool = False
    highlights: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(int(n) for n in self.channels))
        object.__setattr__(self, "blocks", tuple(int(n) for n in self.blocks))
        pairs = tuple((float(middle), float(half)) for middle, half in self.highlights)
        object.__setattr__(self, "highlights", pairs)
        if any(half <= 0 for _, half in pairs):
            raise ValueError(f"highlights need positive half widths, got {pairs}")
        if not 2 <= len(self.channels) <= _MOST_LEVELS:
            raise ValueError(f"channels needs 2 to {_MOST_LEVELS} levels, got {self.channels}")
        if not all(1 <= n <= _MOST_CHANNELS for n in self.channels):
            raise ValueError(f"channels must be 1 to {_MOST_CHANNELS}, got {self.channels}")
        if len(self.blocks) != len(self.channels) - 1 or not all(
            1 <= n <= _MOST_BLOCKS for n in self.blocks
        ):
            raise ValueError(
                f"blocks needs {len(self.channels) - 1} counts of 1 to {_MOST_BLOCKS}, "
                f"got {self.blocks}"
            )
        if self.outputs < 1:
            raise ValueError(f"outputs must be positive, got {self.outputs}")
        if (self.exclusive or self.nested) and self.outputs != len(CLASSES):
            kind = "exclusive" if self.exclusive else "nested"
            raise ValueError(f"{kind} classes are {len(CLASSES)}, got {self.outputs} outputs")
        if self.exclusive and self.nested:
            raise ValueError("classes are either exclusive or nested")

    @property
    def least_weights(self) -> int:
        """Fewer weights than a network of this size surely has; worked out without building it."""
        first, *deeper = self.channels
        blocks = sum(n * c * c for n, c in zip(self.blocks, deeper, strict=True))
        return 27 * (blocks + first * deeper[0]) + first * self.outputs

    @property
    def stride(self) -> int:
        """Input sizes must be multiples of this."""
        return int(2 ** (len(self.channels) - 1))


def weight_shapes(size: NetworkParameters) -> dict[str, tuple[int, ...]]:
    """Shape of every weight of `unet.ResidualUNet`, by its name there."""
    first, head = size.channels[0], size.outputs + size.exclusive
    shapes = dict(_conv_norm("stem", 1 + len(size.highlights), first))
    pairs = zip(size.channels[:-1], size.channels[1:], size.blocks, strict=True)
    for level, (wider, width, blocks) in enumerate(pairs):
        shapes |= _conv_norm(f"down.{level}.0", wider, width)
        for block in range(1, blocks + 1):
            name = f"down.{level}.{block}"
            shapes |= _conv_norm(f"{name}.first", width, width)
            shapes[f"{name}.second.weight"] = (width, width, 3, 3, 3)
            shapes |= {f"{name}.norm.{part}": (width,) for part in ("weight", "bias")}
    upward = zip(size.channels[:0:-1], size.channels[-2::-1], strict=True)
    for level, (deeper, width) in enumerate(upward):
        shapes[f"up.{level}.reduce.weight"] = (width, deeper, 1, 1, 1)
        shapes |= _conv_norm(f"up.{level}.merge", width, width)
    return shapes | {"head.weight": (head, first, 1, 1, 1), "head.bias": (head,)}


def _conv_norm(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.0.weight", (outputs, inputs, 3, 3, 3)
    yield f"{name}.1.weight", (outputs,)
    yield f"{name}.1.bias", (outputs,)
