"""The network as OpenVINO knows it, laid operation by operation from its weights.

`openvino.convert_model` would trace the torch module instead: the same graph in six seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.segment.engine.eight_bits import whole_weights, with_256_values
from lvt_track.segment.engine.layers import probabilities_of
from lvt_track.segment.engine.runtime import openvino
from lvt_track.segment.grid import Extent
from lvt_track.segment.network.parameters import LEAK, NORM_EPSILON
from lvt_track.segment.network.weights import Network

__all__ = ["graph_of"]

_AXES = [2, 3, 4]
_NO_STEP = [1, 1, 1]


def graph_of(network: Network, patch: Extent, in_eight_bits: bool = False) -> Any:
    """The network with a sigmoid at its end, for windows of one size.

    Args:
        network: one whose size `layers.can_lay`.
        patch: size of a window (z, y, x).
        in_eight_bits: whether convolutions whose peaks are known are computed so; all others, and
            all where False, are computed as numbers with a point.

    Returns:
        An `openvino.Model` from (1, 1, z, y, x) to probabilities (1, outputs, z, y, x), float32.
    """
    ops: Any = openvino().opset13
    image = ops.parameter([1, 1, *patch], np.float32)
    layers = _GraphLayers(ops, network, in_eight_bits)
    probabilities = probabilities_of(image, network.size, layers)
    return openvino().Model([probabilities], [image], "lvt")


@dataclass(frozen=True)
class _GraphLayers:
    """See `layers.Operations`.

    Attributes:
        ops: OpenVINO's operations.
        network: whose weights are copied.
        in_eight_bits: see `graph_of`.
    """

    ops: Any
    network: Network
    in_eight_bits: bool

    def marked(self, image: Any, highlights: tuple[tuple[float, float], ...]) -> Any:
        ops, marked = self.ops, []
        for middle, half in highlights:
            off = ops.absolute(ops.subtract(image, np.float32(middle)))
            away = ops.divide(off, np.float32(half))
            marked.append(ops.maximum(ops.subtract(np.float32(1.0), away), np.float32(0.0)))
        return ops.concat([image, *marked], 1) if marked else image

    def convolved(self, features: Any, name: str, stride: int = 1, has_signs: bool = False) -> Any:
        # Features of a leaky ReLU reach a hundredth as far below zero as above, which is less than
        # one of 256 values: so `has_signs` is asked.
        weights = self._weights(f"{name}.weight")
        edge = [weights.shape[2] // 2] * 3
        peaks = self.network.input_peaks.get(name) if self.in_eight_bits else None
        if peaks is None:
            factors = _constant(weights)
        else:
            features = with_256_values(self.ops, features, peaks, has_signs)
            factors = whole_weights(self.ops, weights, peaks)
        return self.ops.convolution(features, factors, [stride] * 3, edge, edge, _NO_STEP)

    def normed(self, features: Any, name: str) -> Any:
        plain = self.ops.mvn(features, np.array(_AXES), True, NORM_EPSILON, "inside_sqrt")
        scaled = self.ops.multiply(plain, self._per_channel(f"{name}.weight"))
        return self.ops.add(scaled, self._per_channel(f"{name}.bias"))

    def activated(self, features: Any) -> Any:
        return self.ops.prelu(features, np.array([LEAK], dtype=np.float32))

    def enlarged(self, features: Any) -> Any:
        return self.ops.interpolate(
            features,
            np.array([2.0, 2.0, 2.0], dtype=np.float32),
            "linear_onnx",
            "scales",
            axes=np.array(_AXES),
            coordinate_transformation_mode="half_pixel",
        )

    def added(self, one: Any, other: Any) -> Any:
        return self.ops.add(one, other)

    def classified(self, features: Any, name: str) -> Any:
        logits = self.ops.add(self.convolved(features, name), self._per_channel(f"{name}.bias"))
        return self.ops.sigmoid(logits)

    def _weights(self, name: str) -> NDArray[np.float32]:
        return self.network.weights[name]

    def _per_channel(self, name: str) -> Any:
        return _constant(self._weights(name).reshape(1, -1, 1, 1, 1))


def _constant(values: NDArray[np.float32]) -> Any:
    # `ops.constant` goes through a list of Python numbers: seconds for a network.
    return openvino().op.Constant(np.ascontiguousarray(values, dtype=np.float32))
