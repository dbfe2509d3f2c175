"""The network in plain numpy: slow, and the measure of what computes it faster."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lvt_track.segment.engine.layers import probabilities_of
from lvt_track.segment.network.parameters import (
    LEAK,
    NORM_EPSILON,
    NetworkParameters,
    weight_shapes,
)
from lvt_track.segment.network.weights import Network

__all__ = ["drawn_network", "input_reach", "reference_probabilities"]

FloatImage = NDArray[np.float32]

_SEED = 0


def drawn_network(size: NetworkParameters) -> Network:
    """A network with weights drawn at random, always the same ones."""
    random = np.random.default_rng(_SEED)
    weights = {}
    for name, shape in weight_shapes(size).items():
        if len(shape) == 5:
            limit = 1.0 / np.sqrt(np.prod(shape[1:]))
            weights[name] = random.uniform(-limit, limit, shape).astype(np.float32)
        else:
            weights[name] = np.full(shape, float(name.endswith("weight")), np.float32)
    return Network(size, weights)


def reference_probabilities(network: Network, image: FloatImage) -> FloatImage:
    """Probabilities (outputs, z, y, x) of an image (z, y, x)."""
    return probabilities_of(image[None], network.size, _NumpyLayers(network))


def input_reach(network: Network, image: FloatImage) -> dict[str, FloatImage]:
    """How far from zero what each convolution but the first and the last reads reaches, per
    channel, in an image (z, y, x)."""
    layers = _NumpyLayers(network)
    probabilities_of(image[None], network.size, layers)
    return {name: peak for name, peak in layers.reach.items() if name not in ("stem.0", "head")}


@dataclass
class _NumpyLayers:
    """See `layers.Operations`; features are (channels, z, y, x)."""

    network: Network
    reach: dict[str, FloatImage] = field(default_factory=dict)

    def marked(self, image: FloatImage, highlights: tuple[tuple[float, float], ...]) -> FloatImage:
        marks = [np.maximum(1.0 - np.abs(image - at) / half, 0.0) for at, half in highlights]
        return np.concatenate([image, *marks])

    def convolved(
        self, features: FloatImage, name: str, stride: int = 1, has_signs: bool = False
    ) -> FloatImage:
        self.reach[name] = np.abs(features).max(axis=(1, 2, 3))
        weights = self.network.weights[f"{name}.weight"]
        edge = weights.shape[2] // 2
        padded = np.pad(features, ((0, 0), *((edge, edge),) * 3))
        windows = sliding_window_view(padded, weights.shape[2:], axis=(1, 2, 3))
        windows = windows[:, ::stride, ::stride, ::stride]
        answers: FloatImage = np.tensordot(weights, windows, ((1, 2, 3, 4), (0, 4, 5, 6)))
        return answers

    def normed(self, features: FloatImage, name: str) -> FloatImage:
        mean = features.mean(axis=(1, 2, 3), keepdims=True)
        deviation = np.sqrt(features.var(axis=(1, 2, 3), keepdims=True) + NORM_EPSILON)
        factor, bias = (
            self.network.weights[f"{name}.{part}"][:, None, None, None]
            for part in ("weight", "bias")
        )
        normed: FloatImage = (features - mean) / deviation * factor + bias
        return normed

    def activated(self, features: FloatImage) -> FloatImage:
        return np.where(features > 0.0, features, np.float32(LEAK) * features)

    def enlarged(self, features: FloatImage) -> FloatImage:
        for axis in (1, 2, 3):
            size = features.shape[axis]
            before = features.take(np.maximum(np.arange(size) - 1, 0), axis)
            after = features.take(np.minimum(np.arange(size) + 1, size - 1), axis)
            pair = [0.75 * features + 0.25 * before, 0.75 * features + 0.25 * after]
            shape = [2 * n if k == axis else n for k, n in enumerate(features.shape)]
            features = np.stack(pair, axis + 1).reshape(shape)
        return features

    def added(self, one: FloatImage, other: FloatImage) -> FloatImage:
        return one + other

    def classified(self, features: FloatImage, name: str) -> FloatImage:
        bias = self.network.weights[f"{name}.bias"][:, None, None, None]
        shares: FloatImage = 1.0 / (1.0 + np.exp(-(self.convolved(features, name) + bias)))
        return shares
