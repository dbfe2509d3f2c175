"""The network as OpenVINO knows it, laid operation by operation from its weights.

`openvino.convert_model` would trace the torch module instead: the same graph in six seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

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


def graph_of(network: ResidualUNet, patch: Extent) -> Any:
    """The network with a sigmoid at its end, for windows of one size.

    Args:
        network: one that `can_lay` tells of; its weights are copied.
        patch: size of a window (z, y, x).

    Returns:
        An `openvino.Model` from (1, 1, z, y, x) to probabilities (1, outputs, z, y, x), float32.
    """
    ops: Any = openvino().opset13
    image = ops.parameter([1, 1, *patch], np.float32)
    skips = [_conv_norm_act(ops, _marked(ops, image, network), network.stem)]
    for down in network.down:
        first, *blocks = down.children()
        features = _conv_norm_act(ops, skips[-1], first)
        for block in blocks:
            features = _residual(ops, features, block)
        skips.append(features)
    features = skips.pop()
    for up in network.up:
        features = _up(ops, features, skips.pop(), up)
    head = network.head
    assert head.bias is not None
    logits = ops.add(_convolved(ops, features, head), _per_channel(head.bias))
    return openvino().Model([ops.sigmoid(logits)], [image], "lvt")


def _marked(ops: Any, image: Any, network: ResidualUNet) -> Any:
    """The image, and beside it the brightnesses that the network sees marked."""
    marked = []
    for middle, half in network.parameters_of_size.highlights:
        away = ops.divide(ops.absolute(ops.subtract(image, np.float32(middle))), np.float32(half))
        marked.append(ops.maximum(ops.subtract(np.float32(1.0), away), np.float32(0.0)))
    return ops.concat([image, *marked], 1) if marked else image


def _residual(ops: Any, features: Any, block: Any) -> Any:
    inner = _convolved(ops, _conv_norm_act(ops, features, block.first), block.second)
    return _activated(ops, ops.add(_normed(ops, inner, block.norm), features), block.activation)


def _up(ops: Any, deep: Any, skip: Any, up: Any) -> Any:
    reduced = _convolved(ops, deep, up.reduce)
    larger = ops.interpolate(
        reduced,
        np.array([2.0, 2.0, 2.0], dtype=np.float32),
        "linear_onnx",
        "scales",
        axes=np.array(_AXES),
        coordinate_transformation_mode="half_pixel",
    )
    return _conv_norm_act(ops, ops.add(larger, skip), up.merge)


def _conv_norm_act(ops: Any, features: Any, layers: Any) -> Any:
    convolution, norm, activation = layers
    return _activated(ops, _normed(ops, _convolved(ops, features, convolution), norm), activation)


def _convolved(ops: Any, features: Any, layer: nn.Conv3d) -> Any:
    edge = [int(n) for n in layer.padding]
    return ops.convolution(
        features, _constant(layer.weight), list(layer.stride), edge, edge, _NO_STEP
    )


def _normed(ops: Any, features: Any, layer: nn.InstanceNorm3d) -> Any:
    plain = ops.mvn(features, np.array(_AXES), True, layer.eps, "inside_sqrt")
    scaled = ops.multiply(plain, _per_channel(layer.weight))
    return ops.add(scaled, _per_channel(layer.bias))


def _activated(ops: Any, features: Any, layer: nn.LeakyReLU) -> Any:
    return ops.prelu(features, np.array([layer.negative_slope], dtype=np.float32))


def _per_channel(values: Tensor) -> Any:
    return _constant(values.reshape(1, -1, 1, 1, 1))


def _constant(values: Tensor) -> Any:
    # `ops.constant` goes through a list of Python numbers: seconds for a network.
    return openvino().op.Constant(
        np.ascontiguousarray(values.detach().cpu().numpy(), dtype=np.float32)
    )
