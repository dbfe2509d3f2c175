"""The network: a 3D residual-encoder U-Net with one sigmoid channel per class.

Encoder and decoder follow Ronneberger et al. (MICCAI 2015) with the residual encoder of nnU-Net
(Isensee et al., MICCAI 2024). Two choices keep it cheap enough for a clinic's PC: full resolution
sees one convolution on the way down and one on the way up, and skips are added, not concatenated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from lvt_track.core.volume import CLASSES

__all__ = ["NetworkParameters", "ResidualUNet", "class_logits", "nested_class_logits", "normalise"]


def normalise(hu: Tensor, window_hu: tuple[float, float]) -> Tensor:
    """HU mapped so that the window reaches from -1 to 1, clipped beyond; float32."""
    low, high = window_hu
    return torch.clamp((hu.float() - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0)


def class_logits(logits: Tensor) -> Tensor:
    """Logits of belonging to liver, vessels and tumours, from those of exclusive classes.

    Args:
        logits: (batch, 4, ...) of background, other liver, vessel and tumour, of which one is
            true (softmax).

    Returns:
        (batch, 3, ...) whose sigmoid is the summed probability of all channels that belong.
    """
    inside = torch.stack([logits[:, 1:].logsumexp(1), logits[:, 2], logits[:, 3]], dim=1)
    outside = torch.stack(
        [logits[:, 0], logits[:, [0, 1, 3]].logsumexp(1), logits[:, [0, 1, 2]].logsumexp(1)], dim=1
    )
    return inside - outside


def nested_class_logits(logits: Tensor) -> Tensor:
    """Logits of belonging to liver, vessels and tumours, from those of the parts given the liver.

    Args:
        logits: (batch, 3, ...) of liver, of vessel given that it is liver, and of tumour given it.

    Returns:
        (batch, 3, ...), float32, whose sigmoid is P(liver) and its product with P(part | liver).
    """
    liver, parts = logits[:, :1].float(), logits[:, 1:].float()
    inside = logsigmoid(liver) + logsigmoid(parts)
    # Not a part: not liver, or liver and not it.
    outside = torch.logaddexp(logsigmoid(-liver), logsigmoid(liver) + logsigmoid(-parts))
    return torch.cat([liver, inside - outside], dim=1)


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


class _ConvNormAct(nn.Sequential):
    """3 x 3 x 3 convolution, instance norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv3d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.InstanceNorm3d(outputs, affine=True),
            nn.LeakyReLU(0.01, inplace=True),
        )


class _ResidualBlock(nn.Module):
    """Two convolutions around an identity (He et al., CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _ConvNormAct(channels, channels)
        self.second = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.InstanceNorm3d(channels, affine=True)
        self.activation = nn.LeakyReLU(0.01, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as the input."""
        y: Tensor = self.activation(self.norm(self.second(self.first(x))) + x)
        return y


class _Up(nn.Module):
    """One decoder level: bring the deeper features up, add the skip, convolve."""

    def __init__(self, deeper: int, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv3d(deeper, channels, 1, bias=False)
        self.upsample = nn.Upsample(scale_factor=2, mode="trilinear", align_corners=False)
        self.merge = _ConvNormAct(channels, channels)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        """Features at the resolution of `skip`."""
        y: Tensor = self.merge(self.upsample(self.reduce(deep)) + skip)
        return y


class ResidualUNet(nn.Module):
    """Maps normalised CT (batch, 1, z, y, x) to logits (batch, outputs, z, y, x).

    Args:
        parameters: its size.

    Attributes:
        parameters_of_size: the same.
        input_peaks: for each convolution that may be computed in eight bits, by its name, how far
            from zero what it reads reaches, per channel; empty where that was not measured.
    """

    def __init__(self, parameters: NetworkParameters) -> None:
        super().__init__()
        self.parameters_of_size = parameters
        self.input_peaks: Mapping[str, NDArray[np.float32]] = {}
        channels = parameters.channels
        self.stem = _ConvNormAct(1 + len(parameters.highlights), channels[0])
        self.down = nn.ModuleList(
            nn.Sequential(
                _ConvNormAct(wider, width, stride=2), *(_ResidualBlock(width) for _ in range(count))
            )
            for wider, width, count in zip(
                channels[:-1], channels[1:], parameters.blocks, strict=True
            )
        )
        self.up = nn.ModuleList(
            _Up(deeper, width)
            for deeper, width in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        self.head = nn.Conv3d(channels[0], parameters.outputs + parameters.exclusive, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of each class.

        Raises:
            ValueError: as `features`.
        """
        return self.per_class(self.head(self.features(x)[-1]))

    def per_class(self, logits: Tensor) -> Tensor:
        """Logits of each class from those of the head."""
        if self.parameters_of_size.exclusive:
            return class_logits(logits)
        return nested_class_logits(logits) if self.parameters_of_size.nested else logits

    def features(self, x: Tensor) -> list[Tensor]:
        """What the decoder sees at each level, deepest first, full resolution last.

        Raises:
            ValueError: when a size is not a multiple of the stride, or so small that the deepest
                level would be one voxel wide, where instance norm has nothing to average and
                PyTorch's CPU bfloat16 convolution is wrong (issue 169688).
        """
        stride = self.parameters_of_size.stride
        if any(n % stride or n < 2 * stride for n in x.shape[2:]):
            raise ValueError(
                f"sizes must be multiples of {stride} and at least {2 * stride}, "
                f"got {tuple(x.shape[2:])}"
            )
        marked = [
            (1.0 - (x - middle).abs() / half).clamp(min=0.0)
            for middle, half in self.parameters_of_size.highlights
        ]
        skips = [self.stem(torch.cat([x, *marked], dim=1))]
        for down in self.down:
            skips.append(down(skips[-1]))
        seen = [skips.pop()]
        for up in self.up:
            seen.append(up(seen[-1], skips.pop()))
        return seen
