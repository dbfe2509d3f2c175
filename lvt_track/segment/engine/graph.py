"""The network as OpenVINO knows it, laid operation by operation from its weights.

`openvino.convert_model` would trace the torch module instead: the same graph in six seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from lvt_track.segment.engine.eight_bits import (
    InputPeaks,
    whole_weights,
    with_256_values,
)
from lvt_track.segment.engine.runtime import openvino
from lvt_track.segment.grid import Extent
from lvt_track.segment.network import ResidualUNet

__all__ = ["can_lay", "graph_of"]

_AXES = [2, 3, 4]
_NO_STEP = [1, 1, 1]


def can_lay(network: nn.Module) -> bool:
    """Whether the network is of the kind that is laid here: its classes each told for itself."""
    if not isinstance(network, ResidualUNet):
        return False
    size = network.parameters_of_size
    return not (size.exclusive or size.nested)


def graph_of(network: ResidualUNet, patch: Extent, peaks: InputPeaks | None = None) -> Any:
    """The network with a sigmoid at its end, for windows of one size.

    Args:
        network: one that `can_lay` tells of; its weights are copied.
        patch: size of a window (z, y, x).
        peaks: of what the convolutions read that are computed in eight bits; all others, and all
            where None, are computed as numbers with a point.

    Returns:
        An `openvino.Model` from (1, 1, z, y, x) to probabilities (1, outputs, z, y, x), float32.

    Raises:
        ValueError: when peaks belong to another network.
    """
    ops: Any = openvino().opset13
    names = {layer: name for name, layer in network.named_modules()}
    image = ops.parameter([1, 1, *patch], np.float32)
    probabilities = _Layers(ops, names, peaks or {}).laid(image, network)
    return openvino().Model([probabilities], [image], "lvt")


@dataclass(frozen=True)
class _Layers:
    """Lays layers.

    Attributes:
        ops: OpenVINO's operations.
        names: of the network's modules.
        peaks: see `graph_of`.
    """

    ops: Any
    names: Mapping[nn.Module, str]
    peaks: InputPeaks

    def laid(self, image: Any, network: ResidualUNet) -> Any:
        """Probabilities of an image."""
        ops = self.ops
        skips = [self._conv_norm_act(self._marked(image, network), network.stem)]
        for down in network.down:
            first, *blocks = down.children()
            features = self._conv_norm_act(skips[-1], first)
            for block in blocks:
                features = self._residual(features, block)
            skips.append(features)
        features = skips.pop()
        for up in network.up:
            features = self._up(features, skips.pop(), up)
        head = network.head
        assert head.bias is not None
        logits = ops.add(self._convolved(features, head), _per_channel(head.bias))
        return ops.sigmoid(logits)

    def _marked(self, image: Any, network: ResidualUNet) -> Any:
        """The image, and beside it the brightnesses that the network sees marked."""
        ops, marked = self.ops, []
        for middle, half in network.parameters_of_size.highlights:
            off = ops.absolute(ops.subtract(image, np.float32(middle)))
            away = ops.divide(off, np.float32(half))
            marked.append(ops.maximum(ops.subtract(np.float32(1.0), away), np.float32(0.0)))
        return ops.concat([image, *marked], 1) if marked else image

    def _residual(self, features: Any, block: Any) -> Any:
        inner = self._convolved(self._conv_norm_act(features, block.first), block.second)
        total = self.ops.add(self._normed(inner, block.norm), features)
        return self._activated(total, block.activation)

    def _up(self, deep: Any, skip: Any, up: Any) -> Any:
        ops = self.ops
        larger = ops.interpolate(
            self._convolved(deep, up.reduce),
            np.array([2.0, 2.0, 2.0], dtype=np.float32),
            "linear_onnx",
            "scales",
            axes=np.array(_AXES),
            coordinate_transformation_mode="half_pixel",
        )
        return self._conv_norm_act(ops.add(larger, skip), up.merge, has_signs=True)

    def _conv_norm_act(self, features: Any, layers: Any, has_signs: bool = False) -> Any:
        convolution, norm, activation = layers
        inner = self._convolved(features, convolution, has_signs)
        return self._activated(self._normed(inner, norm), activation)

    def _convolved(self, features: Any, layer: nn.Conv3d, has_signs: bool = False) -> Any:
        """A convolution, in eight bits where its peaks are known.

        Args:
            features: what it reads.
            layer: the convolution.
            has_signs: whether features below zero matter; those of a leaky ReLU reach a hundredth
                as far there as above, which is less than one of 256 values.
        """
        peaks = self.peaks.get(self.names[layer])
        if peaks is None:
            weights = _constant(layer.weight)
        else:
            features = with_256_values(self.ops, features, peaks, has_signs)
            weights = whole_weights(self.ops, layer.weight.detach().cpu().numpy(), peaks)
        edge = [int(n) for n in layer.padding]
        return self.ops.convolution(features, weights, list(layer.stride), edge, edge, _NO_STEP)

    def _normed(self, features: Any, layer: nn.InstanceNorm3d) -> Any:
        plain = self.ops.mvn(features, np.array(_AXES), True, layer.eps, "inside_sqrt")
        scaled = self.ops.multiply(plain, _per_channel(layer.weight))
        return self.ops.add(scaled, _per_channel(layer.bias))

    def _activated(self, features: Any, layer: nn.LeakyReLU) -> Any:
        return self.ops.prelu(features, np.array([layer.negative_slope], dtype=np.float32))


def _per_channel(values: Tensor) -> Any:
    return _constant(values.reshape(1, -1, 1, 1, 1))


def _constant(values: Tensor) -> Any:
    # `ops.constant` goes through a list of Python numbers: seconds for a network.
    content: NDArray[np.float32] = np.ascontiguousarray(
        values.detach().cpu().numpy(), dtype=np.float32
    )
    return openvino().op.Constant(content)
