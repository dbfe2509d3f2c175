"""A network at rest: its weights by name, checked against its size; torch where torch runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lvt_track.segment.network.parameters import NetworkParameters, weight_shapes

if TYPE_CHECKING:
    from lvt_track.segment.network.unet import ResidualUNet

__all__ = ["InputPeaks", "Network"]

InputPeaks = Mapping[str, NDArray[np.float32]]
"""Of each convolution that may be computed in eight bits, by its name in the network: how far from
zero what it reads reaches, per channel."""


@dataclass(frozen=True, eq=False)
class Network:
    """Weights of a network of the kind that is trained here.

    Attributes:
        size: of the network.
        weights: float32, by their names in `unet.ResidualUNet`.
        input_peaks: empty where they were not measured.

    Raises:
        ValueError: when weights or peaks are those of another network.
    """

    size: NetworkParameters
    weights: Mapping[str, NDArray[np.float32]]
    input_peaks: InputPeaks = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = weight_shapes(self.size)
        strange = sorted(shapes.keys() ^ self.weights.keys()) or sorted(
            name for name, shape in shapes.items() if self.weights[name].shape != shape
        )
        if strange:
            raise ValueError(f"weights of another network: {', '.join(strange[:3])}")
        for name, peak in self.input_peaks.items():
            shape = shapes.get(f"{name}.weight", ())
            if len(shape) != 5 or peak.shape != shape[1:2]:
                raise ValueError(f"peaks of another network: {name}")

    @classmethod
    def of(cls, module: ResidualUNet) -> Network:
        """The weights that a network has now."""
        state = module.state_dict().items()
        weights = {name: value.detach().float().cpu().numpy().copy() for name, value in state}
        return cls(module.parameters_of_size, weights)

    @cached_property
    def module(self) -> ResidualUNet:
        """The network as torch runs it, on the CPU, not to be trained further."""
        import torch

        from lvt_track.segment.network.unet import ResidualUNet

        with torch.device("meta"):  # or weights would be drawn at random first
            module = ResidualUNet(self.size)
        state = {name: torch.from_numpy(value.copy()) for name, value in self.weights.items()}
        module.load_state_dict(state, assign=True)
        return module.eval().requires_grad_(False)
