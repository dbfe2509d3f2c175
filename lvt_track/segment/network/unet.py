"""The network: a 3D residual-encoder U-Net with one sigmoid channel per class.

Encoder and decoder follow Ronneberger et al. (MICCAI 2015) with the residual encoder of nnU-Net
(Isensee et al., MICCAI 2024). Two choices keep it cheap enough for a clinic's PC: full resolution
sees one convolution on the way down and one on the way up, and skips are added, not concatenated.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from lvt_track.segment.network.parameters import LEAK, NORM_EPSILON, NetworkParameters

__all__ = ["ResidualUNet", "class_logits", "nested_class_logits"]


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


class _ConvNormAct(nn.Sequential):
    """3 x 3 x 3 convolution, instance norm, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv3d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.InstanceNorm3d(outputs, eps=NORM_EPSILON, affine=True),
            nn.LeakyReLU(LEAK, inplace=True),
        )


class _ResidualBlock(nn.Module):
    """Two convolutions around an identity (He et al., CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _ConvNormAct(channels, channels)
        self.second = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.InstanceNorm3d(channels, eps=NORM_EPSILON, affine=True)
        self.activation = nn.LeakyReLU(LEAK, inplace=True)

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
    """

    def __init__(self, parameters: NetworkParameters) -> None:
        super().__init__()
        self.parameters_of_size = parameters
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
