"""Convolutions in eight bits: whole numbers in the place of what they read and of their weights.

Every channel that a convolution reads is brought to the same 256 values by its own peak, and the
weights take over what differs (Xiao et al., SmoothQuant, ICML 2023); weights have a scale per
output channel (Jacob et al., CVPR 2018). OpenVINO then multiplies whole numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.segment.engine.runtime import openvino

__all__ = ["whole_weights", "with_256_values"]

_LEVELS = 256
_MOST = 127.0


def with_256_values(ops: Any, features: Any, peaks: NDArray[np.float32], has_signs: bool) -> Any:
    """Features brought to 256 steps, up to 1 at the peak of their channel; cut beyond.

    Args:
        ops: OpenVINO's operations.
        features: (1, channels, z, y, x).
        peaks: (channels,).
        has_signs: whether the steps reach below zero as well.
    """
    least = -(_MOST + 1.0) / _MOST if has_signs else 0.0
    high = peaks.reshape(1, -1, 1, 1, 1).astype(np.float32)
    ends = (high * np.float32(least), high, np.full((1, 1, 1, 1, 1), least), np.ones((1,) * 5))
    return ops.fake_quantize(
        features,
        *(openvino().op.Constant(np.ascontiguousarray(end, dtype=np.float32)) for end in ends),
        _LEVELS,
    )


def whole_weights(ops: Any, weights: NDArray[np.float32], peaks: NDArray[np.float32]) -> Any:
    """Weights (outputs, inputs, ...) for features whose peaks are 1, as whole numbers and a scale.

    Raises:
        ValueError: when the peaks are those of another convolution.
    """
    if peaks.shape != (weights.shape[1],):
        raise ValueError(f"{len(peaks)} peaks for {weights.shape[1]} channels")
    scaled = weights * peaks.reshape(1, -1, 1, 1, 1)
    step = np.abs(scaled).max(axis=(1, 2, 3, 4), keepdims=True) / _MOST
    step = np.maximum(step, np.finfo(np.float32).tiny).astype(np.float32)
    whole = np.ascontiguousarray(np.rint(scaled / step).astype(np.int8))
    constant = openvino().op.Constant
    return ops.multiply(ops.convert(constant(whole), "f32"), constant(step))
